"""Movements of a face that FACS describes, read off MediaPipe's mesh, and what they say of six emotions.

F frame, P point of the 478, M movement, E emotion. A movement is in per cent of the distance of the outer eye
corners, with the roll of the head taken out, so that faces of any size and tilt compare.
"""

import torch
from torch import Tensor

from datamodules.batch import EMOTIONS
from datamodules.face_space.mesh import LEFT_CORNER, RIGHT_CORNER

EYE_CORNERS = (33, 133, 362, 263)
LIDS = ((159, 386), (145, 374))  # upper, lower
NOSE_BASE, UPPER_LIP, INNER_LIPS = 2, 0, (13, 14)
MOUTH_CORNERS = (61, 291)
BROWS, INNER_BROWS = (105, 334), (55, 285)

MOVEMENTS = (
    "corners_up",
    "mouth_wide",
    "brows_up",
    "inner_brows_up",
    "brows_together",
    "eyes_open",
    "upper_lip_up",
    "lips_apart",
)
# What each emotion's units move, after the prototypes of Ekman & Friesen: the mean of these, with signs.
SUMS: dict[str, dict[str, float]] = {
    "happy": {"corners_up": 1, "mouth_wide": 1},  # 12
    "sad": {"inner_brows_up": 1, "corners_up": -1},  # 1, 15
    "angry": {"brows_together": 1, "inner_brows_up": -1, "brows_up": -1},  # 4
    "disgust": {"upper_lip_up": 1, "inner_brows_up": -1},  # 9, 10
    "fear": {"inner_brows_up": 1, "eyes_open": 1},  # 1, 4, 5
    "surprise": {"brows_up": 1, "eyes_open": 1, "lips_apart": 1},  # 1, 2, 5, 26
}
# From here on a sum counts as shown: below half of what a real actor shows where one was measured (CREMA-D,
# one clip an emotion: happy 7.8, disgust 3.9, fear 2.1).
SHOWN = {"happy": 3.0, "surprise": 3.0, "angry": 2.0, "sad": 1.5, "disgust": 1.5, "fear": 1.5}


def facs_movements(mesh_FP2: Tensor) -> Tensor:
    """Places (F, M) of brows, lids and lips in the order of `MOVEMENTS`; differences of them are movements.

    Args:
        mesh_FP2: (F, 478, 2) pixels, x then y.
    """
    mesh = mesh_FP2.double()
    right, left = mesh[:, RIGHT_CORNER], mesh[:, LEFT_CORNER]
    unit_F1 = (left - right).norm(dim=-1, keepdim=True).clamp(min=1e-6)
    across = (left - right) / unit_F1
    down = torch.stack([-across[:, 1], across[:, 0]], -1)
    away = (mesh - right[:, None]) * (100 / unit_F1[..., None])
    x_FP, y_FP = ((away * axis[:, None]).sum(-1) for axis in (across, down))

    def height(*points: int) -> Tensor:
        return y_FP[:, list(points)].mean(1)

    eyes = height(*EYE_CORNERS)
    columns = {
        "corners_up": height(NOSE_BASE) - height(*MOUTH_CORNERS),
        "mouth_wide": x_FP[:, MOUTH_CORNERS[1]] - x_FP[:, MOUTH_CORNERS[0]],
        "brows_up": eyes - height(*BROWS),
        "inner_brows_up": eyes - height(*INNER_BROWS),
        "brows_together": x_FP[:, INNER_BROWS[0]] - x_FP[:, INNER_BROWS[1]],
        "eyes_open": height(*LIDS[1]) - height(*LIDS[0]),
        "upper_lip_up": height(NOSE_BASE) - height(UPPER_LIP),
        "lips_apart": height(INNER_LIPS[1]) - height(INNER_LIPS[0]),
    }
    return torch.stack([columns[name] for name in MOVEMENTS], -1)


def emotion_sums(moved_M: Tensor) -> Tensor:
    """Sums (..., E) of movements (..., M), in the order of `EMOTIONS`: per cent of the eye distance."""
    weights = torch.tensor(
        [[SUMS[emotion].get(name, 0) / len(SUMS[emotion]) for name in MOVEMENTS] for emotion in EMOTIONS],
        dtype=moved_M.dtype,
    )
    return moved_M @ weights.T


def shown(sums_E: Tensor) -> Tensor:
    """Each sum against what counts as shown (..., E): 1 and more is."""
    return sums_E / torch.tensor([SHOWN[emotion] for emotion in EMOTIONS], dtype=sums_E.dtype)
