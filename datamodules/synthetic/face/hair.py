"""Hair behind and before the face, hats and glasses, painted into a premultiplied RGBA layer (4, H, W)."""

import numpy as np
import torch
from torch import Tensor

from datamodules.synthetic.face.geometry import CENTRE_X, EYE_Y, HEAD_Y, outline_radius
from datamodules.synthetic.face.identity import Identity
from datamodules.synthetic.face.textures import colour, inside, lookup, noise, over, smoothstep

# Style: how far the back hair falls (head coordinate y), how far side locks fall, share of volume, how curly.
STYLES: dict[str, tuple[float, float, float, float]] = {
    "bald": (0.0, 0.0, 0.0, 0.0),
    "receding": (0.52, 0.40, 0.35, 0.0),
    "short": (0.54, 0.42, 0.6, 0.0),
    "side": (0.56, 0.43, 1.0, 0.0),
    "swept": (0.58, 0.43, 1.4, 0.0),
    "fringe": (0.86, 0.72, 1.0, 0.0),
    "bob": (0.80, 0.74, 1.3, 0.0),
    "long": (1.20, 1.10, 1.1, 0.0),
    "curly": (0.72, 0.56, 2.1, 1.0),
}


def _polar(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    dx, dy = x - CENTRE_X, y - HEAD_Y
    radius = (dx * dx + dy * dy).clamp(min=1e-8).sqrt()
    return radius, dx / radius, dy / radius


def _strands(identity: Identity, rng: np.random.Generator, x: Tensor, y: Tensor) -> Tensor:
    """Brightness (H, W) of hair.

    Streaks along the strands, a soft highlight band, darker towards the tips.
    """
    hair = identity.hair
    size = 192
    curl = STYLES[hair.style][3]
    streaks = noise(rng, (size, size), 64, 2)
    crown_x, crown_y = CENTRE_X + 0.10 * hair.parting, 0.10
    dx, dy = x - crown_x, (y - crown_y).clamp(min=-0.2)
    angle = torch.atan2(dx, dy + 0.12)
    reach = (dx * dx + dy * dy).sqrt()
    wave = 0.012 * torch.sin(reach * 34 + 4 * angle) * (1 + 2 * curl)
    streak = lookup(streaks, (angle + wave) / 2.4 + 0.5, reach * (0.22 + 2.2 * curl))
    fine = lookup(streaks, (angle + wave) * 1.7 + 0.3, reach * 0.3 + 0.2)
    lx, ly, _ = identity.light.direction
    band = torch.exp(-0.5 * ((reach - 0.13 - 0.04 * torch.cos(3 * angle)) / 0.045) ** 2)
    lit = 0.78 + 0.30 * (lx * dx + ly * (y - HEAD_Y)) / 0.35
    return lit + hair.strand * (0.13 * streak + 0.08 * fine) + 0.38 * hair.shine * band * (1 + 0.4 * streak)


def _hair_rgb(identity: Identity, brightness: Tensor) -> Tensor:
    light = identity.light
    lamp = colour(light.ambient) + 0.65 * colour(light.key)
    return (colour(identity.hair.tone) * lamp * brightness.clamp(0.15, 2.2) + 0.02 * brightness * lamp).clamp(
        0, 1.2
    )


def paint_back_hair(
    identity: Identity, rng: np.random.Generator, canvas: Tensor, x: Tensor, y: Tensor, soft: float
) -> Tensor:
    """Hair behind neck and shoulders."""
    fall, _, share, curl = STYLES[identity.hair.style]
    if share == 0:
        return canvas
    shape, volume = identity.shape, identity.hair.volume * share
    radius, cos, sin = _polar(x, y)
    ragged = 0.006 * noise(rng, (y.shape[0], x.shape[1]), 24) + curl * 0.010 * noise(
        rng, (y.shape[0], x.shape[1]), 16
    )
    rim = outline_radius(shape, cos, torch.where(sin > 0, 0.0, sin)) + volume + ragged
    dome = torch.where(sin > 0, 1.0, radius - rim)
    side = (x - CENTRE_X).abs()
    width = shape.width + volume + 0.012 * torch.sin(y * 17) * (fall > 0.9) + ragged
    curtain = torch.maximum(side - width, y - fall - 2 * ragged)
    curtain = torch.maximum(curtain, HEAD_Y - 0.001 - y)
    dark = (
        0.72 * _strands(identity, rng, x, y) * (1 - 0.35 * smoothstep(side, shape.width, shape.width - 0.08))
    )
    cover = torch.maximum(inside(dome, soft), inside(curtain, soft * 2))
    return over(canvas, _hair_rgb(identity, dark), cover)


def _hairline(identity: Identity, x: Tensor) -> Tensor:
    """Height (y) of the lower edge of the front hair at each x."""
    hair = identity.hair
    across = (x - CENTRE_X) / identity.shape.width
    line = 0.235 + hair.line
    if hair.style == "fringe":
        return line + 0.105 + 0.035 * across**2 + 0.006 * torch.sin(x * 90)
    if hair.style == "receding":
        return line - 0.045 + 0.02 * torch.exp(-0.5 * (across / 0.2) ** 2) + 0.10 * across.abs() ** 4 - 0.02
    if hair.style == "side":
        part = 0.45 * hair.parting
        return (
            line
            - 0.01
            + 0.085 * (1 - torch.exp(-((across - part) ** 2) / 0.30)) * (0.55 + 0.2 * across.abs())
        )
    if hair.style == "swept":
        return line - 0.02 + 0.06 * across**4
    if hair.style in ("long", "bob"):
        part = 0.35 * hair.parting
        return line - 0.03 + 0.16 * (1 - torch.exp(-((across - part) ** 2) / 0.28))
    return line + 0.07 * across**4


def paint_front_hair(identity: Identity, rng: np.random.Generator, x: Tensor, y: Tensor) -> Tensor:
    """Front hair, hat and glasses (4, H, W)."""
    soft = 1.6 * float(x[0, 1] - x[0, 0])
    canvas = torch.zeros(4, y.shape[0], x.shape[1])
    _, lock_y, share, curl = STYLES[identity.hair.style]
    shape = identity.shape
    if share > 0:
        volume = identity.hair.volume * share
        radius, cos, sin = _polar(x, y)
        size = (y.shape[0], x.shape[1])
        ragged = 0.0025 * noise(rng, size, 40) + curl * 0.009 * noise(rng, size, 16)
        rim = outline_radius(shape, cos, sin.clamp(max=0)) + volume + ragged
        side = (x - CENTRE_X).abs()
        outer = torch.where(sin > 0, side - shape.width - volume - ragged, radius - rim)
        wisps = 0.004 * noise(rng, size, 60) * (1 + curl)
        cap = torch.maximum(outer, y - _hairline(identity, x) - wisps)
        inner = shape.width * (0.965 if lock_y < 0.5 else 0.90) - 0.10 * (y - 0.5).clamp(min=0) * (
            lock_y > 0.6
        )
        locks = torch.maximum(torch.maximum(outer, inner - side), y - lock_y - 3 * wisps)
        hairy = torch.minimum(cap, locks)
        brightness = _strands(identity, rng, x, y) * (
            1 - 0.25 * torch.exp(-0.5 * ((hairy + 0.004) / 0.006) ** 2)
        )
        shadow = inside(hairy - 0.014, 0.03) * inside(radius - outline_radius(shape, cos, sin), soft) * 0.30
        canvas = over(canvas, torch.zeros(3, 1, 1), shadow)
        canvas = over(canvas, _hair_rgb(identity, brightness), inside(hairy, 1.6 * soft))
    if identity.hair.hat:
        canvas = _paint_hat(identity, rng, canvas, x, y, soft)
    if identity.eyes.glasses:
        canvas = _paint_glasses(identity, canvas, x, y, soft)
    return canvas


def _paint_hat(
    identity: Identity, rng: np.random.Generator, canvas: Tensor, x: Tensor, y: Tensor, soft: float
) -> Tensor:
    across = (x - CENTRE_X) / (identity.shape.width + 0.045)
    edge = 0.235 + 0.05 * (identity.hair.hat - 0.5) + 0.03 * across**2
    crown = ((across.abs().clamp(max=2)) ** 2.6 + ((y - edge) / 0.20).clamp(max=0).abs() ** 2.6 - 1) * 0.1
    hat = torch.maximum(crown, y - edge)
    knit = 1 + 0.10 * torch.cos(x * 2 * np.pi * 40) + 0.05 * noise(rng, (y.shape[0], x.shape[1]), 12, 2)
    knit = knit * (1 - 0.35 * across.clamp(-1, 1) ** 2) * (1 - 0.25 * smoothstep(y - edge, -0.055, -0.05))
    lamp = colour(identity.light.ambient) + 0.6 * colour(identity.light.key)
    return over(canvas, colour(identity.hair.hat_tone) * lamp * knit, inside(hat, soft))


def _paint_glasses(identity: Identity, canvas: Tensor, x: Tensor, y: Tensor, soft: float) -> Tensor:
    eyes, shape = identity.eyes, identity.shape
    side = (x - CENTRE_X).abs()
    power = eyes.frame_round
    dx, dy = (side - shape.eye_distance - 0.004) / 0.078, (y - EYE_Y - 0.012) / 0.058
    ring = ((dx.abs() ** power + dy.abs() ** power).clamp(min=1e-6) ** (1 / power) - 1) * 0.06
    thick = 0.0035 + 0.004 * eyes.glasses
    bridge = torch.maximum(
        (y - EYE_Y + 0.006 + 0.25 * side**2).abs() - 0.7 * thick, side - shape.eye_distance + 0.07
    )
    temple = torch.maximum((y - EYE_Y + 0.004).abs() - 0.7 * thick, shape.eye_distance + 0.078 - side)
    temple = torch.maximum(temple, side - shape.width - 0.012)
    frame = torch.minimum(torch.minimum(ring.abs() - 0.5 * thick, bridge), temple)
    glare = inside(ring, soft) * (0.05 + 0.08 * smoothstep(torch.sin((x + y) * 26), 0.75, 1.0))
    canvas = over(canvas, torch.ones(3, 1, 1), glare)
    lamp = colour(identity.light.ambient) + 0.5 * colour(identity.light.key)
    return over(canvas, colour(eyes.frame) * lamp, inside(frame, soft))
