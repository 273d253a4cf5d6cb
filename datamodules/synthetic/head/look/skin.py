"""The skin's textures of one person: albedo, gloss and relief, painted on the skin's plane.

H texel row, W texel column. Colours are linear RGB while painted; places in decimetres of the template.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.canvas import Canvas, bump, canvas, ease, groove
from datamodules.synthetic.head.look.facial_hair import brow_cover, stubble_cover
from datamodules.synthetic.head.look.folds import fold_heights, zone_map
from datamodules.synthetic.head.look.hairline import scalp_cover
from datamodules.synthetic.head.person import RGB, Person

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class SkinTextures:
    """What `light_skin` reads: `albedo` (H, W, 4) uint8, `relief` (H, W, 6) int8, `zones` (H, W) uint8."""

    albedo: NDArray[np.uint8]
    relief: NDArray[np.int8]
    zones: NDArray[np.uint8]


def linear(rgb: RGB) -> Floats:
    """SRGB to linear RGB, (3,)."""
    return np.power(np.asarray(rgb, np.float32), 2.2)


def person_noise(c: Canvas, rng: np.random.Generator) -> Floats:
    """The plane's noise fields (K, H, W), shifted for one person."""
    side = c.noise.shape[1]
    return np.stack([np.roll(field, rng.integers(side, size=2), (0, 1)) for field in c.noise])


def paint_skin(person: Person, side: int) -> SkinTextures:
    """Paints the person's skin."""
    c = canvas(side)
    rng = np.random.default_rng([person.seed, 31])
    noise = person_noise(c, rng)
    colour = _tone(person, c, noise)
    _spots(person, c, noise, rng, colour)
    lips = _lips(person, c, noise, colour)
    _make_up(person, c, colour)
    gloss = _gloss(person, c, noise) * (1 - lips) + lips * (0.55 + 0.4 * person.skin.make_up)
    height = _relief(person, c, noise)
    cover = np.zeros((side, side), np.float32)
    hair, brow = linear(person.hair.tone) * 0.7, linear(person.hair.brow) * 0.8
    beard = linear(person.hair.beard_tone) * 0.9
    layers = (
        (stubble_cover(person, c, noise), beard),
        (brow_cover(person, c, noise), brow),
        (scalp_cover(person, c, noise), hair),
    )
    for share, tone in layers:
        colour += share[..., None] * (tone - colour)
        cover = np.maximum(cover, share)
    gloss = gloss * (1 - 0.75 * cover)
    folded, _ = fold_heights(side)
    relief = np.concatenate(
        [c.gradient(height), c.gradient(folded) * (0.75 + 0.5 * person.skin.wrinkles)], -1
    )
    albedo = np.concatenate([np.sqrt(colour.clip(0, 1)), gloss.clip(0, 1)[..., None]], -1)
    return SkinTextures(
        np.ascontiguousarray((albedo * 255 + 0.5).astype(np.uint8)),
        np.ascontiguousarray(np.clip(relief * 64, -127, 127).astype(np.int8)),
        zone_map(side),
    )


def _tone(person: Person, c: Canvas, noise: Floats) -> Floats:
    """Melanin and blood: (H, W, 3)."""
    skin, x, y = person.skin, np.abs(c.x), c.y
    blood = 0.9 * skin.blush * bump(x, y, 0.42, -0.22, 0.17, 0.14)
    blood += (0.35 + 0.5 * skin.blush) * bump(x, y, 0.0, -0.28, 0.12, 0.09)
    blood += 0.35 * ease(x, 0.66, 0.76) * ease(c.z, 0.5, 0.2) * ease(np.abs(y), 0.4, 0.2)
    blood += 0.30 * bump(x, y, 0.30, 0.07, 0.17, 0.07) + 0.25 * bump(x, y, 0.0, -0.93, 0.16, 0.10)
    blood += 0.14 * skin.mottling * (0.6 * noise[4] + 0.7 * noise[3])
    dark = 0.05 * skin.mottling * (0.6 * noise[5] + 0.5 * noise[2]) + 0.55 * skin.under_eye * groove(
        x, y, (0.19, 0.02), (0.43, 0.03), -0.055, 0.035
    )
    dark += 0.20 * skin.under_eye * bump(x, y, 0.20, 0.12, 0.06, 0.06)
    dark += 0.25 * ease(y, -0.98, -1.15) * ease(c.z, 0.9, 0.4) - 0.10 * bump(x, y, 0, 0.5, 0.35, 0.2)
    light = float(np.mean(person.skin.tone))
    redden = np.array([0.10, -0.42, -0.36], np.float32) * (0.35 + 0.65 * light)
    colour = linear(skin.tone) * np.exp(blood[..., None] * redden)
    darken = np.array([0.75, 1.0, 1.05], np.float32)
    return (colour * np.exp(-dark[..., None] * darken)).astype(np.float32)


def _spots(person: Person, c: Canvas, noise: Floats, rng: np.random.Generator, colour: Floats) -> None:
    skin = person.skin
    if skin.freckles > 0:
        where = bump(np.abs(c.x), c.y, 0.28, -0.10, 0.30, 0.20) + 0.4 * bump(c.x, c.y, 0, 0.45, 0.4, 0.2)
        amount = ease(0.8 * noise[1] + 0.5 * noise[2], 0.9, 1.6) * where * skin.freckles
        colour *= np.exp(-amount[..., None] * np.array([0.5, 0.95, 1.2], np.float32))
    if skin.wrinkles > 0.5:  # spots of age
        amount = ease(noise[3], 1.5, 2.1) * (skin.wrinkles - 0.5) * ease(c.y, -0.6, 0.2)
        colour *= np.exp(-amount[..., None] * np.array([0.5, 0.8, 1.0], np.float32))
    for _ in range(skin.moles):
        x, y, size = rng.uniform(-0.6, 0.6), rng.uniform(-0.9, 0.6), rng.uniform(0.010, 0.018)
        share = ease(np.hypot(c.x - x, c.y - y), size * 1.3, size * 0.6) * (c.z > 0.2) * (1 - c.lips)
        colour += (
            0.85 * share[..., None] * (np.array([0.06, 0.03, 0.02]) * (0.4 + person.skin.tone[0]) - colour)
        )


def _lips(person: Person, c: Canvas, noise: Floats, colour: Floats) -> Floats:
    """Paints the lips; their cover (H, W)."""
    cover = ease(c.lips + 0.04 * noise[2], 0.25, 0.75) * 0.92
    line = np.exp(-0.5 * ((c.y + 0.592 + 0.10 * c.x * c.x) / 0.018) ** 2)
    tone = linear(person.skin.lip) * (1 + 0.10 * noise[2][..., None] * (1 - person.skin.make_up))
    tone = tone * (1 - 0.35 * line[..., None])
    colour += cover[..., None] * (tone - colour)
    return cover


def _make_up(person: Person, c: Canvas, colour: Floats) -> None:
    if person.skin.make_up <= 0:
        return
    x, y = np.abs(c.x), c.y
    shade = person.skin.make_up * ease(y, 0.085, 0.12) * bump(x, y, 0.32, 0.13, 0.14, 0.055)
    colour += 0.6 * shade[..., None] * (linear(person.skin.shadow) - colour)


def _gloss(person: Person, c: Canvas, noise: Floats) -> Floats:
    x, y = np.abs(c.x), c.y
    oily = 0.30 + 0.35 * bump(x, y, 0, 0.45, 0.30, 0.20) + 0.45 * bump(x, y, 0, -0.2, 0.10, 0.18)
    oily = oily + 0.25 * bump(x, y, 0.38, -0.08, 0.14, 0.10) + 0.25 * bump(x, y, 0.0, -0.88, 0.12, 0.08)
    return (oily * (0.35 + 0.9 * person.skin.gloss) * (1 + 0.18 * noise[1])).astype(np.float32)


def _relief(person: Person, c: Canvas, noise: Floats) -> Floats:
    """Height (H, W) at rest: pores, fine creases, age."""
    _, aged = fold_heights(c.noise.shape[1])
    face = ease(c.z, 0.1, 0.5)
    texel = 2.0 / c.noise.shape[1]
    pores = (0.5 * noise[0] + 0.5 * noise[1] + 0.8 * noise[2]) * 0.055 * texel * person.skin.pores
    lip_lines = 0.0004 * np.cos(c.x * 2 * np.pi / 0.030 + 0.8 * noise[3]) * c.lips
    age = person.skin.wrinkles
    return (
        pores * face * (1 - c.lips) + lip_lines + aged * age * 0.75 + 0.0012 * age * noise[3] * face
    ).astype(np.float32)
