"""From visibility to a picture: each pixel is lit once for every surface that its four samples see.

V vertex, T triangle, S side of the picture; samples are 2S a side. What is lit where is decided by materials.
"""

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.render.compiled import compiled
from datamodules.synthetic.head.render.raster import weights_at
from datamodules.synthetic.head.render.materials import (
    EYE,
    FRAME,
    HAIR,
    LASH,
    MOUTH,
    SKIN,
    TEETH,
    TONGUE,
    ambient,
    light_eye,
    light_plain,
    light_skin,
    light_teeth,
)

Array = NDArray


@compiled
def blend2(values: Array, a: int, b: int, c: int, w: tuple) -> tuple[float, float]:
    """Two columns of a vertex table between three vertices."""
    return (
        w[0] * values[a, 0] + w[1] * values[b, 0] + w[2] * values[c, 0],
        w[0] * values[a, 1] + w[1] * values[b, 1] + w[2] * values[c, 1],
    )


@compiled
def blend3(values: Array, a: int, b: int, c: int, w: tuple) -> tuple[float, float, float]:
    """Three columns of a vertex table between three vertices."""
    return (
        w[0] * values[a, 0] + w[1] * values[b, 0] + w[2] * values[c, 0],
        w[0] * values[a, 1] + w[1] * values[b, 1] + w[2] * values[c, 1],
        w[0] * values[a, 2] + w[1] * values[b, 2] + w[2] * values[c, 2],
    )


@compiled
def light_surface(t: int, x: float, y: float, mesh: tuple, frame: tuple, look: tuple) -> tuple[float, float, float]:
    """Linear RGB of triangle `t` at a place of the screen.

    Args:
        t: the triangle.
        x: column in samples.
        y: row in samples.
        mesh: triangles (T, 3), materials (T,), places (V, 2), colours (V, 3).
        frame: screen (V, 3), normals (V, 3), hidden (V, 2), depth of the mouth (V,) as a column, folds (Z,),
            turn (3, 3), pupil.
        look: skin, relief, zones, iris, sclera, teeth, lights, brightness of strands (h, w).
    """
    triangles, materials, places, colours = mesh
    screen, normals, hidden, folds, turn, pupil = frame
    skin, relief, zones, iris, sclera, teeth, lights, strand = look
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    w = weights_at(screen, a, b, c, x, y)
    material = materials[t]
    if material == SKIN:
        return light_skin(
            blend2(places, a, b, c, w), blend3(normals, a, b, c, w), blend2(hidden, a, b, c, w),
            skin, relief, zones, folds, turn, lights,
        )  # fmt: skip
    colour = blend3(colours, a, b, c, w)
    if material == LASH:
        return colour
    if material == HAIR:
        u, v = blend2(places, a, b, c, w)
        tone = strand[min(max(int(v * strand.shape[0]), 0), strand.shape[0] - 1), int(u * strand.shape[1]) % strand.shape[1]]
        return colour[0] * tone, colour[1] * tone, colour[2] * tone
    seen = blend2(hidden, a, b, c, w)
    if material == MOUTH:
        red, green, blue = ambient(0.0, seen[0], lights)
        return colour[0] * red, colour[1] * green, colour[2] * blue
    normal = blend3(normals, a, b, c, w)
    if material == EYE:
        return light_eye(blend2(places, a, b, c, w), normal, seen, iris, sclera, pupil, lights)
    if material == TEETH:
        return light_teeth(blend2(places, a, b, c, w), normal, seen[0], teeth, lights)
    gloss = 0.25 if material == TONGUE else 0.3 if material == FRAME else 0.015
    return light_plain(normal, seen, colour, gloss, lights)


@compiled
def resolve(
    owner: Array, near: Array, backdrop: Array, mesh: tuple, frame: tuple, look: tuple, out: Array
) -> None:
    """Lights the picture (S, S, 3) in linear RGB, over a backdrop of the same shape.

    Samples of one material whose depths agree count as one surface, lit once at their middle; hair and lashes
    are lit triangle by triangle.
    """
    materials = mesh[1]
    side = out.shape[0]
    done = np.zeros(4, np.bool_)
    for i in range(side):
        for j in range(side):
            red, green, blue = 0.0, 0.0, 0.0
            done[:] = False
            for k in range(4):
                if done[k]:
                    continue
                y, x = 2 * i + (k >> 1), 2 * j + (k & 1)
                t = owner[y, x]
                count, sum_x, sum_y = 1, x + 0.5, y + 0.5
                for other in range(k + 1, 4):
                    v, u = 2 * i + (other >> 1), 2 * j + (other & 1)
                    s = owner[v, u]
                    same = s == t
                    if not same and s >= 0 and t >= 0 and materials[s] == materials[t] and materials[t] != HAIR:
                        same = abs(near[v, u] - near[y, x]) < 0.006 * near[y, x]
                    if same and not done[other]:
                        done[other] = True
                        count, sum_x, sum_y = count + 1, sum_x + u + 0.5, sum_y + v + 0.5
                share = 0.25 * count
                if t < 0:
                    r, g, b = backdrop[i, j, 0], backdrop[i, j, 1], backdrop[i, j, 2]
                else:
                    r, g, b = light_surface(t, sum_x / count, sum_y / count, mesh, frame, look)
                red, green, blue = red + share * r, green + share * g, blue + share * b
            out[i, j, 0], out[i, j, 1], out[i, j, 2] = red, green, blue


@compiled
def develop(linear: Array, curve: Array, grain: Array, soft: float, out: Array) -> None:
    """Lens and sensor: a 3 x 3 blur (negative sharpens), the curve (n,) over the root of light, fixed grain.

    Args:
        linear: (S, S, 3).
        curve: output level 0 to 255 at evenly spaced roots of linear light from 0 to 1.5.
        grain: (S, S, 3) float32, added to the level.
        soft: weight of each direct neighbour, below 0.2.
        out: (3, S, S) uint8.
    """
    side, last = linear.shape[0], len(curve) - 1
    for i in range(side):
        up, down = max(i - 1, 0), min(i + 1, side - 1)
        for j in range(side):
            left, right = max(j - 1, 0), min(j + 1, side - 1)
            for channel in range(3):
                value = linear[i, j, channel]
                if soft != 0:
                    around = linear[up, j, channel] + linear[down, j, channel]
                    around += linear[i, left, channel] + linear[i, right, channel]
                    value += soft * (around - 4 * value)
                level = np.sqrt(max(value, 0.0)) * (last / 1.5)
                index = min(int(level), last - 1)
                share = min(level - index, 1.0)
                level = curve[index] + (curve[index + 1] - curve[index]) * share + grain[i, j, channel]
                out[channel, i, j] = np.uint8(min(max(level + 0.5, 0.0), 255.0))
