"""A face landmarker for tests, which finds what it is told."""

import torch
from torch import Tensor

from evaluation.extractors.face_points import LEFT_EYE, MOUTH_CORNERS, NOSE_TIP, POINTS, RIGHT_EYE, FacePoints


class ToldPoints(FacePoints):
    """Five points (F, 5, 2) of every clip it is asked about; NaN is no face."""

    def __init__(self, points_FK2: Tensor) -> None:
        self.points_FK2 = points_FK2

    def mesh(self, frames_F3HW: Tensor) -> Tensor:
        return mesh_of(self.points_FK2[: len(frames_F3HW)])


def mesh_of(points_FK2: Tensor) -> Tensor:
    """A mesh (F, 478, 2) whose five points are these; all others lie on the tip of the nose."""
    mesh_FP2 = points_FK2[:, 2:3].repeat(1, POINTS, 1).float()
    for place, index in enumerate((RIGHT_EYE, LEFT_EYE, (NOSE_TIP,), *((c,) for c in MOUTH_CORNERS))):
        mesh_FP2[:, list(index)] = points_FK2[:, place, None].float()
    return mesh_FP2


def shifted_template(count: int, step: float = 2.0, scale: float = 1.3) -> Tensor:
    """Five points of a face that moves to the right, `step` pixels a frame (F, 5, 2)."""
    from evaluation.extractors.face_alignment import TEMPLATE

    return torch.tensor(TEMPLATE)[None] * scale + step * torch.arange(count).view(-1, 1, 1) * torch.tensor(
        [1.0, 0.0]
    )
