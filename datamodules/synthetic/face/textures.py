"""Edges, noise and colour fields: the brushes of all layers. C channel, H row, W column."""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def smoothstep(x: Tensor, low: Tensor | float = 0.0, high: Tensor | float = 1.0) -> Tensor:
    """0 below `low`, 1 above `high`, the cubic 3t² - 2t³ between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def inside(distance: Tensor, soft: float | Tensor) -> Tensor:
    """Coverage 0..1 of the region of negative `distance`; the edge is `soft` wide and centred on 0."""
    t = (0.5 - distance / soft).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Tensor, y: Tensor, cx: float, cy: float, sx: float, sy: float) -> Tensor:
    """Gaussian hill of height 1; cheap where `x` is a row and `y` a column, for it is their product."""
    return torch.exp(-0.5 * ((x - cx) / sx) ** 2) * torch.exp(-0.5 * ((y - cy) / sy) ** 2)


def colour(rgb: tuple[float, float, float]) -> Tensor:
    """(3, 1, 1) for broadcasting over pictures."""
    return torch.tensor(rgb, dtype=torch.float32)[:, None, None]


def over(canvas_4HW: Tensor, rgb: Tensor, alpha_HW: Tensor) -> Tensor:
    """Paint over a premultiplied RGBA layer (Porter & Duff 1984, `over`); `rgb` (3, H, W) or (3, 1, 1)."""
    layer = torch.cat([rgb * alpha_HW, alpha_HW[None]])
    return layer + canvas_4HW * (1 - alpha_HW)


@lru_cache(maxsize=128)
def _cubic(cells: int, size: int) -> Tensor:
    """Weights (cells, size) that interpolate `cells` values bicubically to `size` places."""
    return F.interpolate(torch.eye(cells)[None, None], (cells, size), mode="bicubic", align_corners=False)[
        0, 0
    ]


def noise(
    rng: np.random.Generator, size: tuple[int, int], cells: int, octaves: int = 1, gain: float = 0.5
) -> Tensor:
    """Smooth noise (H, W) with about unit deviation: octaves of random grids, interpolated bicubically.

    `cells` is the number of grid cells over the longer side in the first octave; each octave doubles it, down
    to single pixels.
    """
    total, power = torch.zeros(size), 0.0
    for octave in range(octaves):
        count = min(cells * 2**octave, max(size))
        rows, columns = (max(2, round(count * side / max(size))) for side in size)
        grid = torch.from_numpy(rng.standard_normal((rows, columns), dtype=np.float32))
        total = total + gain**octave * (_cubic(rows, size[0]).T @ grid @ _cubic(columns, size[1]))
        power += gain ** (2 * octave)
    return total / power**0.5 * 1.3


def lookup(field_HW: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Read a tiled noise field at places `u`, `v` in 0..1 (across, down), mirrored outside."""
    grid = torch.stack(torch.broadcast_tensors(u, v), -1)[None] * 2 - 1
    return F.grid_sample(
        field_HW[None, None], grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )[0, 0]
