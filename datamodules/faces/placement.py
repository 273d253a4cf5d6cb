"""How a face lies in its picture, and the upright square that frames it for the reader.

P point of MediaPipe's mesh.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.faces.crop import CHIN, EYES_APART, EYES_DOWN_FACE
from datamodules.faces.networks import CROP
from datamodules.head_motion import LEFT_EYE, MESH_TO_IBUG, RIGHT_EYE

SIDE = 1.3  # of the square, in heights of the face
JAW = slice(0, 17)

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Placement:
    """Middle of a face and its height from the hairline to the chin, pixels; its turn clockwise, radians."""

    x: float
    y: float
    height: float
    turn: float = 0.0


def placement_of(mesh_P2: Floats) -> Placement:
    """Where a face lies by its mesh."""
    landmarks = mesh_P2[list(MESH_TO_IBUG)]
    right, left = landmarks[RIGHT_EYE].mean(0), landmarks[LEFT_EYE].mean(0)
    apart = max(float(np.linalg.norm(left - right)), 1e-3)
    across = (left - right) / apart
    down, middle = np.array([-across[1], across[0]]), (left + right) / 2
    to_chin = max(float(np.linalg.norm(landmarks[CHIN] - middle)), apart / EYES_APART)
    height = to_chin / (1 - EYES_DOWN_FACE)
    sideways = (landmarks[JAW] - middle) @ across
    centre = middle + across * (sideways.min() + sideways.max()) / 2 + down * (0.5 - EYES_DOWN_FACE) * height
    return Placement(float(centre[0]), float(centre[1]), height, math.atan2(across[1], across[0]))


def square_affine(placement: Placement, size: int = CROP) -> Floats:
    """The matrix (2, 3) from pixels of the picture to those of the face's upright square."""
    scale = size / (SIDE * placement.height)
    cosine, sine = scale * math.cos(placement.turn), scale * math.sin(placement.turn)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    offset = (size - 1) / 2 - turn @ [placement.x, placement.y]
    return np.hstack([turn, offset[:, None]])


def moved(points: Floats, affine_23: Floats) -> Floats:
    """Points (..., 2) after an affine map (2, 3)."""
    return points @ affine_23[:, :2].T + affine_23[:, 2]


def inverse(affine_23: Floats) -> Floats:
    """The affine map (2, 3) that undoes another."""
    back = np.linalg.inv(affine_23[:, :2])
    return np.hstack([back, -back @ affine_23[:, 2:]])


def mirrored_order(mesh_P2: Floats) -> NDArray[np.intp]:
    """Which point of a face is which in its mirror image, told by a face that is nearly symmetrical."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    mirror = mesh_P2 * [-1, 1] + [2 * mesh_P2[:, 0].mean(), 0]
    return linear_sum_assignment(cdist(mesh_P2, mirror))[1]
