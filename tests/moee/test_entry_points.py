"""What the command line does can be called from Python: `from moee import animate, evaluate, ...`."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from judges import judges, quick_protocol
from mouth_painter import MouthPainter
from PIL import Image

import moee
from evaluation.results.result import Result
from moee.generation import generator
from moee.generation.generator import LoadedGenerator
from moee.generation.video_writer import write_video
from moee.judging import protocols

HEAVY = ("torch", "lightning", "numpy", "av", "pydantic", "omegaconf", "rich")


def test_importing_the_package_and_its_names_is_light() -> None:
    code = (
        "import sys, moee\n"
        "for name in moee.__all__: getattr(moee, name)\n"
        f"assert not [name for name in {HEAVY} if name in sys.modules]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_is_told_to_type_checkers_and_found() -> None:
    assert set(moee.PLACES) == set(moee.__all__) <= set(dir(moee))
    for name in moee.__all__:
        parameters = inspect.signature(getattr(moee, name)).parameters.values()
        assert all(p.kind is not p.VAR_KEYWORD and p.annotation is not p.empty for p in parameters), name
    with pytest.raises(AttributeError, match="'moee' has no attribute 'animat'"):
        _ = moee.animat  # type: ignore[attr-defined]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MouthPainter:
    """A stand-in for the network and for its judges."""
    painter = MouthPainter(size=128)
    loaded = LoadedGenerator(painter, Path("painter.safetensors"), "0" * 64)
    monkeypatch.setattr(generator, "load_generator", lambda *_: loaded)
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    return painter


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Three true clips with sound, and two systems that come more or less close."""
    for name, shift in (("true", 0), ("near", 2), ("far", 30)):
        (tmp_path / name).mkdir()
        for i in range(3):
            frames = torch.full((6, 3, 128, 128), 60 + 20 * i + shift, dtype=torch.uint8)
            write_video(tmp_path / name / f"{i}.mp4", frames, torch.zeros(6 * 640), {})
    return tmp_path


def test_animate(network: MouthPainter, videos: Path) -> None:
    Image.new("RGB", (120, 90), (90, 120, 150)).save(videos / "face.png")
    seen: list[tuple[int, int]] = []
    animation = moee.animate(
        videos / "face.png",
        videos / "true" / "0.mp4",
        videos / "out.mp4",
        emotion="happy:0.5",
        face_box="30 15 50 60",
        watch=lambda done, total: seen.append((done, total)),
    )
    assert animation.path.is_file()
    assert (animation.frames, animation.seconds, animation.checkpoint_sha256) == (6, 0.24, "0" * 64)
    assert seen[-1] == (6, 6)
    assert network.cues[0].label[0, 0] == 0.5
    with pytest.raises(ValueError, match="--steps 0: must be from 1"):
        moee.animate(videos / "face.png", videos / "true" / "0.mp4", videos / "b.mp4", steps=0)


def test_evaluate_compare_and_leaderboard(network: MouthPainter, videos: Path) -> None:
    protocol = str(quick_protocol(videos))
    lines: list[str] = []
    for name in ("near", "far"):
        evaluation = moee.evaluate(
            generated=videos / name,
            reference=str(videos / "true"),
            out=videos / "results" / f"{name}.json",
            protocol=protocol,
            sampled_by="a lab",
            tell=lines.append,
        )
        assert evaluation.first
        assert evaluation.result.digest == Result.read(videos / "results" / f"{name}.json").digest
    assert lines[0] == "near: 3 clips"
    comparison = moee.compare([videos / "results" / "near.json", videos / "results" / "far.json"], ["psnr"])
    (test,) = comparison.tests
    assert (test.first, test.second) == ("near", "far")
    assert test.first_value > test.second_value
    assert comparison.record()["systems"][0]["name"] == "near"  # type: ignore[index]
    assert comparison.as_csv().startswith("metric,first,second,")
    board = moee.leaderboard([videos / "results"], videos / "board")
    assert board.page.is_file()
    assert not board.refused


def test_an_evaluation_may_stay_in_memory(network: MouthPainter, videos: Path) -> None:
    evaluation = moee.evaluate(
        checkpoint="p", synthetic=2, frames=5, protocol=str(quick_protocol(videos)), device="cpu"
    )
    assert len(evaluation.result.rows) == 2
    assert not list(videos.glob("**/*.json"))
    with pytest.raises(ValueError, match="give one of --generated DIR"):
        moee.evaluate(reference=videos / "true")
    with pytest.raises(ValueError, match="both the true videos"):
        moee.evaluate(checkpoint="p", reference=videos / "true", synthetic=2)


@pytest.mark.slow
def test_train_and_export(toy_experiment: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    trained = moee.train(toy_experiment, ["vars.steps=5"], root=tmp_path / "runs", tell=lines.append)
    assert trained.directory == tmp_path / "runs" / f"toy-{trained.signature}"
    assert trained.steps == 5
    assert trained.checkpoint is not None
    assert trained.metrics["train/loss"] > 0
    assert lines[0] == f"run directory: {trained.directory}"
    again = moee.train(toy_experiment, ["vars.steps=5"], root=tmp_path / "runs", resume=True)
    assert again.steps == 5
    with pytest.raises(FileExistsError, match="--resume"):
        moee.train(toy_experiment, ["vars.steps=5"], root=tmp_path / "runs")
    files = moee.export(trained.directory, tmp_path / "weights")
    assert {path.name for path in files} == {"toy.safetensors", "head.safetensors"}


@pytest.mark.slow
def test_score(network: MouthPainter) -> None:
    lines: list[str] = []
    table = moee.score(clips=2, frames=5, seeds=1, questions=["palette"], tell=lines.append)
    (row,) = table.rows
    assert lines[-1] == row.line()
    assert table.record()["judges"]["published"] is False
    assert table.sampling["emotion_strength"] == network.emotion_strength
    with pytest.raises(ValueError, match="did you mean 'palette'"):
        moee.score(questions=["palete"])
