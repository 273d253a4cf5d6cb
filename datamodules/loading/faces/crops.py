"""What the reader learns from: squares that frame a face, or something else. P point of the mesh."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.faces.networks import CROP
from datamodules.faces.placement import Placement, moved, square_affine
from datamodules.loading.faces.clutter import Picture, blended, flat, piece, smooth_noise
from datamodules.loading.faces.faults import spoiled

Floats = NDArray[np.floating]

OWN_BACKDROP = 0.4  # share of faces that stay in front of what they were filmed with


@dataclass(frozen=True)
class Misplacement:
    """How far the square may be off; standard deviations, shifts in heights of the face, turns in radians."""

    shift: float
    scale: float
    turn: float


ROUGH = Misplacement(0.07, 0.12, 0.28)  # as the detector places it, which knows no turn
FINE = Misplacement(0.05, 0.06, 0.1)  # as further looks place it
ROUGH_SHARE = 0.4
MISSES = (0.2, 0.5, 0.15, 0.15)  # shares of squares that miss: beside, within, too wide, turned
CLOSE = (0.15, 0.62)  # heights of those within, of the face's


@dataclass(frozen=True)
class Crop:
    """A square picture (96, 96, 3), the mesh (P, 2) in its pixels, and whether there is a face."""

    picture: Picture
    mesh: Floats
    face: bool


def over(picture_rgba: NDArray[Any], back: Picture) -> Picture:
    """A picture with its outline in front of another."""
    share = picture_rgba[..., 3].astype(np.float32) * np.float32(1 / 255)
    return cv2.blendLinear(np.ascontiguousarray(picture_rgba[..., :3]), back, share, 1 - share)


def face_crop(
    rendered: NDArray[Any], mesh_P2: Floats, true: Placement, back: Picture, rng: np.random.Generator
) -> Crop:
    """A face, framed as well as one of the two looks would."""
    off = ROUGH if rng.random() < ROUGH_SHARE else FINE
    shift = (rng.normal(0, off.shift, 2).clip(-3 * off.shift, 3 * off.shift)) * true.height
    framed = Placement(
        true.x + shift[0],
        true.y + shift[1],
        true.height * float(np.exp(np.clip(rng.normal(0, off.scale), -0.35, 0.35))),
        true.turn + float(np.clip(rng.normal(0, off.turn), -0.9, 0.9)),
    )
    picture, affine = framed_picture(rendered, framed, back, rng)
    return Crop(spoiled(picture, rng), moved(mesh_P2, affine).astype(np.float32), True)


def framed_picture(
    rendered: NDArray[Any], framed: Placement, back: Picture, rng: np.random.Generator
) -> tuple[Picture, Floats]:
    """The square of a rendering, in front of its own backdrop or of another, and the map to its pixels."""
    affine = square_affine(framed)
    square = cv2.warpAffine(
        rendered, affine, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < OWN_BACKDROP:
        return np.ascontiguousarray(square[..., :3]), affine
    return over(square, piece(back, rng, CROP)), affine


def lost_face(rendered: NDArray[Any], true: Placement, back: Picture, rng: np.random.Generator) -> Picture:
    """A square that misses its face: beside it, in the midst of it, far too wide, or the wrong way round."""
    kind = rng.choice(4, p=MISSES)
    if kind == 0:
        angle, far = rng.uniform(0, 2 * np.pi), true.height * rng.uniform(0.5, 1.1)
        lost = replace(true, x=true.x + far * np.cos(angle), y=true.y + far * np.sin(angle))
    elif kind == 1:
        x, y = np.array([true.x, true.y]) + true.height * rng.uniform(-0.6, 0.6, 2)
        height = true.height * float(np.exp(rng.uniform(*np.log(CLOSE))))
        lost = Placement(float(x), float(y), height, true.turn + rng.normal(0, 0.3))
    elif kind == 2:
        lost = replace(true, height=true.height * rng.uniform(2.0, 3.5))
    else:
        lost = replace(true, turn=true.turn + rng.uniform(1.9, 4.4))
    return spoiled(framed_picture(rendered, lost, back, rng)[0], rng)


def spoiled_face(
    rendered: NDArray[Any], mesh_P2: Floats, true: Placement, back: Picture, rng: np.random.Generator
) -> Picture:
    """A head whose face is none: halves exchanged, pieces shuffled, or features painted over."""
    picture, affine = framed_picture(rendered, true, back, rng)
    kind, half = rng.integers(3), CROP // 2
    if kind == 0:
        picture = np.vstack([picture[half:], picture[:half]])
    elif kind == 1:
        count = int(rng.integers(2, 5))
        pieces = [part for row in np.array_split(picture, count) for part in np.array_split(row, count, 1)]
        same = [cv2.resize(part, (CROP // count, CROP // count)) for part in pieces]
        order = rng.permutation(len(same))
        rows = [np.hstack([same[i] for i in order[r * count : (r + 1) * count]]) for r in range(count)]
        picture = cv2.resize(np.vstack(rows), (CROP, CROP))
    else:
        picture = _without_features(picture, moved(mesh_P2, affine))
    return spoiled(np.ascontiguousarray(picture), rng)


def _without_features(picture: Picture, mesh_P2: Floats) -> Picture:
    """Skin from edge to edge where eyes, nose and mouth were."""
    hull = cv2.convexHull(mesh_P2.round().astype(np.int32))
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, hull, 255)
    mask = cv2.erode(mask, np.ones((9, 9), np.uint8))
    soft = cv2.GaussianBlur(picture, (0, 0), 16)
    share = cv2.GaussianBlur(mask, (0, 0), 3)[..., None].astype(np.float32) / 255
    return (picture + share * (soft.astype(np.float32) - picture)).astype(np.uint8)


def nothing(back: Picture, rng: np.random.Generator) -> Picture:
    """A part of something else, or hardly anything: plain colours, soft blobs, noise."""
    if rng.random() < 0.75:
        return spoiled(piece(back, rng, CROP, 0.12), rng)
    picture = (
        flat(rng, CROP)
        if rng.random() < 0.5
        else blended(
            smooth_noise(rng, CROP, int(rng.integers(2, 7))),
            *(tuple(rng.integers(0, 256, 3)) for _ in range(2)),
        )
    )
    return spoiled(picture, rng)
