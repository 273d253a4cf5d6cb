import argparse
import json
from pathlib import Path

import pytest
import torch
from mouth_painter import MouthPainter

from datamodules.batch import ACTION_UNITS, CLASSES
from moee.commands.machine import demo
from moee.demo import page, stages, training
from moee.demo.stages import HeldOut, Plan
from moee.demo.steps import Step, Steps
from moee.generation import generator
from moee.generation.generator import LoadedGenerator
from moee.judging import protocols


class BlindJudge:
    """Measures colours and calls them action units: fills every field, knows nothing."""

    published = False
    fingerprint = "1" * 64

    def __init__(self, name: str, provides: tuple[str, ...]) -> None:
        self.name, self.provides = name, provides

    def measure(self, frames_F3HW: torch.Tensor) -> dict[str, torch.Tensor]:
        coarse = torch.nn.functional.adaptive_avg_pool2d(frames_F3HW.float() / 255, 4).flatten(1)
        units = coarse[:, : len(ACTION_UNITS)]
        found = {
            "action_units": units,
            "emotion": coarse[:, : len(CLASSES)].softmax(1),
            "lip_opening": coarse[:, 20],
            "landmarks": (coarse[:, :34].repeat(1, 4).view(-1, 68, 2) * 30) + torch.arange(68)[None, :, None],
            "identity": torch.nn.functional.normalize(coarse, dim=1),
            "features": coarse.repeat(1, 2)[:, :64],
        }
        return {name: found[name] for name in self.provides}


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch):
    """A fake network, blind judges and no training: the demo's own work is what is left."""
    fake = LoadedGenerator(MouthPainter(size=64), Path("fake"), "0" * 64)
    monkeypatch.setattr(generator, "load_generator", lambda *args: fake)
    judges = [
        BlindJudge("embedded-judge", ("action_units", "emotion", "lip_opening", "landmarks", "features")),
        BlindJudge("embedded-identity", ("identity",)),
    ]
    monkeypatch.setattr(protocols, "load_extractors", lambda protocol, given=(): judges)
    trained: list[str] = []

    def train(experiment: str, network: LoadedGenerator, plan: Plan, out: Path) -> tuple[dict, list[Path]]:
        trained.append(experiment)
        path = out / "runs" / experiment / "metrics.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("step,train/loss\n0,1.0\n1,0.5\n")
        return {"steps": 2, "trained parameters": 10, "loss": [1.0, 0.5]}, [path]

    monkeypatch.setattr(training, "train_a_little", train)
    monkeypatch.setattr(stages, "QUICK", Plan(clips=3, frames=6, train_steps=2, portraits=1))
    return trained


def command(*given: str) -> int:
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return demo.run(parser.parse_args(given))


@pytest.mark.slow
def test_the_demo_makes_everything_it_promises_and_a_second_run_reuses_it(
    small_world, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "demo"
    assert command("--quick", "--out", str(out)) == 0
    first = capsys.readouterr().out
    page = (out / "index.html").read_text()
    assert (out / "grids" / "synthetic-1.mp4").is_file()
    assert (out / "leaderboard" / "index.html").is_file()
    assert len(list((out / "clips").glob("*.mp4"))) == len(list((out / "generated").glob("*.mp4"))) == 3
    assert {json.loads(p.read_text())["system"]["role"] for p in (out / "results").glob("*.json")} == {
        *("system", "ceiling", "floor")
    }
    for source in ("grids/synthetic-1.mp4", "leaderboard/index.html", "generated/"):
        assert source in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert str(out / "index.html") in first
    assert small_world == ["demo-stage1", "demo-stage2"]

    command("--quick", "--out", str(out))
    assert capsys.readouterr().out.count(", reused") == 6
    assert len(small_world) == 2


def test_a_step_is_repeated_if_its_files_or_inputs_are_gone(tmp_path: Path) -> None:
    calls = []

    def work() -> tuple[dict, list[Path]]:
        calls.append(1)
        (tmp_path / "a.txt").write_text("x")
        return {"n": 1}, [tmp_path / "a.txt"]

    assert not Steps(tmp_path, {"seed": 0}).run("one", "first", work).reused
    assert Steps(tmp_path, {"seed": 0}).run("one", "first", work).reused
    (tmp_path / "a.txt").unlink()
    assert not Steps(tmp_path, {"seed": 0}).run("one", "first", work).reused
    assert not Steps(tmp_path, {"seed": 1}).run("one", "first", work).reused
    assert len(calls) == 3


def test_a_step_that_fails_leaves_no_record(tmp_path: Path) -> None:
    def work() -> tuple[dict, list[Path]]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Steps(tmp_path, {}).run("one", "first", work)
    assert not list(tmp_path.glob("steps/*"))


@pytest.mark.parametrize("count", [4, 7, 14])
def test_the_clips_show_different_people_and_emotions(count: int) -> None:
    clips = HeldOut(Plan(clips=count, frames=5), size=64)
    names = [clips.emotion(i) for i in range(count)]
    assert len(set(names)) == min(count, 11)
    assert "neutral" in names
    first, second = clips.clip(0), clips.clip(1)
    assert first["identity"] != second["identity"]
    assert first["frames"].shape == (5, 3, 64, 64)


def test_wrong_input_is_refused_before_anything_is_made(small_world, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        command("--quick", "--out", str(tmp_path / "d"), "--face-box", "1 2 3 4")
    with pytest.raises(FileNotFoundError):
        command("--quick", "--out", str(tmp_path / "d"), "--portrait", str(tmp_path / "none.jpg"))
    with pytest.raises(FileNotFoundError):
        command("--quick", "--out", str(tmp_path / "d"), "--audio", str(tmp_path / "none.wav"))
    assert not (tmp_path / "d").exists()


def test_a_folder_with_other_things_is_left_alone(small_world, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ValueError, match="name another folder"):
        command("--quick", "--out", str(tmp_path))
    with pytest.raises(ValueError, match="is a file"):
        command("--quick", "--out", str(tmp_path / "thesis.txt"))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_names_in_the_page_are_escaped(tmp_path: Path) -> None:
    record = {"title": "A<b>", "value": 0.5, "interval": [0.4, 0.6], "direction": "higher", "unit": ""}
    rows = {"x<script>": {"role": "system", "metrics": {"emotion_accuracy": record}}}
    steps = {
        "clips": Step("clips", 1.0, {}, ["clips/00-sad.mp4"]),
        "grids": Step("grids", 1.0, {}, ["grids/a<b.mp4"]),
        "scores": Step("scores", 1.0, {}, ["generated/00-sad.mp4"]),
        "leaderboard": Step("board", 1.0, {"rows": rows}, []),
    }
    text = page.write_page(tmp_path, steps, 3.0).read_text()
    assert "x<script>" not in text
    assert "x&lt;script&gt;" in text
    assert "a&lt;b.mp4" in text


def test_a_sparkline_needs_two_points() -> None:
    assert page.sparkline([1.0]) == ""
    assert page.sparkline([1.0, 1.0, 0.5]).count(",") == 3


@pytest.mark.parametrize(
    ("interval", "said"), [([0.5, 0.9], "Clearly above"), ([0.1, 0.9], "Not to be told"), (None, "Not to be")]
)
def test_the_verdict_rests_on_the_interval_against_the_best_floor(interval: list | None, said: str) -> None:
    def row(role: str, value: float, interval: list | None) -> dict:
        return {"role": role, "metrics": {"lip_correlation": {"value": value, "interval": interval}}}

    rows = {"ours": row("system", 0.7, interval), "a": row("floor", 0.3, None), "b": row("floor", 0.0, None)}
    (line,) = page.verdict(rows)
    assert line.startswith(said)
    assert line.endswith(": the lips.")
    assert page.verdict({}) == []
