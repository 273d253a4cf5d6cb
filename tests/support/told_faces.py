"""A face mesh for tests, which finds what it is told."""

import torch
from torch import Tensor

from evaluation.extractors.faces.alignment import TEMPLATE
from evaluation.extractors.faces.mesh import POINTS, FaceMesh, Faces
from evaluation.extractors.faces.points import LEFT_EYE, MOUTH_CORNERS, NOSE_TIP, RIGHT_EYE


class ToldFaces(FaceMesh):
    """Five points (F, 5, 2) of every clip it is asked about; NaN is no face."""

    def __init__(self, points_FK2: Tensor) -> None:
        self.points_FK2 = points_FK2
        self.settings = {"landmarker_sha256": "c" * 64}

    def find(self, frames_F3HW: Tensor, who: str) -> Faces:
        mesh_FP2 = mesh_of(self.points_FK2[: len(frames_F3HW)])
        return Faces(mesh_FP2, tuple(None for _ in frames_F3HW))


def mesh_of(points_FK2: Tensor) -> Tensor:
    """A mesh (F, 478, 2) whose five points are these; all others lie on the tip of the nose."""
    points_FK2 = points_FK2.float() + 0.5
    mesh_FP2 = points_FK2[:, 2:3].repeat(1, POINTS, 1)
    for place, index in enumerate((RIGHT_EYE, LEFT_EYE, (NOSE_TIP,), *((c,) for c in MOUTH_CORNERS))):
        mesh_FP2[:, list(index)] = points_FK2[:, place, None]
    return mesh_FP2


def moving_face(count: int, step: float = 2.0, scale: float = 1.3) -> Tensor:
    """Five points of a face that moves to the right, `step` pixels a frame (F, 5, 2)."""
    way_F12 = step * torch.arange(count).view(-1, 1, 1) * torch.tensor([1.0, 0.0])
    return torch.tensor(TEMPLATE)[None] * scale + way_F12
