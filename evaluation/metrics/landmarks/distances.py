"""Landmark distances on the 68-point face layout. F frame, K point.

A frame without a face has NaN landmarks: it is left out of the mean and lowers the coverage that stands
beside it.
"""

from torch import Tensor

from evaluation.metrics.base import FaceMetric, check_pair

FACE, MOUTH = slice(0, 68), slice(48, 68)
OUTER_EYES = (36, 45)


def keypoint_l1(pred_FK2: Tensor, true_FK2: Tensor) -> Tensor:
    """Mean absolute coordinate difference (F,), pixels: AKD as Siarohin et al. 2019 compute it."""
    check_pair(pred_FK2, true_FK2, (None, 68, 2), "landmarks")
    return (pred_FK2 - true_FK2).abs().mean(dim=(1, 2))


def keypoint_euclidean(pred_FK2: Tensor, true_FK2: Tensor, points: slice = FACE) -> Tensor:
    """Mean Euclidean distance (F,) over `points`, in pixels."""
    check_pair(pred_FK2, true_FK2, (None, 68, 2), "landmarks")
    return (pred_FK2 - true_FK2)[:, points].norm(dim=-1).mean(dim=-1)


def normalised_distance(pred_FK2: Tensor, true_FK2: Tensor, points: slice = FACE) -> Tensor:
    """Mean Euclidean distance (F,) over `points` in outer-eye distances of the truth; no alignment."""
    left, right = OUTER_EYES
    eyes_F = (true_FK2[:, left] - true_FK2[:, right]).norm(dim=-1)
    return keypoint_euclidean(pred_FK2, true_FK2, points) / eyes_F


class LandmarkMetric(FaceMetric):
    """A distance of the landmarks of two faces, the mean over frames."""

    higher_is_better = False
    needs = ("landmarks", "landmarks")


class KeypointDistance(LandmarkMetric):
    """AKD: mean absolute coordinate difference."""

    name, title, unit = "akd", "AKD", "px"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return keypoint_l1(pred, true)


class KeypointEuclidean(LandmarkMetric):
    """Mean Euclidean distance of all points, in pixels."""

    name, title, unit = "akd_euclidean", "AKD Euclidean", "px"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return keypoint_euclidean(pred, true)


class FaceLandmarkDistance(LandmarkMetric):
    """F-LMD: all points, in outer-eye distances, without alignment."""

    name, title, unit = "f_lmd", "F-LMD", "outer-eye distances"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return normalised_distance(pred, true)


class MouthLandmarkDistance(LandmarkMetric):
    """M-LMD: the twenty mouth points, in outer-eye distances, without alignment, divided by twenty."""

    name, title, unit = "m_lmd", "M-LMD", "outer-eye distances"

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return normalised_distance(pred, true, MOUTH)
