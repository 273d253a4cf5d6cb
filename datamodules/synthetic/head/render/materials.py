"""Light on each material, as compiled functions of one place: linear RGB out.

Lights (4, 9): rows key, fill and rim hold a unit direction to the light, linear RGB and the half vector
between light and camera; the last row holds the light from above and from below. Directions are of the world:
x to the picture's right, y up, z to the camera.
"""

import numpy as np
from numpy.typing import NDArray

from datamodules.compiled import inlined

Array = NDArray

MATERIALS = 9
SKIN, MOUTH, EYE, LASH, TEETH, TONGUE, HAIR, CLOTH, FRAME = range(MATERIALS)
EYE_RADII = (0.49, 0.53)  # of iris and of the soft edge around it, in radii of the eyeball
TOOTH_EDGES = (0.0, 0.088, 0.155, 0.235, 0.31, 0.39, 0.5)  # from the middle of the arch, in decimetres


@inlined
def unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    """The direction of a vector."""
    s = 1 / np.sqrt(x * x + y * y + z * z + 1e-12)
    return x * s, y * s, z * s


@inlined
def ambient(ny: float, occlusion: float, lights: Array) -> tuple[float, float, float]:
    """Light from above and below on a surface that faces up by `ny`, dimmed where the sky is hidden."""
    up = 0.5 + 0.5 * ny
    red = (lights[3, 3] + (lights[3, 0] - lights[3, 3]) * up) * occlusion
    green = (lights[3, 4] + (lights[3, 1] - lights[3, 4]) * up) * occlusion
    blue = (lights[3, 5] + (lights[3, 2] - lights[3, 5]) * up) * occlusion
    return red, green, blue


@inlined
def glint(nx: float, ny: float, nz: float, lights: Array, i: int, doublings: int) -> float:
    """Blinn's highlight of light `i` for a camera far in front: cosine to the power 2 ** `doublings`.

    The cosine is that of the normal to the half vector. Rows are indexed, never sliced, since a slice
    counts references.
    """
    across = nx * lights[i, 6] + ny * lights[i, 7] + nz * lights[i, 8]
    if across <= 0:
        return 0.0
    for _ in range(doublings):
        across *= across
    return across


@inlined
def wrapped(cosine: float, wrap: float) -> float:
    """Diffuse light that reaches around by `wrap`, as under skin (Green, GPU Gems 2004, ch. 16)."""
    return max(0.0, (cosine + wrap) / (1 + wrap))


@inlined
def texel(u: float, v: float, height: int, width: int) -> tuple[int, int, float, float, float, float]:
    """Row and column of the upper left of four texels around a place, and their four weights."""
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max(v * height - 0.5, 0.0), height - 1.001)
    i, j = int(y), int(x)
    fx, fy = x - j, y - i
    return i, j, (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy


@inlined
def mix(picture: Array, at: tuple, channel: int) -> float:
    """A channel of a picture (H, W, C) between the four texels of `texel`."""
    i, j = at[0], at[1]
    top = at[2] * picture[i, j, channel] + at[3] * picture[i, j + 1, channel]
    return top + at[4] * picture[i + 1, j, channel] + at[5] * picture[i + 1, j + 1, channel]


@inlined
def light_skin(
    place: tuple,
    normal: tuple,
    hidden: tuple,
    skin: Array,
    relief: Array,
    zones: Array,
    folds: Array,
    turn: Array,
    lights: Array,
) -> tuple[float, float, float]:
    """Skin: albedo and gloss (H, W, 4) uint8, relief gradients (H, W, 6) int8 (resting, folded), fold zones.

    Albedo is stored as the square root of linear RGB. `hidden` is ambient occlusion and how much of the key
    light arrives. Diffuse light reaches around edges, red farthest; two highlights with a Fresnel edge.
    """
    occlusion, arrives = hidden
    at = texel(place[0], place[1], zones.shape[0], zones.shape[1])
    depth = folds[zones[at[0], at[1]]]
    gx, gy, gz = mix(relief, at, 0) * 0.015625, mix(relief, at, 1) * 0.015625, mix(relief, at, 2) * 0.015625
    if depth > 0:
        depth *= 0.015625
        gx, gy, gz = (
            gx + depth * mix(relief, at, 3),
            gy + depth * mix(relief, at, 4),
            gz + depth * mix(relief, at, 5),
        )
    wx = turn[0, 0] * gx + turn[0, 1] * gy + turn[0, 2] * gz
    wy = turn[1, 0] * gx + turn[1, 1] * gy + turn[1, 2] * gz
    wz = turn[2, 0] * gx + turn[2, 1] * gy + turn[2, 2] * gz
    nx, ny, nz = unit(normal[0], normal[1], normal[2])
    along = wx * nx + wy * ny + wz * nz
    nx, ny, nz = unit(nx - wx + along * nx, ny - wy + along * ny, nz - wz + along * nz)
    red, green, blue = ambient(ny, occlusion, lights)
    key = nx * lights[0, 0] + ny * lights[0, 1] + nz * lights[0, 2]
    red += wrapped(key, 0.30) * lights[0, 3] * arrives
    green += wrapped(key, 0.14) * lights[0, 4] * arrives * (0.25 + 0.75 * arrives)
    blue += wrapped(key, 0.08) * lights[0, 5] * arrives * (0.35 + 0.65 * arrives)
    shine = arrives * (0.55 * glint(nx, ny, nz, lights, 0, 4) + 0.9 * glint(nx, ny, nz, lights, 0, 6))
    spec_r, spec_g, spec_b = shine * lights[0, 3], shine * lights[0, 4], shine * lights[0, 5]
    for i in (1, 2):
        side = wrapped(nx * lights[i, 0] + ny * lights[i, 1] + nz * lights[i, 2], 0.2) * occlusion
        shine = 0.5 * occlusion * glint(nx, ny, nz, lights, i, 4)
        red, green, blue = red + side * lights[i, 3], green + side * lights[i, 4], blue + side * lights[i, 5]
        spec_r, spec_g, spec_b = (
            spec_r + shine * lights[i, 3],
            spec_g + shine * lights[i, 4],
            spec_b + shine * lights[i, 5],
        )
    edge = 1 - max(nz, 0.0)
    gloss = mix(skin, at, 3) * 0.00392 * (0.10 + 0.5 * edge * edge * edge)
    r, g, b = mix(skin, at, 0) * 0.00392, mix(skin, at, 1) * 0.00392, mix(skin, at, 2) * 0.00392
    return r * r * red + gloss * spec_r, g * g * green + gloss * spec_g, b * b * blue + gloss * spec_b


@inlined
def light_plain(
    normal: tuple, hidden: tuple, colour: tuple, gloss: float, lights: Array
) -> tuple[float, float, float]:
    """Cloth, tongue, frames of glasses: one colour, diffuse light and one highlight."""
    nx, ny, nz = unit(normal[0], normal[1], normal[2])
    if nz < 0:
        nx, ny, nz = -nx, -ny, -nz
    occlusion, arrives = hidden
    red, green, blue = ambient(ny, occlusion, lights)
    shine = 0.0
    for i in (0, 1, 2):
        share = arrives if i == 0 else occlusion
        side = wrapped(nx * lights[i, 0] + ny * lights[i, 1] + nz * lights[i, 2], 0.15) * share
        red, green, blue = red + side * lights[i, 3], green + side * lights[i, 4], blue + side * lights[i, 5]
        shine += share * glint(nx, ny, nz, lights, i, 5) * lights[i, 4]
    return (
        colour[0] * red + gloss * shine,
        colour[1] * green + gloss * shine,
        colour[2] * blue + gloss * shine,
    )


@inlined
def light_eye(
    place: tuple, normal: tuple, hidden: tuple, iris: Array, white: Array, pupil: float, lights: Array
) -> tuple[float, float, float]:
    """An eyeball: `place` is the direction from its centre, x outwards and y up, as the eye looks along z.

    `iris` (h, w, 3) linear RGB over radius and angle; `white` linear RGB of the sclera.
    """
    x, y = place
    radius = np.sqrt(x * x + y * y)
    vein = min(1.0, max(0.0, (abs(x) - 0.5) * 1.6))
    r, g, b = white[0] * (1 - 0.10 * vein), white[1] * (1 - 0.30 * vein), white[2] * (1 - 0.32 * vein)
    inside = min(1.0, max(0.0, (EYE_RADII[1] - radius) / (EYE_RADII[1] - EYE_RADII[0])))
    if inside > 0:
        angle = np.arctan2(y, x) / (2 * np.pi) + 0.5
        row = min(int(radius / EYE_RADII[1] * iris.shape[0]), iris.shape[0] - 1)
        column = min(int(angle * iris.shape[1]), iris.shape[1] - 1)
        open_ = min(1.0, max(0.0, (radius - pupil) / 0.05 + 0.5))
        limbus = 1 - 0.75 * min(1.0, max(0.0, (radius - 0.38) / 0.13)) ** 2
        lit = limbus * open_ * (0.75 - 0.45 * y)
        r += inside * (iris[row, column, 0] * lit - r)
        g += inside * (iris[row, column, 1] * lit - g)
        b += inside * (iris[row, column, 2] * lit - b)
    nx, ny, nz = unit(normal[0], normal[1], normal[2])
    occlusion, arrives = hidden
    red, green, blue = ambient(0.3 * ny, occlusion, lights)
    for i in (0, 1, 2):
        share = arrives if i == 0 else occlusion
        side = wrapped(nx * lights[i, 0] + ny * lights[i, 1] + nz * lights[i, 2], 0.4) * share * 0.8
        red, green, blue = red + side * lights[i, 3], green + side * lights[i, 4], blue + side * lights[i, 5]
    bulge = inside * 0.5
    cx, cy, cz = unit(nx * (1 - bulge) + bulge * x * 0.9, ny * (1 - bulge) + bulge * y * 0.9, nz)
    wet = 1.6 * glint(cx, cy, cz, lights, 0, 8) * (0.3 + 0.7 * arrives)
    wet += 0.5 * glint(cx, cy, cz, lights, 1, 7) + 0.10 * glint(nx, ny, nz, lights, 0, 4)
    return r * red + wet * lights[0, 3], g * green + wet * lights[0, 4], b * blue + wet * lights[0, 5]


@inlined
def light_teeth(
    place: tuple, normal: tuple, deep: float, white: Array, lights: Array
) -> tuple[float, float, float]:
    """Teeth along the arch: place is decimetres from its middle, and 0 at the edge to 1 at the gum.

    `deep` is 1 at the front teeth and falls towards the throat.
    """
    along, up = abs(place[0]), place[1]
    gap, middle, half = 1.0, 0.0, 0.05
    for i in range(len(TOOTH_EDGES) - 1):
        if TOOTH_EDGES[i] <= along < TOOTH_EDGES[i + 1]:
            half = 0.5 * (TOOTH_EDGES[i + 1] - TOOTH_EDGES[i])
            middle = along - TOOTH_EDGES[i] - half
    off = abs(middle) / half
    gap = 1 - 0.75 * max(0.0, (off - 0.84) / 0.16)
    round_ = 1 - 0.25 * off * off
    gum = min(1.0, max(0.0, (up - 0.95 + 0.2 * off * off) * 12))
    r = white[0] + gum * (0.42 - white[0])
    g = white[1] + gum * (0.13 - white[1])
    b = white[2] + gum * (0.13 - white[2])
    light = deep * (gap + gum * (1 - gap)) * round_ * (0.85 if up < 0.08 else 1.0)
    nx, ny, nz = unit(normal[0], normal[1], abs(normal[2]) + 0.3)
    red, green, blue = ambient(0.2, 1.0, lights)
    for i in (0, 1):
        side = wrapped(nx * lights[i, 0] + ny * lights[i, 1] + nz * lights[i, 2], 0.5) * 0.55
        red, green, blue = red + side * lights[i, 3], green + side * lights[i, 4], blue + side * lights[i, 5]
    wet = 0.12 * deep * gap * glint(nx, ny, nz, lights, 0, 5) * lights[0, 4]
    return r * red * light + wet, g * green * light + wet, b * blue * light + wet
