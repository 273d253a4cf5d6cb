"""The landmark distances of the literature under their own names; they differ by a factor of three.

F-LMD in pixels without alignment is `akd_euclidean`. F frame, K point.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from evaluation.metrics.base import NO_FACE, ClipMetric, check_pair, frame_sums
from evaluation.metrics.landmarks.distances import (
    FACE,
    MOUTH,
    LandmarkMetric,
    keypoint_euclidean,
    normalised_distance,
)


def centred(points_FK2: Tensor) -> Tensor:
    """Points of each frame about their own mean."""
    return points_FK2 - points_FK2.mean(dim=1, keepdim=True)


def centred_distance(pred_FK2: Tensor, true_FK2: Tensor, points: slice = FACE) -> Tensor:
    """Mean Euclidean distance (F,) in pixels, `points` shifted onto each other in every frame; no scaling."""
    check_pair(pred_FK2, true_FK2, (None, 68, 2), "landmarks")
    return (centred(pred_FK2[:, points]) - centred(true_FK2[:, points])).norm(dim=-1).mean(dim=-1)


def align(pred_FK2: Tensor, true_FK2: Tensor) -> Tensor:
    """All points of each frame moved, turned and scaled onto the truth by least squares (F, K, 2).

    Umeyama 1991, eq. 40 to 42, without reflections: in the plane it is a complex regression.
    """
    check_pair(pred_FK2, true_FK2, (None, None, 2), "landmarks")
    middle_F12 = true_FK2.mean(dim=1, keepdim=True)
    x_FK, y_FK = (torch.view_as_complex(centred(p).double().contiguous()) for p in (pred_FK2, true_FK2))
    spread_F1 = x_FK.abs().square().sum(1, keepdim=True).clamp(min=1e-12)
    turn_F1 = (x_FK.conj() * y_FK).sum(1, keepdim=True) / spread_F1
    return torch.view_as_real(turn_F1 * x_FK) + middle_F12


def aligned_distance(pred_FK2: Tensor, true_FK2: Tensor, points: slice = FACE) -> Tensor:
    """Mean distance (F,) over `points` in outer-eye distances of the truth, the whole face aligned first."""
    return normalised_distance(align(pred_FK2, true_FK2), true_FK2.double(), points)


class MouthPixels(LandmarkMetric):
    """M-LMD in pixels: the twenty mouth points, no alignment, divided by twenty."""

    name, title, unit = "m_lmd_px", "M-LMD, pixels", "px"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return keypoint_euclidean(pred, true, MOUTH)


class MouthOverSixtyEight(LandmarkMetric):
    """M-LMD of SadTalker-type scripts: the sum over the mouth divided by 68 points, 3.4 times too small."""

    name, title, unit = "m_lmd_over_68", "M-LMD over 68", "px"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return keypoint_euclidean(pred, true, MOUTH) * (MOUTH.stop - MOUTH.start) / 68


class MouthAligned(LandmarkMetric):
    """M-LMD once the whole face lies on the true one: what is left is the mouth's own error."""

    name, title, unit = "m_lmd_aligned", "M-LMD, aligned", "outer-eye distances"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return aligned_distance(pred, true, MOUTH)


class FaceAligned(LandmarkMetric):
    """F-LMD once the whole face lies on the true one: shape without head motion."""

    name, title, unit = "f_lmd_aligned", "F-LMD, aligned", "outer-eye distances"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return aligned_distance(pred, true)


class CentredMetric(ClipMetric):
    """Mean of each clip, then over clips, as the MEAD line averages.

    Sums are total of clip means, clips, frames measured, frames in all.
    """

    unit = "px"
    higher_is_better = False
    aggregation = "clips"
    needs = ("landmarks", "landmarks")
    absent = NO_FACE

    def __init__(self) -> None:
        super().__init__(width=4)

    @abstractmethod
    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        """Distance (F,) of each frame."""

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        total, measured = frame_sums(self.per_frame(pred.double(), true.double()))
        known = (measured > 0).double()
        return torch.stack([total / measured.clamp(min=1), known, measured, measured.new_tensor(len(pred))])

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"coverage": (sums[2] / sums[3].clamp(min=1)).item(), "clips": int(sums[1])}


class MouthCentred(CentredMetric):
    """M-LMD of the MEAD line (EAT's evaluation): the mouth shifted onto the true mouth in each frame."""

    name, title = "m_lmd_centred", "M-LMD, centred"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return centred_distance(pred, true, MOUTH)


class FaceCentred(CentredMetric):
    """F-LMD of the MEAD line: all points shifted onto the true ones in each frame."""

    name, title = "f_lmd_centred", "F-LMD, centred"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return centred_distance(pred, true)
