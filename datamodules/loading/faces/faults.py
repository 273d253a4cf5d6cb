"""What cameras, codecs, painters and passers-by do to a picture of a face. H row, W column; RGB uint8."""

import cv2
import numpy as np

from datamodules.loading.faces.clutter import Picture, colour, skin_colour

GREY = np.tile([0.299, 0.587, 0.114], (3, 1))  # luma of ITU-R BT.601
LEVELS = np.arange(256) / 255
RAMP = np.linspace(-1, 1, 32)


def recoloured(picture: Picture, rng: np.random.Generator) -> Picture:
    """Other gains, gamma, contrast, saturation; sometimes grey or of another hue."""
    saturation = 0.0 if rng.random() < 0.12 else rng.uniform(0.3, 1.5)
    mix = saturation * np.eye(3) + (1 - saturation) * GREY
    if rng.random() < 0.06:
        mix = mix[rng.permutation(3)]
    mix *= rng.normal(1, 0.12, (3, 1)).clip(0.6, 1.5)
    gamma, contrast = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(0, 0.25))
    curve = (LEVELS**gamma - 0.45) * contrast + 0.45 + rng.normal(0, 0.08)
    return cv2.LUT(cv2.transform(picture, mix), (255 * curve).clip(0, 255).astype(np.uint8))


def shadowed(picture: Picture, rng: np.random.Generator) -> Picture:
    """Light that falls off to one side, softly or along an edge."""
    angle, steep = rng.uniform(0, 2 * np.pi), rng.choice([0.7, 2.0, 12.0])
    across = RAMP[None] * np.cos(angle) + RAMP[:, None] * np.sin(angle) - rng.uniform(-0.6, 0.6)
    gain = rng.uniform(0.25, 0.9) + (0.5 + 0.5 * np.tanh(across * steep)) * rng.uniform(0, 1.0)
    whole = cv2.resize(gain.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(picture, cv2.merge([whole, whole, whole]), dtype=cv2.CV_8U)


def softened(picture: Picture, rng: np.random.Generator) -> Picture:
    """Out of focus, moved, or enlarged from fewer pixels."""
    side, kind = picture.shape[0], rng.integers(3)
    if kind == 0:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 0.018 * side))
    if kind == 1:
        length, taps = int(rng.integers(2, 8)), np.zeros((9, 9), np.float32)
        angle = rng.uniform(0, np.pi)
        for step in np.linspace(-length / 2, length / 2, 19):
            taps[round(4 + step * float(np.sin(angle))), round(4 + step * float(np.cos(angle)))] += 1
        return cv2.filter2D(picture, -1, taps / taps.sum())
    small = int(side * rng.uniform(0.3, 0.9))
    low = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(
        low, (side, side), interpolation=cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
    )


def painted(picture: Picture, rng: np.random.Generator) -> Picture:
    """As painters and filters have it: flat patches, few tones, hard edges."""
    kind = rng.integers(4)
    if kind == 0:
        return cv2.medianBlur(picture, int(rng.choice([3, 5])))
    if kind == 1:
        return cv2.bilateralFilter(picture, 7, rng.uniform(30, 120), rng.uniform(2, 6))
    if kind == 2:
        levels = int(rng.integers(5, 16))
        return (
            ((picture.astype(np.int32) * levels // 256) * 255 // (levels - 1)).clip(0, 255).astype(np.uint8)
        )
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1, 3))
    return cv2.addWeighted(picture, 1 + (gain := rng.uniform(0.5, 2.5)), soft, -gain, 0)


def grainy(picture: Picture, rng: np.random.Generator) -> Picture:
    """Noise, fine or coarse, coloured or grey."""
    side, channels = picture.shape[0], 3 if rng.random() < 0.5 else 1
    coarse = int(side / rng.choice([1, 1, 2, 3]))
    noise = rng.standard_normal((coarse, coarse, channels), np.float32) * np.float32(rng.uniform(2, 18))
    noise = cv2.resize(noise, (side, side), interpolation=cv2.INTER_LINEAR)
    return cv2.add(picture, noise if channels == 3 else cv2.merge([noise] * 3), dtype=cv2.CV_8U)


def compressed(picture: Picture, rng: np.random.Generator) -> Picture:
    """Written as a JPEG and read back."""
    _, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 85))])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1])


def covered(picture: Picture, rng: np.random.Generator) -> Picture:
    """Something in front: fingers, a strip, a ball, a corner of cloth."""
    picture, side = picture.copy(), picture.shape[0]
    paint = skin_colour(rng) if rng.random() < 0.5 else colour(rng)
    # Rather at the border than in the middle: what hides half a face leaves none.
    angle, far = rng.uniform(0, 2 * np.pi), side * rng.uniform(0.3, 0.6)
    centre = side / 2 + far * np.array([np.cos(angle), np.sin(angle)])
    kind, size = rng.integers(3), side * rng.uniform(0.05, 0.2)
    whole = (int(centre[0]), int(centre[1]))
    if kind == 0:
        cv2.ellipse(
            picture,
            whole,
            (int(size) + 1, int(size * rng.uniform(0.5, 1)) + 1),
            rng.uniform(0, 180),
            0,
            360,
            paint,
            -1,
            cv2.LINE_AA,
        )
    elif kind == 1:
        corners = centre + rng.normal(0, size, (5, 2))
        cv2.fillPoly(picture, [cv2.convexHull(corners.astype(np.int32))], paint, cv2.LINE_AA)
    else:
        for offset in np.linspace(-size, size, int(rng.integers(1, 5))):
            start = centre + offset * np.array([-np.sin(angle), np.cos(angle)])
            tip = start - side * rng.uniform(0.05, 0.3) * np.array([np.cos(angle), np.sin(angle)])
            ends = [(int(p[0]), int(p[1])) for p in (start, tip)]
            cv2.line(picture, ends[0], ends[1], paint, max(int(size / 2), 1), cv2.LINE_AA)
    return picture


LEAST_CONTRAST = 14.0  # standard deviation of the levels; below, a face is a matter of belief
FAULTS = (
    (covered, 0.25),
    (shadowed, 0.3),
    (recoloured, 0.75),
    (painted, 0.2),
    (softened, 0.4),
    (grainy, 0.35),
    (compressed, 0.35),
)


def spoiled(picture: Picture, rng: np.random.Generator, strength: float = 1.0) -> Picture:
    """Each fault in its share of the pictures, times `strength`; none that leaves next to nothing to see."""
    least = min(LEAST_CONTRAST, float(picture.std()))
    for fault, share in FAULTS:
        if rng.random() < share * strength and (changed := fault(picture, rng)).std() >= least:
            picture = changed
    return picture
