"""Whole scenes are not judged as if they were face crops: measured with a stand-in for the landmarker."""

from pathlib import Path

import pytest
import torch
from judges import judges, quick_protocol
from media_files import write_video
from places import PROTOCOL_FOLDER

from datamodules.faces.crop import Face, FaceFinder
from evaluation.protocol import load_protocol
from moee import cli
from moee.judging import protocols
from moee.judging.face_share import cutting_protocols, face_crop_notes
from moee.judging.request import EvaluationRequest
from moee.weights import registry


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three true videos and as many made ones."""
    for name in ("made", "true"):
        (tmp_path / name).mkdir()
        for key in "abc":
            write_video(tmp_path / name / f"{key}.mp4", 5, 25, (128, 128), None)
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def landmarker(monkeypatch: pytest.MonkeyPatch, share: float | None) -> None:
    """One that finds a face of that height in each picture; None finds none."""

    def find(_, image_3HW: torch.Tensor) -> list[Face]:
        height = image_3HW.shape[1]
        return [] if share is None else [Face(torch.zeros(68, 2), {}, (0.0, 0.0, 9.0, share * height))]

    monkeypatch.setattr(registry, "find", lambda _: Path("landmarker.task"))
    monkeypatch.setattr(FaceFinder, "__init__", lambda *_: None)
    monkeypatch.setattr(FaceFinder, "close", lambda _: None)
    monkeypatch.setattr(FaceFinder, "find", find)


def asked(**more) -> EvaluationRequest:
    return EvaluationRequest(**{"generated": Path("made"), "reference": Path("true"), **more})


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.6, "the face fills 60% of the picture's height, the median of 3 true clips"),
        (None, "no face was found in the first picture of 3 true clips"),
    ],
)
def test_how_clips_are_framed_is_told(monkeypatch, share: float | None, said: str) -> None:
    landmarker(monkeypatch, share)
    (line,) = face_crop_notes(asked(), load_protocol(PROTOCOL_FOLDER / "embedded-v2.yaml"))
    assert said in line


def test_whole_scenes_are_refused_in_one_line(clips: Path, monkeypatch, capsys) -> None:
    landmarker(monkeypatch, 0.27)
    words = ["evaluate", "--generated", "made", "--reference", "true", "--out", "r.json"]
    assert cli.main([*words, "--protocol", "embedded-v2"]) == 1
    error = capsys.readouterr().err
    assert "the face fills 27% of the picture's height" in error
    assert "cut them by `moee clips --recordings`, or give --protocol embedded-v3" in error
    assert error.count("\n") == 1
    assert not (clips / "r.json").exists()


@pytest.mark.usefixtures("clips")
def test_a_network_is_given_face_crops_under_any_protocol(monkeypatch) -> None:
    landmarker(monkeypatch, 0.3)
    request = asked(generated=None, checkpoint="generator")
    with pytest.raises(ValueError, match="a network is given face crops"):
        face_crop_notes(request, load_protocol(PROTOCOL_FOLDER / "embedded-v3.yaml"))


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize("name", ["embedded-v3", "talking-head-v1"])
def test_protocols_that_cut_and_published_networks_take_any_video(monkeypatch, name: str) -> None:
    landmarker(monkeypatch, 0.3)
    assert face_crop_notes(asked(), load_protocol(PROTOCOL_FOLDER / f"{name}.yaml")) == []


def test_without_mediapipe_the_finder_that_ships_looks(clips: Path, monkeypatch) -> None:
    monkeypatch.setenv("MOEE_WEIGHTS", str(clips / "nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(clips / "cache"))
    (line,) = face_crop_notes(asked(), load_protocol(quick_protocol(clips)))
    assert line.startswith("no face was found in the first picture of 3 true clips")


def test_protocols_that_cut() -> None:
    assert cutting_protocols("embedded") == "embedded-v3"
    assert cutting_protocols() == "embedded-v3 or talking-head-v2"
