"""Blinks, lips and brows read off MediaPipe's mesh, which follows closing lids. F frame, P point of the 478.

Lips and brows take the points of THEval's code (Newbyl/THEval at cfe23fe, `lip_dynamics.py` and
`eyebrow_dynamics.py`): MediaPipe's 40 lip points and its contours of brow (10 points) and eye (16).
"""

import torch
from torch import Tensor

from datamodules.head_motion import MESH_TO_IBUG
from evaluation.metrics.motion.blinks import BlinkLength, BlinkRate
from evaluation.metrics.motion.face_dynamics import BrowDynamics, LipDynamics, brow_motion, mouth_variance

MESH = ("mesh_478", "mesh_478")
OUTER_EYES = (33, 263)
OUTER_LIP = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
RIGHT_BROW = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
LEFT_BROW = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)


def ibug(mesh_FP2: Tensor) -> Tensor:
    """The 68 points of iBUG 300-W (F, 68, 2) in a mesh."""
    return mesh_FP2[:, list(MESH_TO_IBUG)]


class MeshBlinkRate(BlinkRate):
    """Blinks a minute, generated less true, by the mesh's lids."""

    name, title, needs = "blink_rate_mesh", "Blink rate, mesh", MESH

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return super().clip_sums(ibug(pred), ibug(true))


class MeshBlinkLength(BlinkLength):
    """Mean length of a blink, generated less true, by the mesh's lids."""

    name, title, needs = "blink_length_mesh", "Blink length, mesh", MESH

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return super().clip_sums(ibug(pred), ibug(true))


class MeshLipDynamics(LipDynamics):
    """As `LipDynamics`, by 40 points of the lips."""

    name, title, needs = "lip_dynamics_mesh", "Lip dynamics, mesh", MESH

    def dynamics(self, landmarks_FK2: Tensor) -> Tensor:
        seen_FP2 = landmarks_FK2[torch.isfinite(landmarks_FK2).all(-1).all(-1)].double()
        right, left = OUTER_EYES
        eyes_F = (seen_FP2[:, right] - seen_FP2[:, left]).norm(dim=-1)
        return mouth_variance(seen_FP2[:, [*OUTER_LIP, *INNER_LIP]], eyes_F)


class MeshBrowDynamics(BrowDynamics):
    """As `BrowDynamics`, by 10 points a brow and 16 an eye."""

    name, title, needs = "brow_dynamics_mesh", "Brow dynamics, mesh", MESH

    def dynamics(self, landmarks_FK2: Tensor) -> Tensor:
        points = landmarks_FK2.double()
        brows, eyes = ((RIGHT_BROW, LEFT_BROW), (RIGHT_EYE, LEFT_EYE))
        return brow_motion(*([points[:, list(side)].mean(1) for side in sides] for sides in (brows, eyes)))
