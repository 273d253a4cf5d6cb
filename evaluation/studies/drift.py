"""Whether a long video slowly goes wrong: a measure of each frame over time, and its slope.

F frame, N clip, T bin of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from datamodules.batch import FPS
from evaluation.statistics.intervals import cluster_interval, number, ratio

Interval = tuple[float, float]


@dataclass(frozen=True)
class Drift:
    """A measure over the seconds of the clips.

    Args:
        seconds: middle of each bin.
        mean: of each bin, frames of all clips alike; None where no frame has a number.
        intervals: of each bin, BCa by person; None where there is none.
        clips: with a number in each bin; where they thin out, the mean is of other clips than before.
        slope: change a second within a clip, in the measure's unit: clips that only differ add nothing.
        slope_interval: BCa by person.
        people: how many.
    """

    seconds: tuple[float, ...]
    mean: tuple[float | None, ...]
    intervals: tuple[Interval | None, ...]
    clips: tuple[int, ...]
    slope: float | None
    slope_interval: Interval | None
    people: int


def slope_sums(value_F: Tensor, fps: float = FPS) -> Tensor:
    """Products of time and value, and squares of time, about the clip's own means (2,) float64.

    Frames without a number are left out; the ratio of the sums is the clip's least-squares slope a second.
    """
    seen_F = torch.isfinite(value_F)
    time = torch.arange(len(value_F), dtype=torch.float64)[seen_F] / fps
    time = time - time.mean() if len(time) else time
    return torch.stack([(time * value_F[seen_F].double()).sum(), time.square().sum()])


def bin_sums(value_F: Tensor, bins: int, frames_per_bin: int) -> Tensor:
    """Total and number of the frames of each bin that have a number (T, 2) float64."""
    seen_F = torch.isfinite(value_F)
    place_F = torch.arange(len(value_F)) // frames_per_bin
    sums_T2 = torch.zeros(bins, 2, dtype=torch.float64)
    rows = torch.stack([value_F.double(), torch.ones(len(value_F), dtype=torch.float64)], 1)
    return sums_T2.index_add_(0, place_F[seen_F], rows[seen_F])


def drift(
    tracks: Sequence[Tensor],
    people: Sequence[str],
    fps: float = FPS,
    bin_seconds: float = 1.0,
    resamples: int = 2000,
    seed: int = 0,
) -> Drift:
    """The curve and the slope of a frame-wise measure, such as CSIM, sharpness or lip error.

    Args:
        tracks: values (F,) of each clip's frames; NaN where a frame could not be measured.
        people: who is in each clip.
        fps: frames a second.
        bin_seconds: width of a bin, rounded to whole frames.
        resamples: number of replicates.
        seed: of the draws.

    Raises:
        ValueError: without a frame, for lengths that differ, or a bin of less than a frame.
    """
    if len(tracks) != len(people) or not any(len(track) for track in tracks):
        raise ValueError(f"drift needs clips with frames and who is in each: {len(tracks)}, {len(people)}")
    width = round(bin_seconds * fps)
    if width < 1:
        raise ValueError(f"a bin of {bin_seconds} s holds no frame at {fps} frames a second")
    bins = -(-max(len(track) for track in tracks) // width)
    sums_NT2 = torch.stack([bin_sums(track, bins, width) for track in tracks])
    slopes_N2 = torch.stack([slope_sums(track, fps) for track in tracks])
    draws = resamples, seed
    return Drift(
        seconds=tuple((t + 0.5) * width / fps for t in range(bins)),
        mean=tuple(number(x) for x in ratio(sums_NT2.sum(0))),
        intervals=tuple(cluster_interval(sums_NT2[:, t], people, ratio, *draws) for t in range(bins)),
        clips=tuple((sums_NT2[..., 1] > 0).sum(0).tolist()),
        slope=number(ratio(slopes_N2.sum(0))),
        slope_interval=cluster_interval(slopes_N2, people, ratio, *draws),
        people=len(set(people)),
    )
