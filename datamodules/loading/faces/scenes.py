"""What the detector learns from: small pictures with faces of any size in front of anything."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.faces.networks import LARGEST, SMALLEST, STRIDE, TYPICAL
from datamodules.faces.placement import Placement
from datamodules.loading.faces.clutter import Picture, flat, piece
from datamodules.loading.faces.crops import over
from datamodules.loading.faces.faults import spoiled

Floats = NDArray[np.floating]

SIDE = 128  # of a scene
FACES = (0.15, 0.55, 0.22, 0.08)  # shares of scenes with none, one, two, three
HEIGHTS = (11.0, 300.0)  # of the faces, pixels
NEAR, AROUND = 0.14, 0.34  # of the height: within, a cell is the middle; beyond, it is not
SURE_BEYOND = 1.35  # so many times larger or smaller, a face is none of this scale
TURN, MOST_TURN = 0.25, 0.7  # radians
STANDS_ON_ITS_HEAD, IN_A_FRAME = 0.06, 0.15
MOST_SHARED = 0.15  # of two faces' boxes


def scene(
    rendered: list[tuple[NDArray[Any], Placement]], back: Picture, rng: np.random.Generator
) -> tuple[Picture, Floats]:
    """A scene (S, S, 3) of up to so many people and what its cells are, (5, S / 8, S / 8), see `targets`."""
    picture = piece(back, rng, SIDE)
    placements: list[tuple[Placement, bool]] = []
    for picture_rgba, own in rendered[: int(rng.choice(len(FACES), p=FACES))]:
        height = float(np.exp(rng.uniform(*np.log(HEIGHTS))))
        turn = float(np.clip(rng.normal(0, TURN), -MOST_TURN, MOST_TURN))
        upright = rng.random() >= STANDS_ON_ITS_HEAD
        turn += 0.0 if upright else math.pi
        x, y = rng.uniform(-0.1 * SIDE, 1.1 * SIDE, 2)
        if any(_share(Placement(x, y, height), other) > MOST_SHARED for other, _ in placements):
            continue
        placed = Placement(x, y, height, turn)
        picture = _with_person(picture, picture_rgba, own, placed, rng)
        placements.append((placed, upright))
    if rng.random() < 0.15:
        picture = _bordered(picture, rng)
    return spoiled(picture, rng), targets(placements)


def _share(one: Placement, two: Placement) -> float:
    """Of the smaller one's box that the other covers."""
    reach = (one.height + two.height) / 2
    wide, high = (max(reach - abs(a - b), 0) for a, b in ((one.x, two.x), (one.y, two.y)))
    return wide * high / min(one.height, two.height) ** 2


def _with_person(
    picture: Picture, person: NDArray[Any], own: Placement, place: Placement, rng: np.random.Generator
) -> Picture:
    """The scene with a person whose face lies `own` in its rendering, and has this place here."""
    reduced, shrink = person, 1.0
    while place.height < 0.55 * own.height * shrink:
        reduced, shrink = cv2.resize(reduced, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), shrink / 2
    scale = place.height / own.height
    turn = place.turn - own.turn
    cosine, sine = scale * math.cos(turn), scale * math.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    offset = np.array([place.x, place.y]) - matrix @ [own.x, own.y]
    # The reduced picture's pixel i covers the larger one's from i / shrink on.
    middle = (1 / shrink - 1) / 2
    smaller = np.hstack([matrix / shrink, (offset + matrix @ [middle, middle])[:, None]])
    framed = rng.random() < IN_A_FRAME
    source = np.dstack([reduced[..., :3], np.full(reduced.shape[:2], 255, np.uint8)]) if framed else reduced
    pasted = cv2.warpAffine(source, smaller, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    return over(pasted, picture)


def _bordered(picture: Picture, rng: np.random.Generator) -> Picture:
    """A picture that ends before its frame does: a colour, or its own edge, goes on."""
    before, after = (int(v) for v in rng.integers(0, SIDE // 4, 2))
    kept = (slice(before, SIDE - after), slice(None))
    rows, columns = kept if rng.random() < 0.5 else kept[::-1]
    if rng.random() < 0.5:
        widths = [(before, after) if part.start is not None else (0, 0) for part in (rows, columns)]
        return np.pad(picture[rows, columns], (*widths, (0, 0)), mode="edge")
    bordered = np.empty_like(picture)
    bordered[:] = flat(rng, 2)[0, 0]
    bordered[rows, columns] = picture[rows, columns]
    return bordered


def targets(placements: list[tuple[Placement, bool]]) -> Floats:
    """What is true of each cell, (5, S / 8, S / 8).

    Channels: 1 for a face's middle, 0 for none, -1 where either would do; the offset from the cell's middle
    to the face's, in heights (x, y); the logarithm of the height over 36 pixels; and 1 where the last three
    are true.
    """
    cells = SIDE // STRIDE
    out = np.zeros((5, cells, cells), np.float32)
    centre = (np.arange(cells) + 0.5) * STRIDE - 0.5
    for place, upright in placements:
        off_x, off_y = np.meshgrid((place.x - centre) / place.height, (place.y - centre) / place.height)
        off = np.hypot(off_x, off_y)
        reach = max(NEAR, 0.5 * math.sqrt(2) * STRIDE / place.height)
        if not upright or not SMALLEST <= place.height <= LARGEST:
            if SMALLEST / SURE_BEYOND <= place.height <= LARGEST * SURE_BEYOND and upright:
                out[0][off < AROUND] = -1
            continue
        out[0][(off < AROUND) & (out[0] == 0)] = -1
        middle = off < reach
        out[0][middle], out[4][middle] = 1, 1
        out[1][middle], out[2][middle] = off_x[middle], off_y[middle]
        out[3][middle] = math.log(place.height / TYPICAL)
    return out
