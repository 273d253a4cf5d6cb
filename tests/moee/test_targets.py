"""What cannot be written in the end is refused in the beginning, by each command, before any work."""

import shutil
from pathlib import Path

import av
import pytest
import torch
from judges import judges
from media_files import sine, write_sound, write_video
from PIL import Image

from moee import cli, files
from moee.generation import generator
from moee.generation.animate import least_bytes
from moee.generation.portrait import Portrait
from moee.judging import foreign, protocols

WORK = "work was done before the target was looked at"


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Something for each command to work on, and work that must not begin."""

    def work(*_, **__) -> None:
        raise AssertionError(WORK)

    places = ("moee.experiments.run.Run.make", "moee.sweeps.search.check_metric")
    places += ("datamodules.preparation.units.plan_units", "evaluation.clips.pairing.generated_pairs")
    places += ("moee.clips.sources.synthetic_clips", "evaluation.preference.study.build_study")
    places += ("evaluation.evaluate.evaluate_pairs", "torch.load", "evaluation.leaderboard.site.admit")
    for place in places:
        monkeypatch.setattr(place, work)
    monkeypatch.setattr(generator, "load_generator", work)
    monkeypatch.setattr(foreign, "run_adapter", work)
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    (tmp_path / "clips").mkdir()
    write_video(tmp_path / "clips" / "a.mp4")
    write_sound(tmp_path / "a.wav", sine(1.0), 48_000, "pcm_s16le")
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "adapter.yaml").write_text('name: x\ncommand: [x, "{manifest}"]\n')
    (tmp_path / "file").write_text("1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILE_TARGETS = {  # command without its target, and the target's option
    "animate": "animate --portrait a.png --audio a.wav --out",
    "evaluate": "evaluate --generated clips --reference clips --out",
    "evaluate synthetic": "evaluate --checkpoint generator --synthetic 2 --out",
    "score": "score --out",
    "study": "study dose --out",
    "compare": "compare a.json b.json --out",
    "compare csv": "compare a.json b.json --csv",
    "preference rank": "preference rank a.json --study study --out",
}
FOLDER_TARGETS = {
    "prepare": 'prepare folder clips --face-box "1 1 9 9"',
    "clips": 'clips --recordings clips --face-box "1 1 9 9" --out',
    "clips synthetic": "clips --synthetic 2 --out",
    "foreign": "foreign adapter.yaml --reference clips --out",
    "preference build": "preference build clips clips --out",
    "leaderboard": "leaderboard clips --out",
    "train": "train judge --smoke --root",
    "chain": "train --chain embedded-cues --smoke --root runs --weights",
    "sweep": "sweep judge-rate --root",
    "demo": "demo --out",
    "keep videos": "evaluate --checkpoint generator --synthetic 2 --out r.json --keep-videos",
    "kept": "evaluate --generated clips --reference clips --out r.json --kept",
}


def refused(capsys: pytest.CaptureFixture, command: str, target: str) -> str:
    words = [word.strip('"') for word in command.replace('"1 1 9 9"', '"1_1_9_9"').split()]
    assert cli.main([*(word.replace("1_1_9_9", "1 1 9 9") for word in words), target]) == 1
    *notes, error = capsys.readouterr().err.splitlines()
    assert error.startswith("moee: ")
    assert all("faces are cut by boxes alone" in note for note in notes)
    return error


INPUTS = {"a.png", "a.wav", "adapter.yaml", "clips", "file"}  # nothing may lie beside them afterwards


@pytest.mark.parametrize("command", FILE_TARGETS)
def test_a_file_that_cannot_be_written_is_refused_first(inputs: Path, capsys, command: str) -> None:
    ending = "mp4" if command == "animate" else "json"
    for target in (f"file/x.{ending}", "clips", f"{'x' * 300}.{ending}"):
        assert target.partition("/")[0][:20] in refused(capsys, FILE_TARGETS[command], target)
    assert {path.name for path in inputs.iterdir()} == INPUTS


@pytest.mark.parametrize("command", FOLDER_TARGETS)
def test_a_folder_that_cannot_be_filled_is_refused_first(inputs: Path, capsys, command: str) -> None:
    for target in ("file", "file/x", "x" * 300):
        assert target.partition("/")[0][:20] in refused(capsys, FOLDER_TARGETS[command], target)
    assert {path.name for path in inputs.iterdir()} == INPUTS


@pytest.mark.parametrize("command", [*list(FILE_TARGETS)[1:], *FOLDER_TARGETS])
def test_a_full_disk_is_told_first(inputs: Path, capsys, monkeypatch, command: str) -> None:
    usage = shutil.disk_usage(inputs)._replace(free=1000)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    target = "x.json" if command in FILE_TARGETS else "x"
    line = refused(capsys, (FILE_TARGETS | FOLDER_TARGETS)[command], target)
    assert "0 MiB are free, at least 1 MiB are needed" in line


def test_a_video_that_does_not_fit_is_refused_by_its_length_and_size(tmp_path: Path, monkeypatch) -> None:
    picture, crop = torch.zeros(3, 3000, 4000, dtype=torch.uint8), torch.zeros(3, 128, 128, dtype=torch.uint8)
    portrait = Portrait(picture, (0, 0, 3000), crop)
    assert least_bytes(portrait, 25, paste_back=False) < 2**16
    assert least_bytes(portrait, 3600 * 25, paste_back=True) > 2**31
    usage = shutil.disk_usage(tmp_path)._replace(free=2**30)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    files.check_space(tmp_path / "a.mp4", least_bytes(portrait, 3600 * 25, paste_back=False))
    with pytest.raises(OSError, match=r"a\.mp4: 1024 MiB are free, at least 4\d\d\d MiB are needed"):
        files.check_space(tmp_path / "a.mp4", least_bytes(portrait, 3600 * 25, paste_back=True))


def test_what_is_read_is_not_written_over(inputs: Path, capsys) -> None:
    (inputs / "m.json").write_text("{}")
    for command in ("compare m.json b.json --out", "evaluate --manifest m.json --out"):
        assert "m.json would be written over m.json: name another file" in refused(capsys, command, "m.json")
    assert "x.json would be written over" in refused(
        capsys, "compare a.json b.json --csv x.json --out", "x.json"
    )


def test_an_encoder_that_is_missing_is_told_first(inputs: Path, capsys, monkeypatch) -> None:
    def absent(name: str, mode: str) -> None:
        raise av.codec.codec.UnknownCodecError(name)

    monkeypatch.setattr("datamodules.media.clip_codec.av.Codec", absent)
    for command in (FILE_TARGETS["animate"], FOLDER_TARGETS["clips"], FOLDER_TARGETS["prepare"]):
        assert "PyAV has no encoder libx264 here" in refused(capsys, command, "x.mp4")


def test_a_file_of_another_experiment_stops_a_chain_before_it_begins(inputs: Path, capsys) -> None:
    (inputs / "w").mkdir()
    (inputs / "w" / "text-encoder.safetensors").write_bytes(b"1")
    line = refused(capsys, "train --chain emotion-text --smoke --weights w --root", "runs")
    assert "was made by something else than `moee export`" in line
