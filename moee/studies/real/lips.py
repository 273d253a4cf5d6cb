"""Do the speech features hear what real lips do? The opening heard against the opening seen on real clips.

What is seen comes from MediaPipe's mesh alone: the distance of the inner lips over the height of the face.
F frame, P point of the 478, S sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from datamodules.media.folders import sound_beside
from datamodules.media.reading import read_video
from evaluation.extractors.faces.mesh import FaceMesh
from evaluation.metrics.correlation import moment_sums, pearson

UPPER_LIP, LOWER_LIP, FOREHEAD, CHIN = 13, 14, 10, 152  # middle of the inner lips, ends of the face
LEAST_SIDE = 512  # pixels; smaller pictures are enlarged, as the mesh wants them
FURTHEST = 5  # frames that a sound may be moved by
LEAST_FRAMES = 10


class HearsLips(Protocol):
    """What tells lips from sound, such as `MelSpeechFeatures`."""

    def predict_lips(self, waveform_BS: Tensor) -> Tensor:
        """Lip tracks (B, F, L), the first of which is the opening."""
        ...


@dataclass(frozen=True)
class RealClip:
    """A real clip: how far its lips are seen to open (F,), NaN without a face, and its sound (F * 640,)."""

    name: str
    seen: Tensor
    waveform: Tensor


@dataclass(frozen=True)
class HeardClip:
    """How one clip's lips follow what was heard.

    Args:
        name: of the clip.
        own: Pearson's r with what its own sound says.
        others: mean r with what the other clips' sounds say; NaN where there is no other.
        by_lag: r where the sound is moved by -5 to 5 frames; positive: lips come later than the sound says.
    """

    name: str
    own: float
    others: float
    by_lag: dict[int, float]

    @property
    def best_lag(self) -> int:
        """The move that fits best, in frames."""
        return max(self.by_lag, key=self.by_lag.__getitem__)


def read_real_clip(path: Path, mesh: FaceMesh) -> RealClip:
    """A video at 25 frames a second, with its own sound or that of the sound file of its name beside it.

    Raises:
        ValueError: if it has no sound, no face or cannot be read.
    """
    clip = read_video(path, sound=sound_beside(path))
    if clip.waveform is None:
        raise ValueError(f"{path} has no sound, and no sound file of its name lies beside it")
    return RealClip(path.stem, seen_opening(clip.frames, mesh, path.name), clip.waveform)


def seen_opening(frames_F3HW: Tensor, mesh: FaceMesh, who: str) -> Tensor:
    """Distance of the inner lips over the height of the face (F,); NaN where there is no face.

    Raises:
        ValueError: if no frame shows a face.
    """
    scale = max(LEAST_SIDE / min(frames_F3HW.shape[-2:]), 1.0)
    if scale > 1:
        large_F3HW = functional.interpolate(frames_F3HW.float(), scale_factor=scale, mode="bicubic")
        frames_F3HW = large_F3HW.round().clamp(0, 255).byte()
    points_FP2 = mesh.find(frames_F3HW, who).mesh.double()
    gap_F = (points_FP2[:, UPPER_LIP] - points_FP2[:, LOWER_LIP]).norm(dim=-1)
    return gap_F / (points_FP2[:, FOREHEAD] - points_FP2[:, CHIN]).norm(dim=-1)


def heard_opening(features: HearsLips, waveform_S: Tensor) -> Tensor:
    """Opening of the lips in [0, 1] (F,) as the speech features hear it."""
    with torch.no_grad():
        return features.predict_lips(waveform_S[None])[0, :, 0].double()


def agreement(heard_F: Tensor, seen_F: Tensor, lag: int = 0) -> float:
    """Pearson's r over the frames both have, with what was heard moved later by `lag` frames.

    0 where fewer than ten frames remain or one of the two does not move.
    """
    frames = min(len(heard_F), len(seen_F))
    heard_F, seen_F = heard_F[:frames], seen_F[:frames]
    heard_F = heard_F[max(-lag, 0) : frames - max(lag, 0)]
    seen_F = seen_F[max(lag, 0) : frames - max(-lag, 0)]
    if torch.isfinite(seen_F).sum() < LEAST_FRAMES:
        return 0.0
    return float(torch.nan_to_num(pearson(moment_sums(heard_F, seen_F))))


def compare(clips: list[RealClip], heard: Mapping[str, Tensor]) -> list[HeardClip]:
    """Each clip's seen lips against what was heard in its own sound and in that of the others."""
    rows = []
    for clip in clips:
        by_lag = {lag: agreement(heard[clip.name], clip.seen, lag) for lag in range(-FURTHEST, FURTHEST + 1)}
        others = [agreement(heard[other.name], clip.seen) for other in clips if other is not clip]
        mean = sum(others) / len(others) if others else float("nan")
        rows.append(HeardClip(clip.name, by_lag[0], mean, by_lag))
    return rows


def hear_real_clips(features: HearsLips, clips: list[RealClip]) -> list[HeardClip]:
    """`compare` with what the features hear in every clip."""
    return compare(clips, {clip.name: heard_opening(features, clip.waveform) for clip in clips})
