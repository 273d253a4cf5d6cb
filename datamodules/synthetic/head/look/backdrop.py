"""What is behind the person: out of focus, in linear RGB. S side of the picture."""

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.skin import linear
from datamodules.synthetic.head.person import Person

Floats = NDArray[np.floating]

BACKDROPS = ("plain", "gradient", "room", "lights", "leaves", "noise")


def paint_backdrop(person: Person, side: int) -> Floats:
    """The backdrop (S, S, 3) in linear RGB; the same picture at every size."""
    from scipy.ndimage import gaussian_filter, zoom

    rng = np.random.default_rng([person.seed, 53])
    one, two, three = (linear(colour) for colour in person.scene.colours)
    n = 96
    y, x = np.mgrid[0:n, 0:n].astype(np.float32) / n
    kind = person.scene.backdrop
    spot = np.exp(-(((x - rng.uniform(0.2, 0.8)) / 0.5) ** 2 + ((y - rng.uniform(0.1, 0.6)) / 0.5) ** 2))
    share = {
        "plain": 0.25 * spot,
        "gradient": np.clip(y * rng.uniform(-1, 1) + x * rng.uniform(-1, 1) + 0.3, 0, 1),
        "noise": 0.5 + 0.5 * np.tanh(gaussian_filter(rng.normal(size=(n, n)), 9, mode="wrap") * 16),
        "leaves": 0.5 + 0.5 * np.tanh(gaussian_filter(rng.normal(size=(n, n)), 3, mode="wrap") * 8),
        "room": 0.2 * spot,
        "lights": 0.3 * spot,
    }[kind]
    picture = one + np.asarray(share, np.float32)[..., None] * (two - one)
    if kind == "room":
        for _ in range(rng.integers(3, 7)):
            left, top = rng.uniform(-0.2, 1, 2)
            wide, high = rng.uniform(0.1, 0.5, 2)
            inside = (x > left) & (x < left + wide) & (y > top) & (y < top + high)
            tone = (two, three)[rng.integers(2)] * rng.uniform(0.4, 1.4)
            picture = np.where(inside[..., None], tone, picture)
        picture = gaussian_filter(picture, (2.5, 2.5, 0), mode="nearest")
    if kind in ("lights", "leaves"):
        for _ in range(rng.integers(4, 12)):
            disc = np.hypot(x - rng.random(), y - rng.random()) < rng.uniform(0.02, 0.07)
            picture = picture + gaussian_filter(disc.astype(np.float32), 1.2)[
                ..., None
            ] * three * rng.uniform(0.2, 1.0)
    fine = zoom(picture, (side / n, side / n, 1), order=1, grid_mode=True, mode="nearest")
    return np.ascontiguousarray(fine, dtype=np.float32).clip(0, None)
