"""Synthetic people whom no network has seen, from the front, with their 478 points."""

import numpy as np
import torch
from torch import Tensor

from datamodules.facial_actions import FACIAL_ACTIONS
from datamodules.synthetic.head.renderer import Stage
from datamodules.synthetic.head.sampling import sample_person
from datamodules.synthetic.head.truth import mesh_points

FIRST = 35_000_000  # of the seeds
OUTER_CORNERS = (33, 263)


def rendered_face(number: int, size: int = 256, yaw: float = 0.1) -> tuple[Tensor, Tensor]:
    """A calm person: the picture (3, S, S) uint8, and the mesh (478, 2) in its pixels."""
    stage = Stage(sample_person(FIRST + number, 0.0), size)
    pose = np.array([[yaw, 0.03, -0.04, 0, 0, 0]], np.float32)
    picture = np.empty((3, size, size), np.uint8)
    actions = np.zeros((1, len(FACIAL_ACTIONS)), np.float32)
    (geometry,) = stage.place(actions, pose)
    stage.draw(geometry, actions[0], pose[0], picture)
    return torch.from_numpy(picture), torch.from_numpy(mesh_points(geometry, 2 * size))


def points_off(found_P2: Tensor, truth_P2: Tensor) -> float:
    """Median distance of the points, in distances of the outer eye corners."""
    apart = (truth_P2[OUTER_CORNERS[0]] - truth_P2[OUTER_CORNERS[1]]).norm()
    return float((found_P2 - truth_P2).norm(dim=1).median() / apart)
