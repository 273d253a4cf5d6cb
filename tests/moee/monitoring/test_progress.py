"""Long work speaks: steps instead of epochs, and how far the rendering of clips is."""

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from datamodules.loading import synthetic_heads
from datamodules.loading.notices import RendersClips, SaysBeforehand
from datamodules.loading.synthetic_heads import SyntheticHeads
from datamodules.synthetic.recipe import Recipe
from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.experiments.training import make_clips_ready, train
from moee.monitoring import progress
from moee.monitoring.loggers import read_metrics
from moee.monitoring.progress import StepBar, watched

TINY = {"frames": 2, "size": 32, "voice_frames": 0}


def test_a_terminal_sees_steps_and_no_epochs(toy_experiment, tmp_path, monkeypatch):
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=160)
    monkeypatch.setattr("moee.experiments.run.StepBar", lambda: StepBar(console))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    train(Run(compose(toy_experiment), tmp_path / "runs"))
    assert "10/10" in drawn.getvalue()
    assert "train/loss" in drawn.getvalue()
    assert not re.search(r"Epoch|-2", drawn.getvalue())


def test_a_short_run_logs_its_loss(toy_experiment, tmp_path):
    run = Run(compose(toy_experiment, "trainer.log_every_n_steps=50", "trainer.max_steps=3"), tmp_path)
    train(run)
    assert [row["step"] for row in read_metrics(run.directory) if "train/loss" in row] == ["2"]


@pytest.fixture
def heads(tmp_path):
    return SyntheticHeads(1, 2, Recipe(clips=20, **TINY), Recipe(clips=1, **TINY), str(tmp_path / "s"), 1)


def test_rendering_is_announced_watched_and_done_once(heads, monkeypatch):
    assert isinstance(heads, SaysBeforehand)
    assert isinstance(heads, RendersClips)
    monkeypatch.setattr(synthetic_heads, "make_clip", lambda recipe, index: {})
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    told: list[str] = []

    run: Any = SimpleNamespace(datamodule=heads, trainer=SimpleNamespace(world_size=1))
    make_clips_ready(run, told.append)
    assert told[0].startswith("rendering 20 synthetic clips into ")
    assert "GB), once; `moee cache`" in told[0]
    assert any(re.match(r"16 of 21 clips, \d+\.\d min left", line) for line in told)
    assert heads.notices(1) == []


def test_clips_that_do_not_fit_the_disk_are_refused_before_the_first(heads, monkeypatch):
    monkeypatch.setattr(synthetic_heads.shutil, "disk_usage", lambda path: type("U", (), {"free": 1000})())
    with pytest.raises(OSError, match=r"do not fit, 0\.0 GB are free: .*init_args\.cache.*moee cache clean"):
        heads.render()
    assert not heads.cache.exists()


def test_lines_come_where_no_terminal_is(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    told: list[str] = []
    with watched("clips", told.append) as watch:
        watch(1, 4)
        watch(4, 4)
    assert len(told) == 1
    assert told[0].startswith("1 of 4 clips, ")
