"""Clips as bad as real ones: mouths out of place, badly lit or grey, and sound from a room.

B clip, F frame, H row, W column, R row of a spectrum (ten milliseconds), M mel band.

Each clip has its own strength of everything, constant over its frames except noise and drift.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.extractors.embedded.sync_judge import LEFT, SIDE, TOP
from evaluation.extractors.network import SIZE
from evaluation.training.augment import blur, coarsen, noise, quantise, uniform

SOFT = ((coarsen, 0.3), (blur, 0.4), (quantise, 0.4), (noise, 0.5))  # fault, share of clips


def steady(low: float, high: float, like: Tensor) -> Tensor:
    """One number a clip, (B, 1)."""
    return uniform(like, low, high).flatten(1)


def drift(like_BFHW: Tensor, step: float = 0.006, jitter: float = 0.003) -> Tensor:
    """Shift (B, F) of a badly tracked face over time, shares of the picture's half width."""
    clips, frames = like_BFHW.shape[:2]
    walk = torch.randn(clips, frames, device=like_BFHW.device).cumsum(1) * steady(0, step, like_BFHW)
    shake = torch.randn(clips, frames, device=like_BFHW.device) * steady(0, jitter, like_BFHW)
    return (walk - walk.mean(1, keepdim=True)).clamp(-0.06, 0.06) + shake


def moved_mouths(
    grey_BFHW: Tensor,
    degrees: float = 12,
    scale: float = 0.22,
    aspect: float = 0.1,
    move: float = 0.1,
    unsteady: float = 1,
) -> Tensor:
    """Mouth squares (B, F, 56, 56) of grey face crops of 128 pixels, turned, scaled and moved; half mirrored.

    Args:
        grey_BFHW: in any range.
        degrees: largest turn.
        scale: largest relative change of size.
        aspect: largest relative change of width against height.
        move: largest shift as a share of the crop's half width.
        unsteady: times the drift of a badly tracked face.
    """
    clips, frames = grey_BFHW.shape[:2]
    turn = steady(-degrees, degrees, grey_BFHW) * math.pi / 180
    zoom = steady(-scale, scale, grey_BFHW).exp() * SIDE / SIZE
    wide = zoom * steady(-aspect, aspect, grey_BFHW).exp()
    mirror = torch.where(torch.rand(clips, 1, device=grey_BFHW.device) < 0.5, -1.0, 1.0)
    centre_x, centre_y = ((2 * start + SIDE) / SIZE - 1 for start in (LEFT, TOP))
    theta = grey_BFHW.new_zeros(clips, frames, 2, 3)
    theta[..., 0, 0], theta[..., 0, 1] = wide * mirror * turn.cos(), -zoom * turn.sin()
    theta[..., 1, 0], theta[..., 1, 1] = wide * mirror * turn.sin(), zoom * turn.cos()
    theta[..., 0, 2] = centre_x + steady(-move, move, grey_BFHW) + unsteady * drift(grey_BFHW)
    theta[..., 1, 2] = centre_y + steady(-move, move, grey_BFHW) + unsteady * drift(grey_BFHW)
    grid = F.affine_grid(theta.flatten(0, 1), [clips * frames, 1, SIDE, SIDE], align_corners=False)
    squares = F.grid_sample(
        grey_BFHW.flatten(0, 1)[:, None], grid, padding_mode="reflection", align_corners=False
    )
    return squares.view(clips, frames, SIDE, SIDE)


def random_grey(frames_BF3HW: Tensor) -> Tensor:
    """Grey clips (B, F, H, W) in [-1, 1], each by its own weights of the three colours."""
    share_B3 = torch.rand(len(frames_BF3HW), 3, device=frames_BF3HW.device) + 0.1
    share_B3 = share_B3 / share_B3.sum(1, keepdim=True) / 127.5
    parts = (frames_BF3HW[:, :, i] * share_B3[:, i, None, None, None] for i in range(3))
    return sum(parts, start=torch.tensor(-1.0))


def relit(x_BFHW: Tensor) -> Tensor:
    """Other contrast, brightness and gamma, and light that falls off to one side."""
    ramp = torch.linspace(-1, 1, x_BFHW.shape[-1], device=x_BFHW.device)
    slope = uniform(x_BFHW, -0.5, 0.5) * ramp + uniform(x_BFHW, -0.5, 0.5) * ramp[:, None]
    light = ((x_BFHW + 1) / 2).clamp(1e-3, 1) ** uniform(x_BFHW, -0.6, 0.6).exp() * (1 + slope)
    return light * uniform(x_BFHW, -0.7, 0.2).exp() * 2 - 1 + uniform(x_BFHW, -0.2, 0.2)


def spoiled_mouths(frames_BF3HW: Tensor) -> Tensor:
    """Mouth squares (B, F, 56, 56) of uint8 face crops, with every fault in its share of the clips."""
    x = relit(moved_mouths(random_grey(frames_BF3HW)))
    for fault, share in SOFT:
        hit = (torch.rand(len(x)) < share).nonzero()[:, 0].to(x.device)
        if len(hit):
            x[hit] = fault(x[hit])
    return x


def warped(power_BRM: Tensor, most: float = 0.2) -> Tensor:
    """Bands stretched by up to `most`, as by a longer or shorter vocal tract."""
    bands = power_BRM.shape[2]
    place_BM = torch.arange(bands, device=power_BRM.device) * steady(-most, most, power_BRM[..., None]).exp()
    low_BM = place_BM.clamp(max=bands - 1.001).long()
    share_BM = (place_BM.clamp(max=bands - 1.0) - low_BM)[:, None]
    low, high = (
        power_BRM.gather(2, i[:, None].expand_as(power_BRM))
        for i in (low_BM, (low_BM + 1).clamp(max=bands - 1))
    )
    return low + (high - low) * share_BM


def smooth_curve(like_BRM: Tensor, decibels: float, knots: int = 6) -> Tensor:
    """A random smooth gain (B, 1, M) of power, up to about that many decibels."""
    points = torch.randn(len(like_BRM), 1, knots, device=like_BRM.device) * decibels / 2
    return 10 ** (F.interpolate(points, like_BRM.shape[2], mode="linear", align_corners=True) / 10)


def echo(power_BRM: Tensor) -> Tensor:
    """Each row followed by a tail that dies away, as in a room of 0.1 to 0.6 seconds of reverberation."""
    rows = 24
    fall = 13.8 / (100 * uniform(power_BRM[..., None], 0.1, 0.6).flatten(1))  # 60 dB of power
    tail_BK = torch.exp(-fall * torch.arange(1, rows + 1, device=power_BRM.device))
    tail_BK = tail_BK / tail_BK.sum(1, keepdim=True) * 10 ** steady(-1.5, 0, power_BRM[..., None])
    padded = F.pad(power_BRM, (0, 0, rows, 0))
    return power_BRM + torch.einsum("brmk,bk->brm", padded.unfold(1, rows, 1)[:, :-1], tail_BK.flip(1))


def spoiled_sound(power_BRM: Tensor) -> Tensor:
    """Mel power heard by another microphone, in a room, from another throat, among noise and other voices."""
    clips = len(power_BRM)
    x = warped(power_BRM)
    x = torch.where(torch.rand(clips, 1, 1, device=x.device) < 0.5, echo(x), x)
    x = x * smooth_curve(x, 10)
    level_B = x.mean((1, 2), keepdim=True)
    hiss = torch.empty_like(x).exponential_() * smooth_curve(x, 10)  # power of Gaussian noise
    other = x.roll(1, 0) / level_B.roll(1, 0)
    for sound, loudest in ((hiss, -0.3), (other, -1.0)):
        x = x + level_B * sound * 10 ** uniform(x[..., None], -4, loudest)[..., 0]
    return x
