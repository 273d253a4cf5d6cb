"""Draws that several samplers share. Colours are sRGB in 0..1."""

import colorsys

import numpy as np

from datamodules.synthetic.head.person import RGB


def pick(rng: np.random.Generator, names: tuple[str, ...], weights: tuple[float, ...]) -> str:
    """One of the names, as often as its weight says."""
    share = np.array(weights) / sum(weights)
    return names[int(rng.choice(len(names), p=share))]


def rgb(values: np.ndarray) -> RGB:
    """A colour within its range."""
    red, green, blue = np.clip(values, 0, 1)
    return float(red), float(green), float(blue)


def any_colour(rng: np.random.Generator, saturation: float = 0.6, low: float = 0.1, high: float = 0.9) -> RGB:
    """A random hue, its saturation up to `saturation`, its value between `low` and `high`."""
    return colorsys.hsv_to_rgb(rng.random(), saturation * rng.random(), rng.uniform(low, high))
