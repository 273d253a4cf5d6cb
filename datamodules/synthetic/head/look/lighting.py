"""Lights as the materials read them, and how much of them each vertex sees. V vertex, D direction."""

import numpy as np
from numpy.typing import NDArray

from datamodules.compiled import compiled
from datamodules.synthetic.head.look.skin import linear
from datamodules.synthetic.head.person import Light
from datamodules.synthetic.head.render.raster import COVERED, rasterise

Floats = NDArray[np.floating]
Array = NDArray

MAP_SIDE, REACH, BIAS = 112, 2.1, 0.035  # depth maps: texels, half width and tolerance in decimetres
TURN = 0.30  # radians: how far the head is turned to find how shadows move


def direction(side: float, height: float) -> Floats:
    """Unit vector to a light: degrees to the picture's right and up."""
    a, b = np.radians(side), np.radians(height)
    return np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)], np.float32)


def light_rows(light: Light) -> Floats:
    """The lights (4, 9) of `materials`."""
    rows = np.zeros((4, 9), np.float32)
    rows[0, :3], rows[0, 3:6] = direction(light.side, light.height), linear(light.key)
    rows[1, :3], rows[1, 3:6] = direction(light.fill_side, 15.0), linear(light.fill)
    rows[2, :3], rows[2, 3:6] = direction(180 - 0.6 * light.side, 35.0), linear(light.rim)
    rows[3, :3], rows[3, 3:6] = linear(light.sky), linear(light.ground)
    half = rows[:3, :3] + np.array([0, 0, 1], np.float32)
    rows[:3, 6:] = half / np.linalg.norm(half, axis=1, keepdims=True)
    return rows


def _sphere(count: int) -> Floats:
    """Even directions (count, 3), Fibonacci's spiral."""
    i = np.arange(count) + 0.5
    y = 1 - 2 * i / count
    turn = np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(turn), y, r * np.sin(turn)], 1).astype(np.float32)


def _frame(d: Floats) -> Floats:
    """Rows right, up, towards the light: a rotation into the light's view."""
    up = np.array([0.0, 1.0, 0.0]) if abs(d[1]) < 0.95 else np.array([0.0, 0.0, 1.0])
    right = np.cross(up, d)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(d, right), d]).astype(np.float32)


@compiled
def _seen(view: Array, near: Array, bias: float, out: Array) -> None:
    """Adds to `out` (V,) the share of four texels around each vertex that nothing nearer covers."""
    side = near.shape[0]
    for v in range(view.shape[0]):
        x, y = view[v, 0] - 0.5, view[v, 1] - 0.5
        i, j = int(np.floor(y)), int(np.floor(x))
        if i < 0 or j < 0 or i >= side - 1 or j >= side - 1:
            out[v] = 1
            continue
        fx, fy = x - j, y - i
        free = 0.0
        for k in range(4):
            di, dj = k >> 1, k & 1
            share = (fy if di else 1 - fy) * (fx if dj else 1 - fx)
            if near[i + di, j + dj] <= view[v, 2] + bias:
                free += share
        out[v] = free


def visibility(
    points: Floats, normals: Floats, triangles: NDArray, kinds: NDArray, directions: Floats
) -> Floats:
    """How much of each direction (D, V) reaches each vertex: 0 hidden to 1 free."""
    solid = np.where((kinds > 0) & (kinds != COVERED), 1, np.where(kinds == COVERED, COVERED, 0)).astype(
        np.uint8
    )
    near, owner = np.empty((MAP_SIDE, MAP_SIDE), np.float32), np.empty((MAP_SIDE, MAP_SIDE), np.int32)
    sheet, places = np.zeros((1, 1, 1), np.uint8), np.zeros((1, 2), np.float32)
    out = np.empty((len(directions), len(points)), np.float32)
    facing = np.ones(len(points), np.float32)
    lifted = points + 0.02 * normals
    centre = np.array([0.0, -0.3, 0.1], np.float32)
    for row, d in enumerate(directions):
        turn = _frame(d)
        scale = np.array([MAP_SIDE / (2 * REACH), -MAP_SIDE / (2 * REACH), 1], np.float32)
        middle = np.array([MAP_SIDE / 2, MAP_SIDE / 2, 10], np.float32)
        view = ((points - centre) @ turn.T) * scale + middle
        rasterise(view, triangles, solid, places, sheet, facing, near, owner)
        view = ((lifted - centre) @ turn.T) * scale + middle
        _seen(view, near, BIAS, out[row])
    return out


def bake(
    points: Floats, normals: Floats, triangles: NDArray, kinds: NDArray, light: Light
) -> tuple[Floats, Floats]:
    """Ambient occlusion (V,), and the key light's arrival (V, 3): at rest, and its change per radian.

    The last two columns say how arrival changes as the head turns right and nods down: the light is moved
    against the head.
    """
    sky = _sphere(40)
    free = visibility(points, normals, triangles, kinds, sky)
    facing = np.maximum(sky @ normals.T + 0.15, 0) * (0.6 + 0.4 * sky[:, 1:2])
    occlusion = (free * facing).sum(0) / np.maximum(facing.sum(0), 1e-3)
    cones = {}
    for name, (yaw, pitch) in {
        "0": (0, 0),
        "+y": (TURN, 0),
        "-y": (-TURN, 0),
        "+p": (0, TURN),
        "-p": (0, -TURN),
    }.items():
        d = direction(light.side - np.degrees(yaw), light.height + np.degrees(pitch))
        rays = d + light.softness * _sphere(14)[::2]
        rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
        cones[name] = visibility(points, normals, triangles, kinds, rays).mean(0)
    arrival = np.stack(
        [cones["0"], (cones["+y"] - cones["-y"]) / (2 * TURN), (cones["+p"] - cones["-p"]) / (2 * TURN)], 1
    )
    return np.clip(occlusion, 0.05, 1).astype(np.float32), arrival.astype(np.float32)


@compiled
def light_strands(
    normals: Array,
    tangents: Array,
    colours: Array,
    hidden: Array,
    first: int,
    last: int,
    gloss: float,
    lights: Array,
    out: Array,
) -> None:
    """Colour (V, 3) of the hair vertices `first` to `last`: diffuse, and a highlight across the strands.

    Kajiya and Kay (1989): the highlight depends on the angle between strand and half vector.
    """
    for v in range(first, last):
        nx, ny, nz = normals[v, 0], normals[v, 1], normals[v, 2]
        tx, ty, tz = tangents[v, 0], tangents[v, 1], tangents[v, 2]
        up = 0.5 + 0.5 * ny
        sky, arrives = hidden[v, 0], hidden[v, 1]
        total_r, total_g, total_b, shine_r, shine_g, shine_b = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        total_r = (lights[3, 3] + (lights[3, 0] - lights[3, 3]) * up) * sky
        total_g = (lights[3, 4] + (lights[3, 1] - lights[3, 4]) * up) * sky
        total_b = (lights[3, 5] + (lights[3, 2] - lights[3, 5]) * up) * sky
        for i in range(3):
            share = arrives if i == 0 else sky
            lx, ly, lz = lights[i, 0], lights[i, 1], lights[i, 2]
            side = max(0.0, (nx * lx + ny * ly + nz * lz + 0.35) / 1.35) * share
            along = tx * lights[i, 6] + ty * lights[i, 7] + tz * lights[i, 8]
            shine = max(0.0, 1 - along * along)
            shine *= shine
            shine *= shine
            shine *= shine
            shine = shine * shine * share * side * gloss
            total_r += side * lights[i, 3]
            total_g += side * lights[i, 4]
            total_b += side * lights[i, 5]
            shine_r += shine * lights[i, 3]
            shine_g += shine * lights[i, 4]
            shine_b += shine * lights[i, 5]
        r, g, b = colours[v, 0], colours[v, 1], colours[v, 2]
        out[v, 0] = r * total_r + shine_r * (0.03 + 0.5 * r)
        out[v, 1] = g * total_g + shine_g * (0.03 + 0.5 * g)
        out[v, 2] = b * total_b + shine_b * (0.03 + 0.5 * b)
