"""Whatever has no number in a table has a reason, and the reason is true of the clip."""

import pytest
import torch
from judges import painted

from datamodules.batch import EMOTIONS, parse_blend
from evaluation.metrics import METRICS
from evaluation.results.notes import clips_without_value, reasons_without_value
from evaluation.results.rows import Row

ALWAYS = {"psnr", "ssim", "ssim_uniform", "lpips", "lpips_vgg"}  # of two videos of one size


@pytest.mark.parametrize("name", [name for name in METRICS if not METRICS[name].of_sets])
def test_every_metric_that_can_lack_a_value_tells_why(name: str) -> None:
    assert bool(METRICS[name]().why_absent(frames=1)) == (name not in ALWAYS)


def test_clips_are_counted_by_reason_and_metrics_share_a_line() -> None:
    none = {"sync_c_embedded": None, "sync_d_embedded": None, "emotion_accuracy": None, "au_f1": None}
    rows = [
        Row("a", "p", frames=13, values=none | {"psnr": 30.0}),
        Row("b", "p", frames=14, values=none | {"emotion_accuracy": 1.0}),
        Row("c", "p", frames=12, values=none),
        Row("d", "p", problem="bad"),
    ]
    assert clips_without_value(rows) == [
        "2 of 3 clips, several emotions are asked for: Emotion acc.",
        "2 of 3 clips, under 14 frames: Sync-C, embedded; Sync-D, embedded",
        "1 of 3 clips, the sound is too short, or a window could not be measured: "
        "Sync-C, embedded; Sync-D, embedded",
    ]


def test_a_pooled_metric_without_a_value_tells_its_reason_and_no_note() -> None:
    records = {
        "blink_length": {"value": None, "note": ""},
        "fid_clean": {"value": None, "note": "too few"},
        "sync_c_embedded": {"value": None, "note": "on real recordings the scale is another"},
        "au_correlation": {"value": 0.5, "note": ""},
    }
    assert reasons_without_value(records) == [
        "Blink length: one side never blinks",
        f"{METRICS['fid_clean'].title}: too few",
    ]


@pytest.mark.parametrize(
    ("name", "frames"), [("sync_c_valid", 20), ("sync_c_embedded", 13), ("sync_d_embedded", 13)]
)
def test_the_length_that_is_told_is_where_values_begin(name: str, frames: int) -> None:
    metric = METRICS[name]()
    windows = frames - metric.beside  # type: ignore[attr-defined]
    features = torch.eye(64)
    assert metric.finish(metric.clip_sums(features[:windows], features[:windows])).isnan()
    assert not metric.finish(metric.clip_sums(features[: windows + 1], features[: windows + 1])).isnan()
    assert metric.why_absent(frames) == f"under {frames + 1} frames"
    assert "under" not in metric.why_absent(frames + 1)


def test_the_reasons_are_true_of_what_has_no_value() -> None:
    """Each case is what the reason says, and has no value; the same without it has one."""
    still, moving = torch.full((6,), 0.3), torch.tensor([0.1, 0.3, 0.1, 0.4, 0.2, 0.3])
    place = torch.arange(6)[:, None, None] + torch.arange(32)[:, None] + torch.arange(32)
    noise = (place % 2 * 200).to(torch.uint8)[:, None].expand(-1, 3, -1, -1)  # turns over in every frame
    flat = torch.full_like(noise, 90)
    seven = painted(0)["frames"][:, 0, 1, :7].float() + 1
    happy, mixed = (parse_blend(text) for text in ("happy", "happy:0.5,sad:0.5"))
    assert len(happy) == len(EMOTIONS)
    for name, made, lacking, fine in (
        ("lip_correlation", moving, still, moving),
        ("flicker", noise, noise, flat),
        ("grain", noise, noise, flat),
        ("sharpness", noise, flat, noise),
        ("emotion_accuracy", seven, mixed, happy),
        ("compound_emotion", seven, happy, mixed),
    ):
        metric = METRICS[name]()
        assert metric.finish(metric.clip_sums(made, lacking)).isnan(), name
        assert not metric.finish(metric.clip_sums(made, fine)).isnan(), name
