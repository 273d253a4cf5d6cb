"""The iris of one person: fibres and rings in linear RGB over radius and angle."""

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.skin import linear
from datamodules.synthetic.head.person import Person

RINGS, ANGLES = 32, 96


def paint_iris(person: Person) -> NDArray[np.float32]:
    """Linear RGB (RINGS, ANGLES, 3), from the middle outwards."""
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.default_rng([person.seed, 37])
    radius = np.linspace(0, 1, RINGS)[:, None]
    fibres = gaussian_filter1d(rng.normal(size=ANGLES), 1.0, mode="wrap")[None] * 1.4
    fibres = fibres + gaussian_filter1d(rng.normal(size=(RINGS, ANGLES)), 1.5, axis=1, mode="wrap")
    ring = np.exp(-0.5 * ((radius - 0.45) / 0.12) ** 2)
    tone = linear(person.eyes.iris) + ring[..., None] * (
        linear(person.eyes.iris_ring) - linear(person.eyes.iris)
    )
    return (tone * np.exp(0.22 * fibres)[..., None] * 1.25).clip(0, 1).astype(np.float32)
