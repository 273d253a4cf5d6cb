"""How far and how fast the head moves, against the truth. F frame, K landmark, P pose.

A pose is where the head stands against its own mean face in the clip: shifts, log scale, roll, yaw and pitch.
All are pure numbers: inter-ocular distances, or radians, which move a point one such distance away as far.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from datamodules.batch import FPS, HEAD_MOTION
from datamodules.head_motion import head_motion
from evaluation.metrics.base import ClipMetric
from evaluation.signals.head_angles import ANGLES

POSE = HEAD_MOTION[:6]
INNER = 0.9  # share of the frames whose poses span the range; single bad frames lie outside
STILL = 1e-9  # total motion of the truth under which there is nothing to compare with


def head_pose(landmarks_FK2: Tensor) -> Tensor:
    """Pose (F, 6) of each frame, float64, in the order of `POSE`; NaN without a face."""
    has_face_F = torch.isfinite(landmarks_FK2).all(-1).all(-1)
    pose_FP = torch.full((len(has_face_F), len(POSE)), torch.nan, dtype=torch.float64)
    if has_face_F.any():
        face_NK2 = landmarks_FK2[has_face_F]
        pose_FP[has_face_F] = head_motion(face_NK2, face_NK2.mean(0))[:, : len(POSE)].double()
    return pose_FP


def known(pose_FP: Tensor) -> Tensor:
    """The rows (N, P) that hold numbers."""
    return pose_FP[torch.isfinite(pose_FP).all(-1)]


def pose_range(pose_FP: Tensor) -> Tensor:
    """Range of each pose (P,) between its 5 % and 95 % quantile, of the frames with a face; 0 without any."""
    pose_FP = known(pose_FP)
    if not len(pose_FP):
        return torch.zeros(pose_FP.shape[1], dtype=torch.float64)
    ends = torch.tensor([(1 - INNER) / 2, (1 + INNER) / 2], dtype=torch.float64)
    low_P, high_P = torch.quantile(pose_FP.double(), ends, dim=0)
    return high_P - low_P


class HeadMetric(ClipMetric):
    """Sums are a total for each pose and a count, generated, then the same of the truth."""

    target = 1.0
    aggregation = "pooled"
    needs = ("landmarks", "landmarks")
    absent = "the true head does not move, or too few frames have a face"
    poses: ClassVar[tuple[str, ...]] = POSE

    def __init__(self) -> None:
        super().__init__(width=2 * (len(self.poses) + 1))

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return torch.cat([self.motion(self.pose(x)) for x in (pred, true)])

    def pose(self, field_FX: Tensor) -> Tensor:
        """Pose (F, P); NaN where a frame has no face."""
        return head_pose(field_FX)

    @abstractmethod
    def motion(self, pose_FP: Tensor) -> Tensor:
        """Total of each pose and the count it is divided by (P + 1,)."""

    def means(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of each pose (..., P), generated and true; NaN where nothing was counted."""
        both = sums.unflatten(-1, (2, len(self.poses) + 1))
        generated, true = (
            both[..., :-1] / torch.where(both[..., -1:] > 0, both[..., -1:], torch.nan)
        ).unbind(-2)
        return generated, true

    def finish(self, sums: Tensor) -> Tensor:
        generated, true = (x.sum(-1) for x in self.means(sums))
        return generated / torch.where(true > STILL, true, torch.nan)

    def details(self, sums: Tensor) -> dict[str, object]:
        generated, true = (x.tolist() for x in self.means(sums))
        return {
            "generated": dict(zip(self.poses, generated, strict=True)),
            "true": dict(zip(self.poses, true, strict=True)),
        }


class HeadRange(HeadMetric):
    """Range of the head's poses within a clip, generated over true; 0 is a still head."""

    name, title = "head_range", "Head range"

    def motion(self, pose_FP: Tensor) -> Tensor:
        return torch.cat([pose_range(pose_FP), pose_FP.new_tensor([float(len(known(pose_FP)) > 0)])])


class HeadSpeed(HeadMetric):
    """Mean absolute change of the head's poses a second, generated over true; under 1 is slow.

    Only frames that follow each other count: a gap without a face is no step.
    """

    name, title = "head_speed", "Head speed"

    def motion(self, pose_FP: Tensor) -> Tensor:
        step_FP = known(pose_FP.diff(dim=0).abs() * FPS)
        return torch.cat([step_FP.sum(0), step_FP.new_tensor([len(step_FP)])])


class _Angles(HeadMetric):
    """On the head's angles by 3DDFA_V2, in degrees, instead of what landmarks say."""

    needs = ("pose_3ddfa", "pose_3ddfa")
    poses = ANGLES

    def pose(self, field_FX: Tensor) -> Tensor:
        return field_FX.double()


class HeadAngleRange(_Angles, HeadRange):
    """Range of yaw, pitch and roll within a clip, generated over true; 0 is a still head."""

    name, title = "head_range_3ddfa", "Head range (3DDFA_V2)"


class HeadAngleSpeed(_Angles, HeadSpeed):
    """Mean absolute change of yaw, pitch and roll a second, generated over true; under 1 is slow."""

    name, title = "head_speed_3ddfa", "Head speed (3DDFA_V2)"
