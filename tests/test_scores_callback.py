"""A network is looked at while it trains, and trains on as if it had not been."""

from pathlib import Path

import av
import pytest
import torch
from judges import judges
from test_experiments import shrunk
from torch import nn

from moee import scores_callback
from moee.loggers import read_metrics
from moee.runs import newest_checkpoint
from moee.scores_callback import ScorePlan, evaluating
from moee.train import train

SCORE = ("score={every: 1, clips: 2, frames: 5, steps: 1}",)


@pytest.mark.slow
def test_training_is_scored_and_goes_on_unchanged(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_callback, "load_extractors", lambda *_: judges())
    runs = []
    for name, options in (("a", SCORE), ("b", ())):
        runs.append(shrunk("embedded-joint", own_folder / name, *options))  # seeds, so one after the other
        train(runs[-1])
    scored, plain = runs
    assert scored.signature == plain.signature
    states = [torch.load(newest_checkpoint(run.directory), weights_only=True)["state_dict"] for run in runs]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
    rows = [row for row in read_metrics(scored.directory) if "score/psnr" in row]
    assert [row["step"] for row in rows] == ["1", "2"]
    assert all(0 < float(row["score/psnr"]) < 100 for row in rows)
    videos = sorted((scored.directory / "samples").iterdir())
    assert [path.name for path in videos] == ["step=00000001.mp4", "step=00000002.mp4"]
    with av.open(str(videos[0])) as video:
        assert (video.streams.video[0].width, video.streams.video[0].height) == (256, 256)
        assert sum(1 for _ in video.decode(video=0)) == 5


@pytest.mark.slow
@pytest.mark.parametrize("logger", ["wandb", "tensorboard"])
def test_other_loggers_get_numbers_and_pictures(logger: str, own_folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(scores_callback, "load_extractors", lambda *_: judges())
    run = shrunk("embedded-joint", own_folder, *SCORE, f"logger={logger}", "trainer.max_steps=1")
    train(run)
    files = [path for path in run.directory.rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files if path.suffix != ".ckpt")
    assert b"score/psnr" in kept
    assert b"true_beside_made" in kept + " ".join(map(str, files)).encode()


def test_modes_come_back_part_by_part() -> None:
    module = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2)))
    module.train()
    module[1].eval()
    seen = []

    def stop() -> None:
        with evaluating(module):
            seen.append([torch.is_grad_enabled(), *(part.training for part in module.modules())])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop()
    assert seen == [[False] * 5]
    assert torch.is_grad_enabled()
    assert [part.training for part in module.modules()] == [True, True, False, False]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("score={every: 0}", "score.every: 0 is not a whole number of at least 1"),
        ("score={every: 2, clips: 1}", "score.clips: 1 is not a whole number of at least 2"),
        ("score={clips: 3}", "score.every: missing"),
        ("score={every: 1, clip: 3}", "score.clip"),
    ],
)
def test_a_bad_plan_is_one_line(given: str, said: str, own_folder: Path) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.")) as error:
        shrunk("embedded-joint", own_folder, given)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_what_makes_no_videos_cannot_be_scored(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_callback, "load_extractors", lambda *_: judges())
    with pytest.raises(ValueError, match="score: EmotionRecognition makes no videos"):
        train(shrunk("emotion-label", own_folder, *SCORE))
    assert ScorePlan(5).clips == 7
