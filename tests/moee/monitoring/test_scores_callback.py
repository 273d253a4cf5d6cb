"""A network is looked at while it trains, and trains on as if it had not been."""

import csv
import io
import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import wandb
from judges import judges
from PIL import Image
from torch import nn

from moee.experiments.training import train
from moee.monitoring import scores
from moee.monitoring.loggers import read_metrics
from moee.monitoring.samples import as_csv, as_gif, as_markdown
from moee.monitoring.score_plan import ScorePlan
from moee.monitoring.scores import evaluating
from moee.weights.runs import newest_checkpoint
from tests.moee.experiments.test_experiments import shrunk

SCORE = ("score={every: 1, clips: 2, frames: 5, steps: 1}",)


@pytest.mark.slow
def test_training_is_scored_and_goes_on_unchanged(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "load_extractors", lambda *_: judges())
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
    samples = sorted((scored.directory / "samples").iterdir())
    assert [path.name for path in samples] == [
        f"step=0000000{i}.{kind}" for i in (1, 2) for kind in ("csv", "mp4")
    ]
    with samples[0].open(newline="") as file:
        clips = list(csv.DictReader(file))
    assert len({clip["key"] for clip in clips}) == len(clips) == 2
    mean = sum(float(clip["psnr"]) for clip in clips) / 2
    assert mean == pytest.approx(float(rows[0]["score/psnr"]), rel=1e-4)
    with av.open(str(samples[1])) as video:
        assert (video.streams.video[0].width, video.streams.video[0].height) == (256, 256)
        assert sum(1 for _ in video.decode(video=0)) == 5


@pytest.mark.slow
def test_wandb_gets_numbers_rows_and_a_video(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    directory = scored_run(own_folder, "wandb", monkeypatch)
    wandb.teardown()  # the service that writes the file is gone afterwards; `finish` does not wait for it
    (media,) = [path for path in directory.rglob("media") if path.is_dir()]
    (table,) = (media / "table" / "score").iterdir()
    content = json.loads(table.read_text())
    assert content["columns"][:3] == ["key", "label", "problem"]
    assert len(content["data"]) == 2
    (video,) = (media / "videos" / "score").iterdir()
    assert video.read_bytes() == (directory / "samples" / "step=00000001.mp4").read_bytes()
    assert any(b"score/psnr" in path.read_bytes() for path in directory.rglob("*.wandb"))


@pytest.mark.slow
def test_tensorboard_gets_numbers_rows_and_a_moving_picture(own_folder: Path, monkeypatch) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    directory = scored_run(own_folder, "tensorboard", monkeypatch)
    board = EventAccumulator(str(directory / "tensorboard")).Reload()
    (psnr,) = board.Scalars("score/psnr")
    assert (psnr.step, 0 < psnr.value < 100) == (1, True)
    (text,) = board.Tensors("score/clips/text_summary")
    lines = text.tensor_proto.string_val[0].decode().splitlines()
    assert lines[0].startswith("| key | label | problem |")
    assert len(lines) == 2 + 2  # head and rule, a line for each clip
    (picture,) = board.Images("score/true_beside_made")
    assert (picture.step, picture.width, picture.height) == (1, 256, 256)
    with Image.open(io.BytesIO(picture.encoded_image_string)) as moving:
        assert (moving.n_frames, moving.size) == (5, (256, 256))


def scored_run(folder: Path, logger: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory of a run of one step that was looked at."""
    monkeypatch.setattr(scores, "load_extractors", lambda *_: judges())
    run = shrunk("embedded-joint", folder, *SCORE, f"logger={logger}", "trainer.max_steps=1")
    train(run)
    return run.directory


def test_a_moving_picture_keeps_pictures_and_time() -> None:
    tiles = torch.zeros(3, 3, 8, 12, dtype=torch.uint8)
    tiles[0, 0], tiles[1, 1], tiles[2, 2] = 255, 200, 100
    with Image.open(io.BytesIO(as_gif(tiles))) as moving:
        seen = []
        for index in range(moving.n_frames):
            moving.seek(index)
            assert moving.info["duration"] == 40
            seen.append(torch.from_numpy(np.array(moving.convert("RGB"))).permute(2, 0, 1))
    assert torch.equal(torch.stack(seen), tiles)


def test_rows_are_text_in_a_table() -> None:
    columns, rows = ["key", "problem", "psnr"], [["a|b", "", 31.41592], ["c", "no\nface", None]]
    assert as_markdown(columns, rows).splitlines() == [
        "| key | problem | psnr |",
        "| --- | --- | --- |",
        "| a\\|b |  | 31.42 |",
        "| c | no face |  |",
    ]
    assert as_csv(columns, rows) == 'key,problem,psnr\na|b,,31.41592\nc,"no\nface",\n'


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
        ("score={every: 0}", "score.every must be greater than or equal to 1, got 0"),
        ("score={every: 2, clips: 1}", "score.clips must be greater than or equal to 2, got 1"),
        ("score={clips: 3}", "score lacks every"),
        ("score={every: 1, clip: 3}", "score: unknown key 'clip', did you mean 'clips'"),
    ],
)
def test_a_bad_plan_is_one_line(given: str, said: str, own_folder: Path) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.")) as error:
        shrunk("embedded-joint", own_folder, given)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_what_makes_no_videos_cannot_be_scored(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "load_extractors", lambda *_: judges())
    with pytest.raises(ValueError, match="score: EmotionRecognition makes no videos"):
        train(shrunk("emotion-label", own_folder, *SCORE))
    assert ScorePlan(every=5).clips == 7
