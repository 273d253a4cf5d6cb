"""The portrait moved with the head: what remains for the diffusion is the expression.

B clip, F frame, C channel, H row, W column, M motion value.
"""

import torch
from torch import Tensor

from datamodules.batch import HEAD_MOTION

# Where a face crop has its face, in widths of the picture: point between the eyes, distance of the pupils
# (means over synthetic portraits; people spread by 1 %).
EYES_X, EYES_Y, PUPILS = 0.494, 0.424, 0.2035
# What moves, and how deep it lies, fitted by gradient descent to the pixels of 300 synthetic training clips,
# as `benchmarks/head_warp.py` does again: an ellipse around the head with a soft rim; shoulders, which follow
# a part of the way from the neck downwards; a dome, along whose height a place slides when the head turns.
HEAD_Y, HEAD_WIDE, HEAD_HIGH, RIM = 0.56, 0.31, 0.44, 0.375
NECK, CHEST, FOLLOW = 0.46, 0.97, 0.28
DOME_Y, DOME_WIDE, DOME_HIGH = 0.51, 0.19, 0.38
SLIDE_YAW, SLIDE_PITCH = 0.387, 0.253  # widths that the top of the dome slides for one unit of measured turn

WAVES = (1, 2)  # of `face_places`, waves in the width of a picture
PLACE_CHANNELS = 2 * 2 * len(WAVES)  # sine and cosine of x and y


def smoothstep(x: Tensor) -> Tensor:
    """0 below 0, 1 above 1, smooth between."""
    x = x.clamp(0, 1)
    return x.square() * (3 - 2 * x)


def followers(x_HW: Tensor, y_HW: Tensor) -> Tensor:
    """How far a place goes with the head: 1 on it, a part of the way on the shoulders, else 0."""
    far = (((x_HW - EYES_X) / HEAD_WIDE).square() + ((y_HW - HEAD_Y) / HEAD_HIGH).square()).sqrt()
    head, body = smoothstep((1 + RIM - far) / RIM), smoothstep((y_HW - NECK) / (CHEST - NECK))
    return torch.maximum(head * (1 - (1 - FOLLOW) * body), FOLLOW * body)


def height(x: Tensor, y: Tensor) -> Tensor:
    """How near the viewer a place of the head is: 1 at the nose, 0 on the outline, below 0 behind it."""
    radius = ((x - EYES_X) / DOME_WIDE).square() + ((y - DOME_Y) / DOME_HIGH).square()
    return 2 / (1 + radius) - 1


def sources(motion_BFM: Tensor, size: int) -> Tensor:
    """Where in the portrait each place of a moved picture comes from: (B * F, size, size, 2), x then y.

    In widths of the picture. Shift, scale and roll as given; a turn slides each place by its height on a
    dome.
    """
    values = motion_BFM.float().flatten(0, 1)[..., None, None].unbind(1)
    turn = dict(zip(HEAD_MOTION, values, strict=True))
    place = (torch.arange(size, device=motion_BFM.device) + 0.5) / size
    y_HW, x_HW = torch.meshgrid(place, place, indexing="ij")
    slide_x, slide_y = SLIDE_YAW * turn["yaw"], SLIDE_PITCH * turn["pitch"]
    # The eyes' own slide is a part of the shift that was measured between them.
    eyes = height(x_HW.new_tensor(EYES_X + PUPILS / 2), x_HW.new_tensor(EYES_Y))
    right = x_HW - EYES_X - turn["shift_x"] * PUPILS + eyes * slide_x
    down = y_HW - EYES_Y - turn["shift_y"] * PUPILS + eyes * slide_y
    cos, sin = (f(turn["roll"]) / turn["log_scale"].exp() for f in (torch.cos, torch.sin))
    up_x, up_y = EYES_X + cos * right + sin * down, EYES_Y - sin * right + cos * down
    near, go = height(up_x, up_y), followers(x_HW, y_HW)
    from_x, from_y = up_x - near * slide_x, up_y - near * slide_y
    return torch.stack([x_HW + go * (from_x - x_HW), y_HW + go * (from_y - y_HW)], -1)


def warp_head(picture_BCHW: Tensor, motion_BFM: Tensor) -> Tensor:
    """The picture with its head moved and turned as told, (B, F, C, H, W); the background stays.

    Args:
        picture_BCHW: face crops, square.
        motion_BFM: in the order of `HEAD_MOTION`; eye closure is left to the network.
    """
    frames, size = motion_BFM.shape[1], picture_BCHW.shape[-1]
    moved = torch.nn.functional.grid_sample(
        picture_BCHW.float().repeat_interleave(frames, 0),
        2 * sources(motion_BFM, size) - 1,
        padding_mode="border",
        align_corners=False,
    )
    return moved.unflatten(0, (-1, frames))


def face_places(motion_BFM: Tensor, cells: int) -> Tensor:
    """Where in the face each latent cell lies, (B, F, 8, cells, cells): sine and cosine of its place.

    Crops have their eyes in one place, so that a place names a part of the face; without it a convolution has
    to recognise the part first. Two wavelengths, a picture wide and half of it: `PLACE_CHANNELS` in all.
    """
    away = sources(motion_BFM, cells) - motion_BFM.new_tensor([EYES_X, EYES_Y], dtype=torch.float32)
    waves = torch.cat([f(2 * torch.pi * k * away) for k in WAVES for f in (torch.sin, torch.cos)], -1)
    return waves.permute(0, 3, 1, 2).unflatten(0, motion_BFM.shape[:2])
