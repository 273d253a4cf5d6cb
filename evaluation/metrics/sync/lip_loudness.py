"""Lips against the sound without a network: loud means open, silent means still. F frame, P point of the 478.

Both are THEval's (CVPR 2026 Findings; rules read in its code, Newbyl/THEval at cfe23fe, `lip_sync.py` and
`silent_lip_stability.py`) but for two things: speech is found by loudness, where THEval asks Silero's
network, and a frame's loudness is that of its own 40 ms, where THEval interpolates windows of 50 ms. So
values compare within a table, not with THEval's. Real video is no zero: its own row tells how near to go.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from datamodules.batch import FPS, SAMPLES_PER_FRAME
from evaluation.metrics.base import ClipMetric
from evaluation.metrics.motion.mesh_dynamics import OUTER_EYES

UPPER_LIP = (191, 80, 81, 82, 13, 312, 311, 310)  # inner contour, pairs with the lower one
LOWER_LIP = (95, 88, 178, 87, 14, 317, 402, 318)
EYES = ((33, 133), (362, 263))  # corners
LOUD = 0.95  # quantile of a clip's loudness that counts as its loud speech
SPEECH = 0.05  # of loud speech, -26 dB; quieter is silence
LEAST_SPEECH = 0.1  # share of the frames
LEAST_SILENCE = 0.3  # seconds; shorter pauses are part of the speech
NARROW = 1e-8


def frame_loudness(sound_S: Tensor) -> Tensor:
    """Root mean square (F,) of each frame's 640 samples; a rest that fills no frame is left out."""
    frames = len(sound_S) // SAMPLES_PER_FRAME
    blocks = sound_S[: frames * SAMPLES_PER_FRAME].double().view(frames, SAMPLES_PER_FRAME)
    return blocks.square().mean(1).sqrt()


def speech_frames(loudness_F: Tensor) -> Tensor:
    """Frames (F,) bool louder than -26 dB of the clip's loud speech; none in a clip without sound."""
    if not len(loudness_F):
        return torch.zeros(0, dtype=torch.bool)
    return loudness_F > SPEECH * torch.quantile(loudness_F.double(), LOUD)


def silent_frames(loudness_F: Tensor, fps: float = FPS) -> Tensor:
    """Frames (F,) bool in pauses of 0.3 s or more."""
    silent = (~speech_frames(loudness_F)).tolist()
    in_pause, start = [False] * len(silent), 0
    for end in range(len(silent) + 1):
        if end == len(silent) or not silent[end]:
            if end - start >= LEAST_SILENCE * fps:
                in_pause[start:end] = [True] * (end - start)
            start = end + 1
    return torch.tensor(in_pause, dtype=torch.bool)


def lip_loudness(mesh_FP2: Tensor, loudness_F: Tensor) -> Tensor:
    """Mean absolute difference () in [0, 1] of mouth opening and loudness over speech, each scaled to [0, 1].

    The opening is the vertical distance of the lips' means over the horizontal one of the eyes. NaN where
    less than a tenth of the frames, or fewer than two with a face, are speech.
    """
    mesh_FP2, loudness_F, speech = _matched(mesh_FP2, loudness_F, speech_frames)
    points = mesh_FP2.double()
    upper, lower = (points[:, list(lip), 1].mean(1) for lip in (UPPER_LIP, LOWER_LIP))
    right, left = (points[:, list(eye), 0].mean(1) for eye in EYES)
    opening_F = (upper - lower).abs() / (left - right).abs()
    counted = speech & torch.isfinite(opening_F)
    if speech.double().mean() < LEAST_SPEECH or counted.sum() < 2:
        return points.new_tensor(torch.nan)
    opened, loud = (_unit(x[counted]) for x in (opening_F, loudness_F.double()))
    return (opened - loud).abs().mean()


def silent_lips(mesh_FP2: Tensor, loudness_F: Tensor) -> Tensor:
    """Median distance () of the lips' opening from its mean while nobody speaks, in outer-eye distances.

    NaN where fewer than two such frames show a face.
    """
    mesh_FP2, _, silent = _matched(mesh_FP2, loudness_F, silent_frames)
    points = mesh_FP2[silent].double()
    gaps = (points[:, list(UPPER_LIP), 1] - points[:, list(LOWER_LIP), 1]).abs().mean(1)
    right, left = OUTER_EYES
    opening_F = gaps / (points[:, right] - points[:, left]).norm(dim=-1)
    opening_F = opening_F[torch.isfinite(opening_F)]
    if len(opening_F) < 2:
        return points.new_tensor(torch.nan)
    return torch.quantile((opening_F - opening_F.mean()).abs(), 0.5)


def _matched(
    mesh_FP2: Tensor, loudness_F: Tensor, marked_by: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Both over the frames they share, and the frames that the sound marks."""
    frames = min(len(mesh_FP2), len(loudness_F))
    return mesh_FP2[:frames], loudness_F[:frames], marked_by(loudness_F[:frames])


def _unit(value_N: Tensor) -> Tensor:
    low, high = value_N.amin(), value_N.amax()
    return (value_N - low) / (high - low + NARROW)


class MeanOfClips(ClipMetric):
    """Mean over the clips that have a value; sums are total and count."""

    aggregation = "clips"
    higher_is_better = False
    needs = ("mesh_478", "loudness")

    def sums_of(self, value: Tensor) -> Tensor:
        """Sums of a clip with that value."""
        known = bool(torch.isfinite(value))
        return torch.tensor([float(value) if known else 0.0, float(known)], dtype=torch.float64)

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"clips_scored": int(sums[1])}


class LipLoudness(MeanOfClips):
    """How far mouth opening and loudness differ while somebody speaks."""

    name, title = "lip_loudness", "Lips against loudness"
    absent = f"under {LEAST_SPEECH * 100:g} % of the frames are speech, or too few of these have a face"

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return self.sums_of(lip_loudness(pred, true))


class SilentLips(MeanOfClips):
    """How much the lips move in pauses."""

    name, title, unit = "silent_lips", "Lips in silence", "outer-eye distances"
    absent = f"no pause of {LEAST_SILENCE:g} s, or too few of its frames have a face"

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return self.sums_of(silent_lips(pred, true))
