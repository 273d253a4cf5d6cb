"""How a head is turned, from the camera that a face model was fitted with. F frame."""

import torch
from torch import Tensor
from torch.nn import functional as F

ANGLES = ("yaw", "pitch", "roll")  # degrees


def head_angles(pose_F12: Tensor) -> Tensor:
    """Yaw, pitch and roll (F, 3) in degrees of affine cameras (F, 12), rows of a scaled turn and a shift.

    The third axis is taken from the first two, as the authors of 3DDFA_V2 do; angles after Slabaugh,
    `Computing Euler angles from a rotation matrix`.
    """
    rows_F34 = pose_F12.double().unflatten(-1, (3, 4))
    x_F3, y_F3 = (F.normalize(rows_F34[:, i, :3], dim=-1) for i in (0, 1))
    z_F3 = torch.linalg.cross(x_F3, y_F3)
    yaw_F = torch.asin(z_F3[:, 0].clamp(-1, 1))
    pitch_F = torch.atan2(z_F3[:, 1], z_F3[:, 2])
    roll_F = torch.atan2(y_F3[:, 0], x_F3[:, 0])
    return torch.rad2deg(torch.stack([yaw_F, pitch_F, roll_F], -1)).float()
