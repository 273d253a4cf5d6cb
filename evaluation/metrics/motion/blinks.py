"""How often and how long the eyes close, against the truth. F frame, Q counts of blinks.

Needs landmarks that follow the lids; a network that does not see a closed eye finds no blinks on either side.
"""

import torch
from torch import Tensor

from datamodules.batch import FPS
from datamodules.head_motion import eye_opening
from evaluation.metrics.base import ClipMetric

OPEN_LEVEL = 0.9  # quantile of a clip's opening that counts as its open eye, so that a squint is no blink
CLOSED_BELOW = 0.5  # of the open eye
LONGEST = 1.0  # seconds; eyes shut for longer are shut, not blinking
COUNTS = 4


def closed_eyes(opening_F: Tensor) -> Tensor:
    """Frames (F,) bool in which the eyes are under half as open as they usually are in the clip."""
    seen_F = torch.isfinite(opening_F)
    if not seen_F.any():
        return seen_F
    level = torch.quantile(opening_F[seen_F].double(), OPEN_LEVEL)
    return seen_F & (opening_F < CLOSED_BELOW * level)


def blink_counts(opening_F: Tensor, fps: float = FPS) -> Tensor:
    """Blinks, those seen to their end, frames of these, and frames measured (4,) float64.

    A blink begins after a frame with open eyes and lasts at most a second.

    Args:
        opening_F: eye aspect ratio, or 1 - eye closure; NaN without a face.
        fps: frames a second.
    """
    has_face, closed = torch.isfinite(opening_F).tolist(), closed_eyes(opening_F).tolist()
    blinks = whole = frames = 0
    for start in range(1, len(closed)):
        if not closed[start] or closed[start - 1] or not has_face[start - 1]:
            continue
        end = next((t for t in range(start, len(closed)) if not closed[t]), len(closed))
        if end - start <= LONGEST * fps:
            ended = end < len(closed) and has_face[end]
            blinks, whole, frames = blinks + 1, whole + ended, frames + ended * (end - start)
    return torch.tensor([blinks, whole, frames, sum(has_face)], dtype=torch.float64)


class BlinkMetric(ClipMetric):
    """Sums are the counts of blinks of the generated clips, then of the true ones."""

    target = 0.0
    aggregation = "pooled"
    needs = ("landmarks", "landmarks")

    def __init__(self) -> None:
        super().__init__(width=2 * COUNTS)

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return torch.cat([blink_counts(eye_opening(x)) for x in (pred, true)])

    def details(self, sums: Tensor) -> dict[str, object]:
        generated, true = sums.split(COUNTS)
        return {"blinks_generated": int(generated[0]), "blinks_true": int(true[0])}


class BlinkRate(BlinkMetric):
    """Blinks a minute, generated less true."""

    name, title, unit = "blink_rate", "Blink rate", "blinks a minute"
    absent = "no frame of one side has a face"

    def finish(self, sums: Tensor) -> Tensor:
        generated, true = sums.unflatten(-1, (2, COUNTS)).unbind(-2)
        return 60 * FPS * (_ratio(generated[..., 0], generated[..., 3]) - _ratio(true[..., 0], true[..., 3]))


class BlinkLength(BlinkMetric):
    """Mean length of a blink in seconds, generated less true; no number where one side never blinks."""

    name, title, unit = "blink_length", "Blink length", "s"
    absent = "one side never blinks"

    def finish(self, sums: Tensor) -> Tensor:
        generated, true = sums.unflatten(-1, (2, COUNTS)).unbind(-2)
        return (_ratio(generated[..., 2], generated[..., 1]) - _ratio(true[..., 2], true[..., 1])) / FPS


def _ratio(total: Tensor, count: Tensor) -> Tensor:
    return total / torch.where(count > 0, count, torch.nan)
