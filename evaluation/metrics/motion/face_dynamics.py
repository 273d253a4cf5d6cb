"""How lively lips and brows are, as THEval measures it, against the truth. F frame, K landmark of the 68.

THEval (CVPR 2026 Findings) reads the same quantities off MediaPipe's mesh, as `mesh_dynamics` does; with 20
lip points and 5 a brow here the values lie on another scale, so that only the ratio to the truth is told.
"""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from datamodules.head_motion import eye_centres
from evaluation.metrics.base import ClipMetric
from evaluation.metrics.landmarks.distances import MOUTH, OUTER_EYES
from evaluation.metrics.motion.theval import NEAR_ZERO, closeness

BROWS = {"right": slice(17, 22), "left": slice(22, 27)}


def seen(landmarks_FK2: Tensor) -> Tensor:
    """Whether a frame has a face (F,) bool."""
    return torch.isfinite(landmarks_FK2).all(-1).all(-1)


def lip_dynamics(landmarks_FK2: Tensor) -> Tensor:
    """Mean over pairs of mouth points of the variance of their distance over time (), divided by N.

    Distances in outer-eye distances of their frame, so that neither size nor head motion counts (THEval, lip
    dynamics). NaN without a face.
    """
    points = landmarks_FK2[seen(landmarks_FK2)].double()
    left, right = OUTER_EYES
    return mouth_variance(points[:, MOUTH], (points[:, left] - points[:, right]).norm(dim=-1))


def mouth_variance(mouth_FK2: Tensor, eyes_F: Tensor) -> Tensor:
    """`lip_dynamics` of mouth points and outer-eye distances; NaN without frames."""
    if not len(mouth_FK2):
        return mouth_FK2.new_tensor(torch.nan)
    first, second = torch.triu_indices(mouth_FK2.shape[1], mouth_FK2.shape[1], 1)
    pairs_FP = (mouth_FK2[:, first] - mouth_FK2[:, second]).norm(dim=-1) / eyes_F[:, None]
    return pairs_FP.var(0, correction=0).mean()


def brow_dynamics(landmarks_FK2: Tensor) -> Tensor:
    """Mean change from frame to frame of the brows' heights over the eyes (), both sides.

    A height is the distance of the centres of brow and eye in inter-ocular distances (THEval, eyebrow
    dynamics). Only frames that follow each other count; NaN without two of them.
    """
    points = landmarks_FK2.double()
    return brow_motion([points[:, BROWS[side]].mean(1) for side in ("right", "left")], eye_centres(points))


def brow_motion(brows: Sequence[Tensor], eyes: Sequence[Tensor]) -> Tensor:
    """`brow_dynamics` of the centres (F, 2) of the brows and of the eyes, right and left."""
    scale_F = (eyes[0] - eyes[1]).norm(dim=-1)
    heights = [(brow - eye).norm(dim=-1) / scale_F for brow, eye in zip(brows, eyes, strict=True)]
    return torch.stack(heights).diff(dim=1).abs().nanmean()


class DynamicsMetric(ClipMetric):
    """Mean over clips, generated over true; sums are a total and a count, generated, then true."""

    target = 1.0
    aggregation = "clips"
    needs = ("landmarks", "landmarks")

    def __init__(self) -> None:
        super().__init__(width=4)

    @abstractmethod
    def dynamics(self, landmarks_FK2: Tensor) -> Tensor:
        """Of a clip (); NaN where it cannot be told."""

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        values = [self.dynamics(x) for x in (pred, true)]
        known = all(torch.isfinite(value) for value in values)  # both sides or none: people stay paired
        generated, real = (float(value) if known else 0.0 for value in values)
        return torch.tensor([generated, known, real, known], dtype=torch.float64)

    def finish(self, sums: Tensor) -> Tensor:
        return sums[..., 0] / torch.where(sums[..., 2] > NEAR_ZERO, sums[..., 2], torch.nan)

    def details(self, sums: Tensor) -> dict[str, object]:
        generated, number, true, _ = sums.tolist()
        values = {self.name: generated / max(number, 1)}, {self.name: true / max(number, 1)}
        true_moves = values[1][self.name] > NEAR_ZERO
        return {
            "generated": values[0][self.name],
            "true": values[1][self.name],
            "theval_score": closeness(*values) if true_moves else None,
        }


class LipDynamics(DynamicsMetric):
    """How much the shape of the mouth varies, generated over true; under 1 is stiff."""

    name, title = "lip_dynamics", "Lip dynamics"
    absent = "the true lips do not move, or too few frames have a face"

    def dynamics(self, landmarks_FK2: Tensor) -> Tensor:
        return lip_dynamics(landmarks_FK2)


class BrowDynamics(DynamicsMetric):
    """How much the brows move from frame to frame, generated over true; under 1 is stiff."""

    name, title = "brow_dynamics", "Brow dynamics"
    absent = "the true brows do not move, or too few frames have a face"

    def dynamics(self, landmarks_FK2: Tensor) -> Tensor:
        return brow_dynamics(landmarks_FK2)
