"""Where hair grows on the head, as a cover of the skin's plane and as a rule for roots."""

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.canvas import Canvas, ease
from datamodules.synthetic.head.person import Person

Floats = NDArray[np.floating]


def scalp_depth(points: Floats, person: Person) -> Floats:
    """How far behind the hairline template points (..., 3) lie, in decimetres; negative in the face.

    The line runs over the forehead, turns back at the temples, comes down before the ear and round it to the
    nape. `hairline` recedes it; some styles bare the sides or the crown.
    """
    x, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
    recede = person.hair.hairline
    temple = np.exp(-0.5 * ((x - 0.45) / 0.13) ** 2)
    front = y - (
        0.78
        + 0.30 * recede
        + 0.28 * recede * temple
        - 0.05 * np.cos(x * 9)
        - 0.9 * np.maximum(x - 0.5, 0) ** 1.2
    )
    ear_line = 0.36 - 0.55 * np.clip(0.25 - y, 0, 0.45)  # how far forward hair reaches before the ear
    side = ear_line - z
    nape = y - (-0.42 - 0.35 * np.clip(-z - 0.1, 0, 0.5))
    behind_ear = np.where(y < 0.12, -0.12 - z + 0.35 * np.maximum(y, -0.3), 9.0)
    ring = np.minimum(np.minimum(side, behind_ear), nape)
    depth = np.maximum(np.minimum(front, y - 0.35 + 0.3 * (0.36 - z)), np.minimum(ring, y + 0.9))
    if person.hair.style == "balding":
        top = np.hypot(x / 0.62, (z - 0.15) / 0.85)
        depth = np.minimum(depth, 0.55 * (top - 1) + np.where(y < 0.62, 0.62 - y, 0))
    return depth.astype(np.float32)


def scalp_cover(person: Person, c: Canvas, noise: Floats) -> Floats:
    """Cover (H, W) of the skin by the ground of the hair; soft and ragged at the line."""
    if person.hair.style == "bald":
        return np.zeros(c.x.shape, np.float32)
    depth = scalp_depth(c.points, person) + 0.02 * noise[1] + 0.015 * noise[2]
    full = 0.55 if person.hair.style == "shaved" else 0.95
    return (full * ease(depth, -0.03, 0.07)).astype(np.float32)
