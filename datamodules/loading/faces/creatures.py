"""Drawn animals: heads with fur, ears, eyes and a snout. They have what a face has, and are none of ours.

S side of the picture; RGB uint8. Proportions are in radii of the head.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.loading.faces.clutter import PLAIN, Picture, colour, fur, skin_colour

Floats = NDArray[np.floating]
Paint = tuple[int, int, int]

IRISES: tuple[Paint, ...] = (
    (200, 180, 40),
    (120, 170, 60),
    (70, 120, 190),
    (60, 35, 15),
    (15, 12, 10),
    (220, 120, 20),
)


class _Canvas:
    """Draws in the head's own coordinates: its middle at 0, its radius 1, turned by a roll."""

    def __init__(self, picture: Picture, centre: Floats, radius: float, roll: float) -> None:
        self.picture, self.centre, self.radius, self.roll = picture, centre, radius, roll
        cosine, sine = np.cos(roll), np.sin(roll)
        self.turn = np.array([[cosine, -sine], [sine, cosine]])

    def place(self, x: float, y: float) -> tuple[int, int]:
        at = self.centre + self.radius * (self.turn @ [x, y])
        return int(at[0]), int(at[1])

    def ellipse(self, x: float, y: float, a: float, b: float, paint: Paint, tilt: float = 0.0) -> None:
        axes = (max(int(a * self.radius), 1), max(int(b * self.radius), 1))
        angle = np.degrees(self.roll) + tilt
        cv2.ellipse(self.picture, self.place(x, y), axes, angle, 0, 360, paint, -1, cv2.LINE_AA)

    def polygon(self, points: list[tuple[float, float]], paint: Paint) -> None:
        corners = np.array([self.place(x, y) for x, y in points], np.int32)
        cv2.fillPoly(self.picture, [corners], paint, cv2.LINE_AA)

    def line(self, start: tuple[float, float], end: tuple[float, float], paint: Paint, width: float) -> None:
        thick = max(int(width * self.radius), 1)
        cv2.line(self.picture, self.place(*start), self.place(*end), paint, thick, cv2.LINE_AA)


def _shaded(paint: Paint, factor: float) -> Paint:
    red, green, blue = (int(min(max(channel * factor, 0), 255)) for channel in paint)
    return red, green, blue


def _ears(canvas: _Canvas, rng: np.random.Generator, coat: Paint) -> None:
    inner = _shaded(skin_colour(rng), 0.9)
    pointed, out, high = rng.random() < 0.6, rng.uniform(0.45, 0.8), rng.uniform(0.8, 1.6)
    for side in (-1, 1):
        if pointed:
            for shrink, paint in ((1.0, coat), (0.6, inner)):
                tip = (side * out * 1.1, -high * (0.55 + 0.45 * shrink))
                low = -0.5 - 0.1 * (1 - shrink)
                canvas.polygon(
                    [(side * (out - 0.35 * shrink), low), tip, (side * (out + 0.3 * shrink), low)], paint
                )
        else:
            drop = rng.uniform(-0.9, 0.4)
            canvas.ellipse(side * (out + 0.25), drop, 0.25, rng.uniform(0.25, 0.7), coat, side * 20)


def _eyes(canvas: _Canvas, rng: np.random.Generator) -> None:
    apart, high, size = rng.uniform(0.3, 0.55), rng.uniform(-0.35, 0.05), rng.uniform(0.10, 0.24)
    iris = IRISES[int(rng.integers(len(IRISES)))]
    slit, tilt = rng.uniform(0.25, 0.95), rng.uniform(-25, 25)
    for side in (-1, 1):
        canvas.ellipse(side * apart, high, size * 1.2, size * 1.05, (15, 12, 10), side * tilt)
        canvas.ellipse(side * apart, high, size, size * 0.9, iris, side * tilt)
        canvas.ellipse(side * apart, high, size * 0.6 * slit, size * 0.75, (5, 5, 5))
        canvas.ellipse(
            side * apart - 0.3 * size, high - 0.3 * size, size * 0.16, size * 0.16, (250, 250, 250)
        )


def _snout(canvas: _Canvas, rng: np.random.Generator, coat: Paint) -> None:
    low, wide = rng.uniform(0.25, 0.55), rng.uniform(0.22, 0.5)
    light = _shaded(coat, rng.uniform(0.7, 1.7))
    for side in (-1, 1):
        canvas.ellipse(side * wide * 0.6, low + 0.2, wide * 0.8, wide * rng.uniform(0.5, 0.9), light)
    nose = (20, 15, 15) if rng.random() < 0.6 else _shaded(skin_colour(rng), 0.9)
    size = rng.uniform(0.08, 0.2)
    canvas.polygon([(-size, low - size), (size, low - size), (0, low + size * 0.6)], nose)
    for side in (-1, 1):
        canvas.line((0, low + size * 0.5), (side * wide * 0.5, low + 0.35), _shaded(coat, 0.4), 0.03)
        if rng.random() < 0.6:
            for spread in (-0.15, 0.0, 0.15):
                canvas.line((side * 0.3, low + 0.15), (side * 1.3, low + spread * 2), (235, 235, 235), 0.012)


def creature(rng: np.random.Generator, side: int) -> Picture:
    """An animal's head (S, S, 3) in front of something, or in its own fur."""
    back = fur if rng.random() < 0.5 else PLAIN[int(rng.integers(len(PLAIN)))]
    picture, coat = back(rng, side).copy(), colour(rng, 0.6)
    radius = side * rng.uniform(0.2, 0.42)
    canvas = _Canvas(picture, side * rng.uniform(0.4, 0.6, 2), radius, rng.normal(0, 0.2))
    if rng.random() < 0.6:
        canvas.ellipse(0, 1.5, rng.uniform(0.7, 1.3), 1.0, _shaded(coat, rng.uniform(0.6, 1.1)))
    _ears(canvas, rng, coat)
    canvas.ellipse(0, 0, rng.uniform(0.85, 1.1), rng.uniform(0.75, 1.0), coat)
    if rng.random() < 0.4:
        canvas.polygon([(0, -0.9), (-0.15, 0.3), (0.15, 0.3)], _shaded(coat, rng.uniform(0.4, 1.8)))
    _snout(canvas, rng, coat)
    _eyes(canvas, rng)
    hairs = fur(rng, side).astype(np.float32).mean(2, keepdims=True)
    strength = rng.uniform(0, 0.8)
    picture = (picture * (1 + strength * (hairs / hairs.mean() - 1))).clip(0, 255).astype(np.uint8)
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.5))
