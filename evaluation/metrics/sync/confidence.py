"""Lip synchronisation from features of lips and speech. N window, D width, P shift.

The anchor is joonson/syncnet_python: distances between each window of the video and the windows of the sound
up to fifteen frames away, averaged for each of the 31 shifts. Its sound is padded with zeros, so that at the
ends distances are to the origin: a share of |shift| / N, large for short clips. The `valid` variants average
over pairs of windows that both exist. The `embedded` ones rest on the embedded judge's unit vectors, at
shifts that at least half the windows share: another scale, another network, never to be read as SyncNet's.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric, check_pair

REACH = 15  # frames to either side
EPSILON = 1e-6  # the anchor's `pairwise_distance` adds it to every difference


class Sync(NamedTuple):
    """What the distances of a clip say.

    `confidence` (Sync-C, LSE-C): median over shifts less the minimum. `distance` (Sync-D, LSE-D): the
    minimum. `offset`: frames by which the sound comes too early.
    """

    confidence: Tensor
    distance: Tensor
    offset: Tensor


def shifted_distances(
    video_ND: Tensor, audio_ND: Tensor, reach: int = REACH, *, valid: bool = False, epsilon: float = EPSILON
) -> Tensor:
    """Mean Euclidean distance (2 x reach + 1,) of video windows to audio windows shifted by -reach..reach.

    Args:
        video_ND: one row a window, one frame apart.
        audio_ND: of the same windows of time.
        reach: largest shift in frames.
        valid: average over pairs that both exist, instead of padding the sound with zeros.
        epsilon: added to every difference.

    Raises:
        ValueError: for other shapes, no window, or `valid` with so few that a shift has no pair.
    """
    check_pair(video_ND, audio_ND, (None, None), "sync features")
    windows, fewest = len(video_ND), reach + 1 if valid else 1
    if windows < fewest:
        raise ValueError(f"expected at least {fewest} windows, got {windows}: give a longer clip")
    video_ND, audio_ND = video_ND.double(), audio_ND.double()
    alone_N = (video_ND + epsilon).norm(dim=1)
    means = []
    for shift in range(-reach, reach + 1):
        first, last = max(0, -shift), min(windows, windows - shift)
        if first >= last:  # nothing but padding
            means.append(alone_N.mean())
            continue
        differences = video_ND[first:last] - audio_ND[first + shift : last + shift] + epsilon
        total = differences.norm(dim=1).sum()
        padded = alone_N[:first].sum() + alone_N[last:].sum()
        means.append(total / (last - first) if valid else (total + padded) / windows)
    return torch.stack(means)


def sync_of(distance_P: Tensor) -> Sync:
    """Confidence, distance and offset from mean distances at shifts -reach..reach."""
    best = distance_P.argmin()
    lowest = distance_P[best]
    return Sync(distance_P.median() - lowest, lowest, len(distance_P) // 2 - best)


class SyncMetric(ClipMetric):
    """One of the three numbers of each clip, and their mean over clips.

    The lips are the generated clip's, the speech the true one's. A clip too short for every shift has none,
    nor has one with a window that could not be measured: what is left of it would show an offset anyway.
    """

    aggregation = "clips"
    needs = ("sync_video", "sync_audio")
    part: ClassVar[str]
    valid: ClassVar[bool] = False
    fewest: ClassVar[int] = 1  # windows of a clip that has a value
    beside: ClassVar[int] = 5  # frames by which a clip is longer than its windows, as SyncNet's authors count

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        windows = min(len(pred), len(true))  # the anchor stops at the end of either
        known = torch.isfinite(pred[:windows]).all() and torch.isfinite(true[:windows]).all()
        if windows < self.fewest or not known:
            return torch.zeros_like(self.sums)
        reach = self.reach(windows)
        sync = sync_of(shifted_distances(pred[:windows], true[:windows], reach, valid=self.valid))
        return self.sums_of(getattr(sync, self.part))

    def why_absent(self, frames: int) -> str:
        if frames < self.fewest + self.beside:
            return f"under {self.fewest + self.beside} frames"
        return "the sound is too short, or a window could not be measured"

    def reach(self, windows: int) -> int:
        """The largest shift looked at."""
        return REACH

    def sums_of(self, value: Tensor) -> Tensor:
        """Sums of one clip's number."""
        return torch.stack([value.double(), value.new_ones((), dtype=torch.float64)])

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"clips_scored": int(sums[1])}


class SyncConfidence(SyncMetric):
    """Sync-C (LSE-C) as the anchor has it."""

    name, title, part = "sync_c", "Sync-C", "confidence"
    higher_is_better = True


class SyncDistance(SyncMetric):
    """Sync-D (LSE-D) as the anchor has it."""

    name, title, part = "sync_d", "Sync-D", "distance"
    higher_is_better = False


class ValidSyncConfidence(SyncMetric):
    """Sync-C over pairs of windows that both exist."""

    name, title, part = "sync_c_valid", "Sync-C, valid windows", "confidence"
    higher_is_better = True
    valid, fewest = True, REACH + 1


class ValidSyncDistance(SyncMetric):
    """Sync-D over pairs of windows that both exist."""

    name, title, part = "sync_d_valid", "Sync-D, valid windows", "distance"
    higher_is_better = False
    valid, fewest = True, REACH + 1


class SyncOffset(SyncMetric):
    """Frames by which the sound comes too early; sums are total, clips, and clips at each offset."""

    name, title, unit, part = "sync_offset", "Sync offset", "frames", "offset"
    target = 0.0

    def __init__(self) -> None:
        super().__init__(width=2 + 2 * REACH + 1)

    def sums_of(self, value: Tensor) -> Tensor:
        at_P = torch.zeros(2 * REACH + 1, dtype=torch.float64, device=value.device)
        at_P[value + REACH] = 1
        return torch.cat([super().sums_of(value), at_P])

    def details(self, sums: Tensor) -> dict[str, object]:
        at_P = sums[2:]
        away_P = torch.arange(-REACH, REACH + 1, device=sums.device)
        clips_at = {str(int(place)): int(count) for place, count in zip(away_P, at_P, strict=True) if count}
        mean_absolute = ((away_P.abs() * at_P).sum() / sums[1].clamp(min=1)).item()
        return super().details(sums) | {"mean_absolute": mean_absolute, "clips_at_offset": clips_at}


def reach_of(windows: int) -> int:
    """The largest shift, at most fifteen, that at least half of the windows take part in.

    What rests on one or two pairs is often the smallest by chance.
    """
    return min(REACH, windows // 2)


class EmbeddedSync(SyncMetric):
    """A number of the embedded judge, over pairs that both exist, at shifts that half the windows share."""

    needs = ("embedded_sync_video", "embedded_sync_audio")
    valid, fewest, beside = True, 10, 4
    # measured; the card of the weights has the table
    note = (
        "on real recordings the embedded judge's scale is about a quarter of that on renderings, and of the "
        "delays put into three of them it found a third exactly and two thirds within a frame"
    )

    def reach(self, windows: int) -> int:
        return reach_of(windows)


class EmbeddedSyncConfidence(EmbeddedSync):
    """Sync-C of the embedded judge."""

    name, title, part = "sync_c_embedded", "Sync-C, embedded", "confidence"
    higher_is_better = True
    version = "2"


class EmbeddedSyncDistance(EmbeddedSync):
    """Sync-D of the embedded judge: between 0 and 2."""

    name, title, part = "sync_d_embedded", "Sync-D, embedded", "distance"
    higher_is_better = False
    version = "2"


class EmbeddedSyncOffset(EmbeddedSync, SyncOffset):
    """Frames between picture and sound, whichever is early, of the embedded judge.

    Absolute, because the signed mean over clips that match nothing is near 0 too.
    """

    name, title, part = "sync_offset_embedded", "Sync offset, embedded", "offset"
    higher_is_better, target = False, None
    version = "2"

    def finish(self, sums: Tensor) -> Tensor:
        away_P = torch.arange(-REACH, REACH + 1, device=sums.device).abs().double()
        return super().finish(torch.stack([sums[..., 2:] @ away_P, sums[..., 1]], dim=-1))
