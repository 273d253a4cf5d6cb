"""Faults that generated pictures have, put into true ones, so that a judge is fair to soft ones.

N picture, K point.

Pictures are float (N, 3, H, W) in [-1, 1]; each fault hits a share of a batch, each picture with its own
strength.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 8  # side of a picture codec's blocks, pixels, as in JPEG


@dataclass
class Placement:
    """How far from its usual place a face may lie, as a careless crop puts it; choices of this suite.

    Args:
        degrees: largest turn.
        scale: largest relative change of size.
        move: largest shift as a share of the width.
    """

    degrees: float = 4.0
    scale: float = 0.05
    move: float = 0.04


@dataclass
class Faults:
    """Strength of each fault, and the share of the pictures that it hits; choices of this suite.

    Args:
        light: largest relative change of contrast and brightness, and fall of light to one side.
        tint: largest relative change of each colour, where the light changes.
        blur: largest standard deviation of a Gaussian, pixels.
        coarsest: least side that a picture is reduced to before it is enlarged again, share of its own.
        quantise: largest step of the lowest frequency of 8 x 8 blocks, in [-1, 1] units.
        noise: largest standard deviation, in [-1, 1] units.
        light_share, coarse_share, blur_share, quantise_share, noise_share: of the pictures that are hit.
    """

    light: float = 0.25
    tint: float = 0.1
    blur: float = 1.2
    coarsest: float = 0.5
    quantise: float = 0.2
    noise: float = 0.06
    light_share: float = 0.7
    coarse_share: float = 0.3
    blur_share: float = 0.3
    quantise_share: float = 0.3
    noise_share: float = 0.4


def uniform(like: Tensor, low: float, high: float) -> Tensor:
    """One number per picture, (N, 1, 1, 1)."""
    return torch.empty(len(like), 1, 1, 1, device=like.device).uniform_(low, high)


def shift(x_NCHW: Tensor, points_NK2: Tensor, most: Placement) -> tuple[Tensor, Tensor]:
    """Turn, scale and move each picture, and its points (pixels, NaN or 0 allowed) with it.

    Args:
        x_NCHW: square pictures.
        points_NK2: x then y.
        most: each picture is shifted by its own amounts up to these.
    """
    size, degrees, scale, move = x_NCHW.shape[-1], most.degrees, most.scale, most.move
    turn = uniform(x_NCHW, -degrees, degrees).flatten() * math.pi / 180
    zoom = 1 + uniform(x_NCHW, -scale, scale).flatten()
    offset_N2 = torch.cat([uniform(x_NCHW, -2 * move, 2 * move).flatten(1) for _ in range(2)], dim=1)
    rotation = (
        torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], -1).view(-1, 2, 2)
        * zoom[:, None, None]
    )
    # output place p shows input place R p + t, so a point moves by the inverse
    grid = F.affine_grid(
        torch.cat([rotation, offset_N2[..., None]], -1), list(x_NCHW.shape), align_corners=False
    )
    moved = F.grid_sample(x_NCHW, grid, padding_mode="reflection", align_corners=False)
    unit = (points_NK2 + 0.5) * 2 / size - 1
    back = torch.linalg.solve(rotation[:, None], (unit - offset_N2[:, None])[..., None])[..., 0]
    return moved, (back + 1) * size / 2 - 0.5


def blur(x_NCHW: Tensor, largest: float = 1.2) -> Tensor:
    """Gaussian blur of up to `largest` pixels, each picture its own."""
    offset = torch.arange(-3, 4, device=x_NCHW.device)
    taps = torch.exp(-0.5 * (offset / uniform(x_NCHW, 0.2, largest).flatten(1)).square())
    taps = (taps / taps.sum(1, keepdim=True)).T[..., None, None, None]
    padded = F.pad(x_NCHW, (3, 3, 3, 3), mode="replicate")
    for axis in (-1, -2):  # sums of shifted views: several times faster here than a grouped convolution
        size = padded.shape[axis] - 6
        total = taps[0] * padded.narrow(axis, 0, size)
        for k in range(1, 7):
            total.addcmul_(taps[k], padded.narrow(axis, k, size))
        padded = total
    return padded


def cosine_basis(device: torch.device) -> Tensor:
    """Orthonormal DCT-II matrix (8, 8)."""
    k = torch.arange(BLOCK, device=device, dtype=torch.float32)
    basis = torch.cos(math.pi * (2 * k + 1) * k[:, None] / (2 * BLOCK)) * (2 / BLOCK) ** 0.5
    basis[0] /= 2**0.5
    return basis


def quantise(x_NCHW: Tensor, strongest: float = 0.2) -> Tensor:
    """Round the cosine coefficients of 8 x 8 blocks, high frequencies more coarsely, as picture codecs do."""
    n, c, h, w = x_NCHW.shape
    basis = cosine_basis(x_NCHW.device)
    blocks = x_NCHW.view(n, c, h // BLOCK, BLOCK, w // BLOCK, BLOCK)
    spectrum = torch.einsum("ik,ncakbl,jl->ncaibj", basis, blocks, basis)
    frequency = torch.arange(BLOCK, device=x_NCHW.device, dtype=torch.float32)
    step = (1 + frequency[:, None, None] + frequency) * uniform(x_NCHW, 0.01, strongest)[..., None, None]
    spectrum = torch.round(spectrum / step) * step
    return torch.einsum("ik,ncaibj,jl->ncakbl", basis, spectrum, basis).reshape(n, c, h, w)


def coarsen(x_NCHW: Tensor, least: float = 0.5) -> Tensor:
    """Down to between `least` and all of the side and up again; one factor for the whole batch."""
    size = x_NCHW.shape[-1]
    small = int(torch.randint(max(1, int(size * least)), size + 1, ()))
    low = F.interpolate(x_NCHW, size=(small, small), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(low, size=(size, size), mode="bilinear", align_corners=False)


def light(x_NCHW: Tensor, strength: float = 0.25, tint: float = 0.1) -> Tensor:
    """Change contrast, brightness and colour, and let the light fall off to one side."""
    gain = 1 + torch.empty(len(x_NCHW), 3, 1, 1, device=x_NCHW.device).uniform_(-tint, tint)
    gain = gain * (1 + uniform(x_NCHW, -strength, strength))
    ramp = torch.linspace(-1, 1, x_NCHW.shape[-1], device=x_NCHW.device)
    slope = uniform(x_NCHW, -strength, strength) * ramp + uniform(x_NCHW, -strength, strength) * ramp[:, None]
    return ((x_NCHW + 1) * gain * (1 + slope / 2) - 1 + uniform(x_NCHW, -strength, strength) / 2).clamp(-1, 1)


def noise(x_NCHW: Tensor, largest: float = 0.06) -> Tensor:
    """Gaussian noise of up to `largest` in [-1, 1] units."""
    return x_NCHW + torch.randn_like(x_NCHW) * uniform(x_NCHW, 0, largest)


def spoil(x_NCHW: Tensor, faults: Faults) -> Tensor:
    """Light, softness, codec and noise, each in its share of the pictures."""
    x_NCHW = x_NCHW.clone()
    for fault, share, strengths in (
        (light, faults.light_share, (faults.light, faults.tint)),
        (coarsen, faults.coarse_share, (faults.coarsest,)),
        (blur, faults.blur_share, (faults.blur,)),
        (quantise, faults.quantise_share, (faults.quantise,)),
        (noise, faults.noise_share, (faults.noise,)),
    ):
        hit = (torch.rand(len(x_NCHW)) < share).nonzero()[:, 0].to(x_NCHW.device)
        if len(hit):
            x_NCHW[hit] = fault(x_NCHW[hit], *strengths)
    return x_NCHW.clamp_(-1, 1)
