"""The layers painted once per clip: backdrop, body and back hair, lit skin, front hair with glasses and hat.

A plate is premultiplied RGBA over a window of head coordinates. C channel, H row, W column, N control column.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from datamodules.synthetic.face import geometry, motion
from datamodules.synthetic.face.geometry import CENTRE_X, EYE_Y, HEAD_Y
from datamodules.synthetic.face.hair import paint_back_hair, paint_front_hair
from datamodules.synthetic.face.identity import Identity
from datamodules.synthetic.face.textures import bump, colour, inside, noise, over, smoothstep

Box = tuple[float, float, float, float]  # left, right, top, bottom in head coordinates
SKIN_WINDOW: Box = (0.22, 0.78, 0.10, 0.88)
WIDE_WINDOW: Box = (-0.15, 1.15, -0.15, 1.15)
PICTURE: Box = (0.0, 1.0, 0.0, 1.0)
MOTION_GRID = 64


@dataclass(frozen=True)
class Plates:
    """Everything about a clip that no control changes, at one picture size."""

    backdrop: Tensor  # (3, H, W)
    back: Tensor  # (4, H, W)
    skin: Tensor  # (4, H, W)
    shade: Tensor  # (N, H, W)
    front: Tensor  # (4, H, W)
    displacement: Tensor  # (N, 2, G, G)
    gain: Tensor  # (3, H, W)
    offset: Tensor  # (3, H, W)
    back_ink: Box
    skin_ink: Box
    front_ink: Box
    warp_waves: tuple[tuple[float, ...], ...]


def window_grid(window: Box, density: float) -> tuple[Tensor, Tensor]:
    """Centres of a window's cells, `density` cells to the picture's side.

    A row x (1, W) and a column y (H, 1).
    """
    width, height = (max(8, round((window[i + 1] - window[i]) * density)) for i in (0, 2))
    across = window[0] + (torch.arange(width) + 0.5) / width * (window[1] - window[0])
    down = window[2] + (torch.arange(height) + 0.5) / height * (window[3] - window[2])
    return across[None], down[:, None]


def ink_box(plate_4HW: Tensor, window: Box) -> Box:
    """The part of the window where the plate is not empty."""
    inked = plate_4HW[3] > 0
    height, width = inked.shape
    columns, rows = inked.any(0).nonzero(), inked.any(1).nonzero()
    if len(rows) == 0:
        return (0.0, 0.0, 0.0, 0.0)
    x, y = (window[1] - window[0]) / width, (window[3] - window[2]) / height
    return (
        window[0] + x * (int(columns[0]) - 1),
        window[0] + x * (int(columns[-1]) + 2),
        window[2] + y * (int(rows[0]) - 1),
        window[2] + y * (int(rows[-1]) + 2),
    )


def _light(
    identity: Identity, height: Tensor, x: Tensor, y: Tensor, turn: tuple[float, float] = (0, 0)
) -> Tensor:
    """Diffuse light 0..1 on the dome plus relief, with a little occlusion in hollows.

    `turn` is yaw and pitch.
    """
    step = float(x[0, 1] - x[0, 0])
    dome_x = (x - CENTRE_X) / (identity.shape.width + 0.03)
    dome_y = (y - HEAD_Y) / 0.40
    slope_y, slope_x = (g / step for g in torch.gradient(height, dim=(-2, -1)))
    nx = 0.85 * dome_x - 1.15 * slope_x + turn[0]
    ny = 0.60 * dome_y - 1.15 * slope_y + turn[1]
    nz = (1.15 - 0.55 * (dome_x**2 + dome_y**2)).clamp(min=0.25)
    lx, ly, lz = identity.light.direction
    lambert = (nx * lx + ny * ly + nz * lz) * (nx * nx + ny * ny + nz * nz).rsqrt()
    wrapped = ((lambert + 0.35) / 1.35).clamp(min=0)
    return wrapped * wrapped.sqrt()


def _albedo(identity: Identity, rng: np.random.Generator, x: Tensor, y: Tensor) -> Tensor:
    """Skin colour (3, H, W) before light: tone, blood, freckles, pores, blotches, beard."""
    skin, shape, hair = identity.skin, identity.shape, identity.hair
    size = (y.shape[0], x.shape[1])
    mouth_y, nose_y = EYE_Y + shape.mouth_height, EYE_Y + shape.nose_length
    tone = colour(skin.tone)
    red = 0.5 * bump(x, y, CENTRE_X, nose_y - 0.015, 0.03, 0.03)
    red = red + motion.mirrored(x, y, 0.125, EYE_Y + 0.105, 0.055, 0.04)[0] * (0.5 + 0.5 * skin.make_up)
    red = red + motion.mirrored(x, y, shape.width + 0.012, EYE_Y + 0.05, 0.02, 0.06)[0] * 0.7
    red = skin.blush * red
    albedo = tone * (1 + red * torch.tensor([0.02, -0.13, -0.10])[:, None, None])
    blotch = noise(rng, size, 6, 4)
    albedo = albedo * (1 + skin.blotches * 0.06 * blotch * torch.tensor([0.5, 1.0, 1.2])[:, None, None])
    albedo = albedo * (1 + 0.07 * skin.grain * noise(rng, size, 60, 3, 0.8))
    if skin.freckles:
        spots = smoothstep(noise(rng, size, 46), 1.3, 2.4) * bump(x, y, CENTRE_X, EYE_Y + 0.09, 0.16, 0.08)
        albedo = albedo * (1 - skin.freckles * 0.5 * spots * torch.tensor([0.5, 0.8, 1.0])[:, None, None])
    tired = motion.mirrored(x, y, shape.eye_distance - 0.012, EYE_Y + 0.034, 0.04, 0.014)[0]
    albedo = albedo * (1 - (0.06 + 0.10 * skin.age) * tired * torch.tensor([0.7, 1.0, 0.8])[:, None, None])
    side = (x - CENTRE_X).abs()
    stubble = noise(rng, size, 110, 1)
    jaw = smoothstep(y - 0.30 * (side - 0.1).clamp(min=0) * -1, mouth_y - 0.05, mouth_y + 0.02)
    jaw = jaw * smoothstep(side + 0.5 * (y - mouth_y), 0.045, 0.105)
    chin = smoothstep(y, mouth_y + 0.025, mouth_y + 0.055)
    sideburn = smoothstep(side, shape.width - 0.055, shape.width - 0.01) * smoothstep(y, EYE_Y, mouth_y)
    beard = torch.maximum(torch.maximum(jaw, chin), sideburn)
    lip = bump(side, y, 0.0, mouth_y - 0.042, 0.045, 0.012) * smoothstep(side, -0.02, 0.012)
    cover = hair.beard * beard * (0.35 + 0.5 * hair.beard_length) + hair.moustache * lip * (
        0.4 + 0.5 * hair.beard_length
    )
    cover = (cover * (1 + 0.28 * stubble)).clamp(0, 0.93)
    return albedo * (1 - cover) + colour(hair.tone) * (1 + 0.25 * stubble) * cover


def _ears(identity: Identity, x: Tensor, y: Tensor, soft: float) -> tuple[Tensor, Tensor]:
    """Coverage and relief-like darkening of both ears."""
    shape = identity.shape
    side, ear_y = (x - CENTRE_X).abs() - shape.width - 0.006, EYE_Y + 0.055
    rx, ry = 0.026 * shape.ear, 0.066 * shape.ear
    slant = side - 0.18 * (ear_y - y)
    radius = ((slant / rx) ** 2 + ((y - ear_y) / ry) ** 2).clamp(min=1e-6).sqrt()
    cover = inside((radius - 1) * rx, soft)
    inner = torch.exp(
        -0.5 * (((slant - 0.002) / (0.45 * rx)) ** 2 + ((y - ear_y + 0.006) / (0.55 * ry)) ** 2)
    )
    return cover, inner


def skin_plate(identity: Identity, rng: np.random.Generator, density: float) -> tuple[Tensor, Tensor]:
    """Lit head (4, H, W) and the relative change of light (N, H, W) of each control."""
    x, y = window_grid(SKIN_WINDOW, density)
    soft = 1.6 / density
    dx, dy = x - CENTRE_X, y - HEAD_Y
    radius = (dx * dx + dy * dy).clamp(min=1e-8).sqrt()
    rim = geometry.outline_radius(identity.shape, dx / radius, dy / radius)
    face = inside(radius - rim, soft)
    ear, ear_inner = _ears(identity, x, y, soft)
    height = motion.relief(identity, x, y)
    rest = _light(identity, height, x, y)
    light, skin = identity.light, identity.skin
    edge = smoothstep(radius / rim, 0.80, 1.02)
    albedo = _albedo(identity, rng, x, y)
    occlusion = 1 - 0.22 * edge - 0.10 * smoothstep(y, 0.74, 0.82)
    lit = colour(light.ambient) * occlusion + colour(light.key) * rest * (1 - 0.12 * edge)
    rgb = albedo * lit
    rgb = _nostrils(identity, rgb, x, y)
    gloss = skin.shine * light.highlight * smoothstep(rest, 0.86, 1.02) * 0.22
    rgb = rgb + gloss * colour(light.key)
    ear_light = (0.72 + 0.2 * rest) * (1 - 0.45 * ear_inner)
    ear_rgb = colour(skin.tone) * torch.tensor([1.0, 0.90, 0.88])[:, None, None] * ear_light
    plate = over(
        over(
            torch.zeros(4, y.shape[0], x.shape[1]),
            ear_rgb * (colour(light.ambient) + colour(light.key) * 0.7),
            ear,
        ),
        rgb,
        face,
    )
    folds = motion.folds(identity, x, y)
    strength = light.key[1] / (light.ambient[1] + light.key[1] * rest)
    turned = [_light(identity, height, x, y, turn)[None] - rest for turn in ((-0.3, 0.0), (0.0, -0.3))]
    change = [_light(identity, height + folds[: motion.YAW], x, y) - rest, *(3 * t for t in turned)]
    shade = torch.cat(change) * strength * face
    hollow = (folds.clamp(max=0) * 42).clamp(min=-0.42)
    shade = shade + hollow * face
    return plate, shade


def _nostrils(identity: Identity, rgb: Tensor, x: Tensor, y: Tensor) -> Tensor:
    shape = identity.shape
    base = EYE_Y + shape.nose_length
    holes = motion.mirrored(x, y, 0.46 * shape.nose_width, base + 0.001, 0.0085, 0.0045)[0]
    under = bump(x, y, CENTRE_X, base + 0.010, 0.75 * shape.nose_width, 0.006)
    wing = motion.mirrored(x, y, 1.02 * shape.nose_width, base - 0.006, 0.0045, 0.011)[0]
    dark = 1 - (0.60 * holes + 0.13 * under + 0.12 * wing).clamp(0, 0.85)
    return rgb * (1 - (1 - dark) * torch.tensor([0.85, 1.0, 1.0])[:, None, None])


def back_plate(identity: Identity, rng: np.random.Generator, density: float) -> Tensor:
    """Back hair, neck, shoulders and clothes (4, H, W) over WIDE_WINDOW."""
    x, y = window_grid(WIDE_WINDOW, density)
    soft = 1.6 / density
    shape, light = identity.shape, identity.light
    canvas = paint_back_hair(identity, rng, torch.zeros(4, y.shape[0], x.shape[1]), x, y, soft)
    side = (x - CENTRE_X).abs()
    chin = HEAD_Y + shape.length
    half = (
        0.50 * shape.width
        + 0.10 * smoothstep(y, chin + 0.02, chin + 0.20) ** 2
        + 0.02 * smoothstep(-y, -chin, -chin + 0.1)
    )
    neck = inside(side - half, soft) * smoothstep(y, 0.55, 0.56)
    lx = light.direction[0]
    across = 0.80 + 0.35 * lx * (x - CENTRE_X) / shape.width - 0.55 * (side / half).clamp(0, 1.3) ** 4 * 0.35
    below = 1 - 0.42 * smoothstep(-y, -chin - 0.10, -chin + 0.03)
    key = colour(light.ambient) + 0.62 * colour(light.key)
    skin = colour(identity.skin.tone) * key * (across * below)
    canvas = over(canvas, skin, neck)
    return _clothes(identity, rng, canvas, x, y, soft)


def _clothes(
    identity: Identity, rng: np.random.Generator, canvas: Tensor, x: Tensor, y: Tensor, soft: float
) -> Tensor:
    scene, light = identity.scene, identity.light
    side = (x - CENTRE_X).abs()
    top = 0.885 + 0.16 * (side - 0.10).clamp(min=0) + 0.9 * (side - 0.33).clamp(min=0) ** 1.6
    neckline = 0.91 + 0.075 * torch.exp(-0.5 * (side / (0.07 + 0.05 * scene.collar)) ** 2)
    edge = torch.maximum(top, neckline + 0.4 * (side - 0.16).clamp(min=0))
    cloth = inside(edge - y, soft)
    fabric = noise(rng, (y.shape[0], x.shape[1]), 5, 3)
    fold = 1 + 0.07 * fabric + 0.25 * light.direction[0] * (x - CENTRE_X) - 0.25 * smoothstep(side, 0.25, 0.5)
    if scene.shirt_pattern > 0.75:
        fold = fold * (1 + 0.12 * torch.cos(x * 2 * torch.pi * 28))
    rim = 1 - 0.35 * torch.exp(-0.5 * ((y - edge - 0.012) / 0.006) ** 2) * smoothstep(-side, -0.24, -0.16)
    shade = (colour(light.ambient) + 0.55 * colour(light.key)) * fold * rim
    return over(canvas, colour(scene.shirt) * shade, cloth)


def backdrop(identity: Identity, rng: np.random.Generator, size: int) -> Tensor:
    """What stands behind the person (3, H, W)."""
    x, y = window_grid(PICTURE, size)
    scene, wild = identity.scene, identity.randomisation
    first, second, third = (colour(c) for c in scene.colours)
    angle = rng.uniform(0, 2 * np.pi)
    along = smoothstep(0.5 + 0.7 * ((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)))
    field = first * (1 - along) + second * along
    if scene.backdrop == "vignette":
        field = field * (1.10 - 0.9 * ((x - 0.5) ** 2 + (y - 0.45) ** 2))
    elif scene.backdrop == "bokeh":
        for _ in range(14):
            cx, cy, r = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.02, 0.09)
            disc = inside(((x - cx) ** 2 + (y - cy) ** 2).sqrt() - r, 0.015) * rng.uniform(0.08, 0.4)
            field = field * (1 - disc) + third * disc
    elif scene.backdrop == "wall":
        field = field * (1 + 0.05 * noise(rng, (size, size), 8, 4))
    elif scene.backdrop == "stripes":
        wave = smoothstep(
            torch.cos((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi * rng.uniform(3, 14)), -0.2, 0.2
        )
        field = field * (1 - 0.7 * wave) + third * 0.7 * wave
    elif scene.backdrop == "shapes":
        for _ in range(8):
            cx, cy, rx, ry = (
                rng.uniform(0, 1),
                rng.uniform(0, 1),
                rng.uniform(0.05, 0.3),
                rng.uniform(0.05, 0.3),
            )
            box = torch.maximum((x - cx).abs() - rx, (y - cy).abs() - ry)
            patch = inside(box, 0.012)
            field = field * (1 - patch) + colour(tuple(rng.random(3))) * patch
    elif scene.backdrop == "noise":
        patches = torch.stack([noise(rng, (size, size), 4, 5, 0.6) for _ in range(3)])
        field = field * (1 + 0.3 * patches)
    return (field * (1 + 0.02 * wild * noise(rng, (size, size), 30, 2))).clamp(0, 1)


def _camera_fields(identity: Identity, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
    """Gain and offset (3, H, W) that stay on the picture: light falloff, colour cast, sensor noise."""
    x, y = window_grid(PICTURE, size)
    camera, light = identity.camera, identity.light
    gain = 1 + light.gradient[0] * (x - 0.5) * 2 + light.gradient[1] * (y - 0.5) * 2
    cast = torch.stack([noise(rng, (size, size), 2, 2) for _ in range(3)])
    gain = gain * (1 + camera.colour_field * 0.6 * cast) * colour(camera.tint)
    grain = torch.from_numpy(rng.standard_normal((3, size, size), dtype=np.float32))
    grain = 0.6 * grain + 0.4 * grain.mean(0, keepdim=True) * 3**0.5
    gain = gain.clamp(0.3, 2.0)
    # Contrast about middle grey and the scale of uint8 are linear, so they are folded in here, with rounding.
    offset = (camera.brightness + camera.noise * grain - 0.45) * camera.contrast + 0.45
    return gain * camera.contrast * 255, offset * 255 + 0.5


def _warp_waves(identity: Identity) -> tuple[tuple[float, ...], ...]:
    """Three plane waves that bend the head: wave numbers, phase and amplitudes of each, in image sides."""
    strength = identity.camera.warp
    if strength == 0:
        return ()
    rng = np.random.default_rng([identity.seed, 0x3A59])
    waves = []
    for _ in range(3):
        (kx, ky), (ax, ay) = rng.uniform(-9, 9, 2), np.clip(rng.normal(size=2), -1.5, 1.5) * strength
        waves.append((float(kx), float(ky), float(rng.uniform(0, 6.28)), float(ax), float(ay)))
    return tuple(waves)


@lru_cache(maxsize=4)
def paint_plates(identity: Identity, size: int) -> Plates:
    """All plates of one identity at one picture size; the last few are remembered."""
    rng = np.random.default_rng([identity.seed, 0x9A17])
    skin_4HW, shade_NHW = skin_plate(identity, rng, 1.2 * size)
    front_4HW = paint_front_hair(identity, rng, *window_grid(WIDE_WINDOW, size))
    back_4HW = back_plate(identity, rng, size)
    gain_3HW, offset_3HW = _camera_fields(identity, rng, size)
    return Plates(
        backdrop(identity, rng, size),
        back_4HW,
        skin_4HW,
        shade_NHW,
        front_4HW,
        motion.displacement(identity, *window_grid(PICTURE, MOTION_GRID)),
        gain_3HW,
        offset_3HW,
        ink_box(back_4HW, WIDE_WINDOW),
        ink_box(skin_4HW, SKIN_WINDOW),
        ink_box(front_4HW, WIDE_WINDOW),
        _warp_waves(identity),
    )
