"""The portrait moved with the head: what remains for the diffusion is the expression.

B clip, F frame, C channel, H row, W column, M motion value.
"""

import torch
from torch import Tensor

from datamodules.batch import HEAD_MOTION

# Where a face crop has its face, in widths of the picture: point between the eyes, distance of the pupils
# (means over synthetic portraits; people spread by 1 %), and an ellipse around the head with a soft rim.
EYES_X, EYES_Y, PUPILS = 0.494, 0.424, 0.2035
HEAD_Y, HEAD_WIDE, HEAD_HIGH, RIM = 0.47, 0.33, 0.42, 0.4


def head_shape(x_HW: Tensor, y_HW: Tensor) -> Tensor:
    """How much a place (in widths of the picture) belongs to the head: 1 inside, 0 beyond a soft rim."""
    far = (((x_HW - EYES_X) / HEAD_WIDE).square() + ((y_HW - HEAD_Y) / HEAD_HIGH).square()).sqrt()
    inside = ((1 + RIM - far) / RIM).clamp(0, 1)
    return inside.square() * (3 - 2 * inside)


def warp_head(picture_BCHW: Tensor, motion_BFM: Tensor) -> Tensor:
    """The picture with its head shifted, scaled and rolled as told, (B, F, C, H, W); the background stays.

    Args:
        picture_BCHW: face crops, square.
        motion_BFM: in the order of `HEAD_MOTION`; yaw, pitch and eye closure are left to the network.
    """
    frames, size = motion_BFM.shape[1], picture_BCHW.shape[-1]
    told = dict(zip(HEAD_MOTION, motion_BFM.float().flatten(0, 1)[..., None, None].unbind(1), strict=True))
    place = (torch.arange(size, device=picture_BCHW.device) + 0.5) / size
    y_HW, x_HW = torch.meshgrid(place, place, indexing="ij")
    right = x_HW - EYES_X - told["shift_x"] * PUPILS
    down = y_HW - EYES_Y - told["shift_y"] * PUPILS
    cos, sin = (f(told["roll"]) / told["log_scale"].exp() for f in (torch.cos, torch.sin))
    from_x, from_y = EYES_X + cos * right + sin * down, EYES_Y - sin * right + cos * down
    head_HW = head_shape(x_HW, y_HW)
    grid = torch.stack([x_HW + head_HW * (from_x - x_HW), y_HW + head_HW * (from_y - y_HW)], -1)
    moved = torch.nn.functional.grid_sample(
        picture_BCHW.float().repeat_interleave(frames, 0),
        2 * grid - 1,
        padding_mode="border",
        align_corners=False,
    )
    return moved.unflatten(0, (-1, frames))
