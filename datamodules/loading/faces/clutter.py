"""Pictures without a human face: textures, shapes, rooms, writing. H row, W column; RGB uint8.

They are what faces stand in front of and what the finder must refuse. All are drawn from a generator.
"""

import colorsys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]  # (H, W, 3) uint8
Draw = Callable[[np.random.Generator, int], Picture]

WRITING = "ABEHKMNOQRSWXYZ0368abdegkmoqsy%&@#?"


def colour(rng: np.random.Generator, saturation: float = 0.8) -> tuple[int, int, int]:
    """Any hue, its saturation up to `saturation`."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), saturation * rng.random(), rng.uniform(0.05, 1.0))
    return int(255 * red), int(255 * green), int(255 * blue)


def skin_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """A colour that skin may have."""
    red, green, blue = colorsys.hsv_to_rgb(
        rng.uniform(0.02, 0.10), rng.uniform(0.2, 0.7), rng.uniform(0.25, 1)
    )
    return int(255 * red), int(255 * green), int(255 * blue)


def smooth_noise(
    rng: np.random.Generator, side: int, cells: int, stretch: float = 1.0
) -> NDArray[np.float32]:
    """Noise (S, S) in [0, 1] with about `cells` bumps across, longer along one axis by `stretch`."""
    rows, columns = max(int(cells), 2), max(int(cells / stretch), 2)
    coarse = rng.random((rows, columns)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def blended(share_SS: NDArray[np.float32], one: tuple[int, ...], two: tuple[int, ...]) -> Picture:
    """From one colour to another."""
    ends = np.array([one, two], np.float32)
    return (ends[0] + share_SS[..., None] * (ends[1] - ends[0])).astype(np.uint8)


def flat(rng: np.random.Generator, side: int) -> Picture:
    """One colour, or a gentle gradient."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    share = (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)).clip(0, 1)
    one = colour(rng, 0.6)
    return blended(share, one, one if rng.random() < 0.4 else colour(rng, 0.6))


def clouds(rng: np.random.Generator, side: int) -> Picture:
    """Noise of several sizes, in two or three colours."""
    sizes = [3 * 2**power for power in range(int(rng.integers(1, 6)))]
    share = np.mean([smooth_noise(rng, side, cells) for cells in sizes], axis=0)
    share = (0.5 + rng.uniform(1, 4) * (share - 0.5)).clip(0, 1)
    return blended(share, colour(rng), colour(rng))


def fur(rng: np.random.Generator, side: int) -> Picture:
    """Strands that run one way, in patches of two colours, as on animals, straw, wood or hair."""
    strands = smooth_noise(rng, side, int(rng.integers(30, side // 2)), rng.uniform(4, 12))
    patches = smooth_noise(rng, side, int(rng.integers(3, 12)), rng.uniform(0.3, 3))
    angle = rng.uniform(0, 180)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.45)
    share = (0.6 * strands + rng.uniform(0, 1) * (patches > 0.5)).clip(0, 1)
    picture = blended(share.astype(np.float32), colour(rng, 0.6), colour(rng, 0.6))
    return cv2.warpAffine(picture, turn, (side, side), borderMode=cv2.BORDER_REFLECT)


def stripes(rng: np.random.Generator, side: int) -> Picture:
    """Waves or hard stripes, or both ways as a checkerboard."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    angle, count = rng.uniform(0, np.pi), rng.uniform(3, 40)
    wave = np.sin(2 * np.pi * count * (x * np.cos(angle) + y * np.sin(angle)))
    if rng.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * count * (y * np.cos(angle) - x * np.sin(angle)))
    share = 0.5 + 0.5 * np.tanh(wave * rng.uniform(0.5, 8))
    return blended(share.astype(np.float32), colour(rng), colour(rng))


def shapes(rng: np.random.Generator, side: int) -> Picture:
    """Circles, ellipses, rectangles, polygons and lines over something flat; rings like eyes among them."""
    picture = flat(rng, side).copy()
    for _ in range(int(rng.integers(4, 40))):
        paint = skin_colour(rng) if rng.random() < 0.25 else colour(rng)
        centre = tuple(int(v) for v in rng.integers(0, side, 2))
        size = int(side * rng.uniform(0.02, 0.3)) + 1
        thick = -1 if rng.random() < 0.7 else int(rng.integers(1, 6))
        kind = rng.integers(5)
        if kind == 0:
            cv2.circle(picture, centre, size, paint, thick, cv2.LINE_AA)
            if rng.random() < 0.5:
                cv2.circle(picture, centre, max(size // 2, 1), colour(rng), -1, cv2.LINE_AA)
        elif kind == 1:
            axes = (size, int(size * rng.uniform(0.3, 1)) + 1)
            cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, 360, paint, thick, cv2.LINE_AA)
        elif kind == 2:
            cv2.rectangle(
                picture, centre, (centre[0] + size, centre[1] + int(size * rng.uniform(0.2, 2))), paint, thick
            )
        elif kind == 3:
            points = (np.array(centre) + rng.normal(0, size, (int(rng.integers(3, 7)), 2))).astype(np.int32)
            cv2.fillPoly(picture, [points], paint, cv2.LINE_AA)
        else:
            end = tuple(int(v) for v in rng.integers(0, side, 2))
            cv2.line(picture, centre, end, paint, int(rng.integers(1, 8)), cv2.LINE_AA)
    return picture


def writing(rng: np.random.Generator, side: int) -> Picture:
    """Letters and signs of many sizes: O, Q, 8 and % have what a crude face has."""
    picture = flat(rng, side).copy()
    for _ in range(int(rng.integers(3, 20))):
        text = "".join(rng.choice(list(WRITING), int(rng.integers(1, 8))))
        place = (int(rng.integers(-side // 4, side)), int(rng.integers(0, side)))
        font, scale = int(rng.integers(0, 8)), rng.uniform(0.4, 4)
        cv2.putText(picture, text, place, font, scale, colour(rng), int(rng.integers(1, 9)), cv2.LINE_AA)
    return picture


def leaves(rng: np.random.Generator, side: int) -> Picture:
    """Many ellipses of like colours: leaves, stones, crowds out of focus."""
    picture = flat(rng, side).copy()
    base = np.array(skin_colour(rng) if rng.random() < 0.3 else colour(rng), np.float32)
    size = side * rng.uniform(0.02, 0.1)
    for _ in range(int(rng.integers(60, 250))):
        centre = tuple(int(v) for v in rng.integers(0, side, 2))
        axes = (int(size * rng.uniform(0.5, 1.5)) + 1, int(size * rng.uniform(0.2, 1)) + 1)
        paint = tuple(int(v) for v in (base * rng.uniform(0.3, 1.3)).clip(0, 255))
        cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, 360, paint, -1, cv2.LINE_AA)
    return picture


def limbs(rng: np.random.Generator, side: int) -> Picture:
    """Rounded sticks of one skin: hands, arms, necks and legs, never with a face."""
    picture = PLAIN[int(rng.integers(len(PLAIN)))](rng, side).copy()
    for _ in range(int(rng.integers(1, 4))):
        base = np.array(skin_colour(rng), np.float32)
        root, thick = rng.uniform(0, side, 2), side * rng.uniform(0.03, 0.14)
        cv2.circle(picture, _whole(root), int(thick * 2), tuple(base.tolist()), -1, cv2.LINE_AA)
        for angle in np.linspace(0, rng.uniform(0.5, 2.5), int(rng.integers(1, 6))) + rng.uniform(0, 6.3):
            tip = root + side * rng.uniform(0.15, 0.5) * np.array([np.cos(angle), np.sin(angle)])
            for width, shade in ((1.0, 0.75), (0.75, 1.0)):
                paint = tuple((base * shade).tolist())
                cv2.line(
                    picture, _whole(root), _whole(tip), paint, max(int(2 * thick * width), 1), cv2.LINE_AA
                )
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2))


def _whole(point: NDArray[np.floating]) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def layered(rng: np.random.Generator, side: int) -> Picture:
    """One picture beside or within another, along soft or hard borders."""
    one, two = (PLAIN[int(i)](rng, side) for i in rng.integers(0, len(PLAIN), 2))
    share = smooth_noise(rng, side, int(rng.integers(2, 9)))
    share = (0.5 + rng.uniform(3, 40) * (share - 0.5)).clip(0, 1)[..., None]
    return (one + share * (two.astype(np.float32) - one)).astype(np.uint8)


PLAIN: tuple[Draw, ...] = (flat, clouds, fur, stripes, shapes, writing, leaves)
KINDS: tuple[Draw, ...] = (*PLAIN, limbs, layered, layered)


def clutter(rng: np.random.Generator, side: int) -> Picture:
    """Any of these pictures (S, S, 3), sharp or out of focus."""
    picture = KINDS[int(rng.integers(len(KINDS)))](rng, side)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.7, 6))
    return picture


def piece(picture: Picture, rng: np.random.Generator, side: int, least: float = 0.35) -> Picture:
    """A square of a picture at `side` pixels, `least` to all of its side, from anywhere, mirrored or not."""
    height, width = picture.shape[:2]
    wanted = int(rng.uniform(least, 1.0) * min(height, width))
    top, left = int(rng.integers(0, height - wanted + 1)), int(rng.integers(0, width - wanted + 1))
    part = picture[top : top + wanted, left : left + wanted]
    part = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if wanted > side else cv2.INTER_LINEAR)
    return np.ascontiguousarray(part[:, ::-1]) if rng.random() < 0.5 else part
