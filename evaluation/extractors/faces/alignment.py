"""A face brought onto fixed places by five points. F frame, K point, H row, W column."""

import torch
from torch import Tensor
from torch.nn import functional as F

SIZE = 112  # pixels of the square
# Where the eyes, the tip of the nose and the corners of the mouth lie in the square: the values that ArcFace
# networks are trained with, insightface's `face_align.py`.
TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)


def similarity(points_FK2: Tensor, target_K2: Tensor) -> Tensor:
    """Matrices (F, 2, 3), float64: the turn, scale and shift that bring points nearest to their targets.

    Least squares without reflection (Umeyama 1991, eq. 40 to 42), which in the plane is a complex regression.
    """
    target_K2 = target_K2.to(points_FK2.device).double()
    x_FK, y_FK = (torch.view_as_complex(p.double().contiguous()) for p in (points_FK2, target_K2[None]))
    x_mean_F1, y_mean_F1 = x_FK.mean(1, keepdim=True), y_FK.mean(1, keepdim=True)
    x_FK, y_FK = x_FK - x_mean_F1, y_FK - y_mean_F1
    turn_F = (x_FK.conj() * y_FK).sum(1) / x_FK.abs().square().sum(1).clamp(min=1e-12)
    shift_F = y_mean_F1[:, 0] - turn_F * x_mean_F1[:, 0]
    rows = [
        torch.stack([turn_F.real, -turn_F.imag, shift_F.real], dim=1),
        torch.stack([turn_F.imag, turn_F.real, shift_F.imag], dim=1),
    ]
    return torch.stack(rows, dim=1)


def warp(frames_F3HW: Tensor, matrix_F23: Tensor, size: int) -> Tensor:
    """Frames through similarity matrices: uint8 to uint8 (F, 3, size, size); black where there is none.

    Bilinear and without antialiasing, as OpenCV's `warpAffine`, through which such networks were trained.
    """
    height, width = frames_F3HW.shape[-2:]
    linear_F22, shift_F21 = matrix_F23[:, :, :2], matrix_F23[:, :, 2:]
    axis_N = torch.arange(size, dtype=torch.float64, device=matrix_F23.device)
    place_M2 = torch.stack(torch.meshgrid(axis_N, axis_N, indexing="xy"), dim=-1).flatten(0, 1)
    source_FM2 = torch.linalg.solve(linear_F22, place_M2.mT[None] - shift_F21).mT
    reach_2 = source_FM2.new_tensor([width - 1, height - 1]).clamp(min=1)
    grid_FNN2 = (source_FM2 / reach_2 * 2 - 1).unflatten(1, (size, size))
    pictures = F.grid_sample(frames_F3HW.double(), grid_FNN2, padding_mode="zeros", align_corners=True)
    return pictures.round().clamp(0, 255).to(torch.uint8)


def aligned(frames_F3HW: Tensor, points_FK2: Tensor) -> Tensor:
    """Faces (F, 3, 112, 112) uint8 of frames whose five points are known; black where they are NaN."""
    seen_F = points_FK2.isfinite().all(dim=(1, 2))
    crops = frames_F3HW.new_zeros(len(frames_F3HW), 3, SIZE, SIZE)
    if seen_F.any():
        matrix_F23 = similarity(points_FK2[seen_F], torch.tensor(TEMPLATE))
        crops[seen_F] = warp(frames_F3HW[seen_F], matrix_F23, SIZE)
    return crops
