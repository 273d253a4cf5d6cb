"""Brows and stubble as cover on the skin's plane: 0 bare to 1 covered. H texel row, W texel column."""

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.canvas import Canvas, bump, ease
from datamodules.synthetic.head.person import Person

Floats = NDArray[np.floating]

BROW_INNER, BROW_PEAK, BROW_OUTER = (0.10, 0.252), (0.37, 0.298), (0.53, 0.235)


def brow_line(x: Floats, lift: float) -> Floats:
    """Height of the brow's middle at distance `x` from the face's middle."""
    (x0, y0), (x1, y1), (x2, y2) = BROW_INNER, BROW_PEAK, BROW_OUTER
    rise = y0 + (y1 - y0) * np.sin(np.clip((x - x0) / (x1 - x0), 0, 1) * np.pi / 2)
    fall = y1 + (y2 - y1) * np.clip((x - x1) / (x2 - x1), 0, 1.5) ** 2
    return np.where(x < x1, rise, fall) + lift


def brow_cover(person: Person, c: Canvas, noise: Floats) -> Floats:
    """Strokes along a bent band that thins outwards; the inner end stands up."""
    hair, x = person.hair, np.abs(c.x)
    along = (x - BROW_INNER[0]) / (BROW_OUTER[0] - BROW_INNER[0])
    thick = hair.brow_thickness * (0.030 - 0.020 * np.clip(along, 0, 1) ** 1.5)
    off = (c.y - brow_line(x, hair.brow_height)) / np.maximum(thick, 1e-3)
    ends = ease(along, -0.05, 0.12) * ease(along, 1.06, 0.85)
    band = ease(np.abs(off + 0.25 * noise[1]), 1.25, 0.55) * ends
    lean = c.y * 30 + x * np.where(along < 0.2, 8, -55)
    strokes = 0.5 + 0.5 * np.sin(lean * 5 + 1.5 * noise[2] + 0.8 * noise[1])
    front = (c.z > 0.3) & (np.abs(c.y - 0.26) < 0.2)
    return (band * np.clip(hair.brow_density * (0.72 + 0.45 * strokes), 0, 0.96) * front).astype(np.float32)


def beard_area(c: Canvas) -> dict[str, Floats]:
    """Where each kind of beard grows (H, W): cheeks and jaw, moustache, chin."""
    x, y = np.abs(c.x), c.y
    below = -0.40 - 0.25 * ease(x, 0.62, 0.25) + 0.45 * ease(x, 0.60, 0.72)  # the line over the cheek
    jaw = ease(y, below + 0.05, below - 0.05) * ease(y, -1.28, -1.14) * ease(c.z, -0.1, 0.1)
    jaw *= ease(x, 0.80, 0.72)
    bare = bump(c.x, y, 0, -0.60, 0.24, 0.055) + 0.85 * bump(x, y, 0.10, -0.735, 0.05, 0.03)
    moustache = ease(y, -0.375, -0.42) * ease(y, -0.60, -0.52) * ease(x, 0.34, 0.24) * (c.z > 0.5)
    chin = ease(y, -0.66, -0.74) * ease(x, 0.24, 0.15) * ease(y, -1.15, -1.02) * (c.z > 0.3)
    lipless = (1 - ease(c.lips, 0.05, 0.4)).astype(np.float32)
    return {
        "jaw": (np.clip(jaw * (1 - bare), 0, 1) * lipless).astype(np.float32),
        "moustache": (moustache * lipless).astype(np.float32),
        "chin": (np.clip(chin, 0, 1) * lipless).astype(np.float32),
    }


BEARDS = {
    "none": (),
    "moustache": ("moustache",),
    "goatee": ("moustache", "chin"),
    "chin": ("chin",),
    "full": ("jaw", "moustache", "chin"),
}


def stubble_cover(person: Person, c: Canvas, noise: Floats) -> Floats:
    """Shadow of a shaved beard, and the ground under a grown one."""
    areas = beard_area(c)
    whole = np.maximum(np.maximum(areas["jaw"], areas["moustache"]), areas["chin"])
    dots = 0.6 + 0.4 * ease(noise[0] + 0.5 * noise[1], -0.2, 1.2)
    cover = person.skin.stubble * whole * dots
    for part in BEARDS[person.hair.beard]:
        cover = np.maximum(cover, areas[part] * (0.72 + 0.12 * noise[1]))
    return cover.clip(0, 0.95).astype(np.float32)
