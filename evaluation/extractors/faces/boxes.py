"""Boxes about faces, cut out of frames. F, N frame, H row, W column, P point of the mesh."""

import torch
from torch import Tensor
from torch.nn import functional as F


def mesh_boxes(mesh_FP2: Tensor) -> Tensor:
    """Left, top, width and height (F, 4), pixels, of the box that each mesh fills."""
    low_F2, high_F2 = mesh_FP2.amin(1), mesh_FP2.amax(1)
    return torch.cat([low_F2, high_F2 - low_F2], dim=1)


def squares_about(box_F4: Tensor, margin: float) -> Tensor:
    """Squares (F, 4) about the middle of boxes, `margin` times as long as their longer side."""
    side_F1 = margin * box_F4[:, 2:].amax(1, keepdim=True)
    return torch.cat([box_F4[:, :2] + (box_F4[:, 2:] - side_F1) / 2, side_F1, side_F1], dim=1)


def cut(frame_3HW: Tensor, left: float, top: float, width: float, height: float) -> Tensor:
    """The box of a frame, on whole pixels, black outside the picture."""
    x, y, w, h = round(left), round(top), max(round(width), 1), max(round(height), 1)
    inside = frame_3HW[:, max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
    before, above = min(max(-x, 0), w), min(max(-y, 0), h)
    return F.pad(inside, (before, w - before - inside.shape[2], above, h - above - inside.shape[1]))


def cut_boxes(frames_N3HW: Tensor, box_N4: Tensor, size: int) -> Tensor:
    """The box of each frame as (N, 3, size, size); see `cut` and `resized`."""
    boxes = zip(frames_N3HW, box_N4.tolist(), strict=True)
    return torch.stack([resized(cut(frame_3HW, *box), size) for frame_3HW, box in boxes])


def resized(crop_3HW: Tensor, size: int) -> Tensor:
    """A crop of any shape as (3, size, size) float32 of whole numbers, as Pillow's bilinear filter has it."""
    if crop_3HW.shape[1:] == (size, size):
        return crop_3HW.float()
    small = F.interpolate(crop_3HW[None].float(), (size, size), mode="bilinear", antialias=True)
    return small[0].round().clamp(0, 255)
