"""The face finder that ships: a detector on a picture at three sizes, and a reader that looks several times.

N candidate, C channel, H row, W column, P point of MediaPipe's mesh.
"""

import math
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.faces.crop import (
    HOW_TO_GET,
    LEAST_PICTURE,
    Box,
    Face,
    box_of_mesh,
    checked_picture,
    distinct_faces,
    overlap,
)
from datamodules.faces.networks import CROP, STRIDE, TYPICAL, load_networks, to_unit
from datamodules.faces.placement import (
    SIDE,
    Placement,
    inverse,
    mirrored_order,
    moved,
    placement_of,
    square_affine,
)
from datamodules.head_motion import MESH_TO_IBUG

Floats = NDArray[np.floating]

LEVELS = (256, 128, 64)  # longer side of the picture at which faces of 20 to 64 pixels are looked for
MARGIN = 16  # pixels of continued edge around it, so that a face may reach beyond
LEAST_HEAT = 0.15  # of a cell; what is no face is refused by the reader
MOST = 8  # candidates that are looked at
SAME_CANDIDATE = 0.4  # overlap of two that are one
PART_OF_ANOTHER = 0.5  # of the smaller box: eyes and mouth may look like faces, and lie in one
WORTH_A_LOOK = 0.3  # of the first look's score
LEAST_SCORE = 0.92  # of each further look
# Further looks: shifts in heights of the face, factor of the height, turn in radians.
LOOKS = (
    *((0.0, 0.0, 1.0, 0.0), (0.1, -0.06, 1.1, 0.15), (-0.1, 0.06, 0.92, -0.15)),
    *((0.0, 0.1, 1.0, 0.0), (0.0, -0.1, 1.0, 0.0)),
)
MOST_CHANGE = 0.3  # of place and height, in heights, that a box given by hand is corrected by


class SmallFaceFinder:
    """Faces by the small networks that ship; a context manager, as all finders are.

    Args:
        model: their `.safetensors` file.
        least_score: of a face in every look, in (0, 1).

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if it holds something else.
    """

    def __init__(self, model: Path | str, least_score: float = LEAST_SCORE) -> None:
        if not Path(model).is_file():
            raise FileNotFoundError(f"{model}: the face finder is not there; {HOW_TO_GET}")
        self._networks = load_networks(Path(model))
        self._mirrored = mirrored_order(self._networks.reader.mean_points().double().numpy())
        self._least = least_score

    def __enter__(self) -> "SmallFaceFinder":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Nothing has to be ended."""

    @torch.inference_mode()
    def find(self, image_3HW: Tensor) -> list[Face]:
        """Faces of a uint8 RGB picture, the largest first; a face found twice counts once."""
        picture = checked_picture(image_3HW)
        if min(picture.shape[:2]) < LEAST_PICTURE:
            return []
        likely: list[tuple[float, Face]] = []
        for place in self._candidates(picture):
            (mesh,), (score,) = self._read(picture, [place])
            if score >= WORTH_A_LOOK:
                mesh, score = self._looked_at(picture, placement_of(mesh))
                likely += [(score, face_of_mesh(mesh, score))] if score >= self._least else []
        faces: list[Face] = []
        for _, face in sorted(likely, key=lambda pair: -pair[0]):
            if all(_covered(face.box, other.box) < PART_OF_ANOTHER for other in faces):
                faces.append(face)
        return distinct_faces(faces)

    def read(self, image_3HW: Tensor, box: Box) -> Face:
        """The face that is said to lie in a box (x, y, width, height from the hairline to the chin), pixels.

        Whatever is there is read as a face; its score says how like one it is.
        """
        picture = checked_picture(image_3HW)
        placement = Placement(box[0] + box[2] / 2, box[1] + box[3] / 2, max(box[3], 1.0))
        with torch.inference_mode():
            look = placement_of(self._read(picture, [placement])[0][0])
            return face_of_mesh(*self._looked_at(picture, look if _near(placement, look) else placement))

    def _candidates(self, picture: NDArray[Any]) -> list[Placement]:
        """The likeliest places, without the same twice."""
        likely: list[tuple[float, Placement]] = []
        for side in LEVELS:
            small, scale = _reduced(picture, side)
            cells = self._networks.detector(_batch([small]))[0].numpy()
            likely += _places(cells, scale)
        likely.sort(key=lambda pair: -pair[0])
        chosen: list[Placement] = []
        for _, place in likely:
            if len(chosen) < MOST and all(overlap(_box(place), _box(c)) < SAME_CANDIDATE for c in chosen):
                chosen.append(place)
        return chosen

    def _looked_at(self, picture: NDArray[Any], place: Placement) -> tuple[Floats, float]:
        """The mesh (P, 2) at a place, and the least score of several looks at it; 0 where it lies otherwise.

        A face stays one when the square is a little off; what merely resembles one does not, and what looks
        more like a face upside down is none as it stands. The mesh is the
        mean of two readings where the looks agree that it lies: of the picture, and of its mirror image.
        """
        looks = [
            Placement(
                place.x + x * place.height,
                place.y + y * place.height,
                place.height * scale,
                place.turn + turn,
            )
            for x, y, scale, turn in LOOKS
        ]
        meshes, scores = self._read(picture, [*looks, replace(place, turn=place.turn + math.pi)])
        mesh = self._read_both_ways(picture, placement_of(np.mean(meshes[:-1], axis=0)))
        _, upside_down = self._read(picture, [placement_of(meshes[-1])])
        least = float(scores[:-1].min())
        return mesh, least if least > upside_down[0] else 0.0

    def _read_both_ways(self, picture: NDArray[Any], place: Placement) -> Floats:
        square_13SS = _batch([square_of(picture, place)])
        points_2P2, _ = self._networks.reader(torch.cat([square_13SS, square_13SS.flip(3)]))
        plain, mirrored = points_2P2.double().numpy()
        back = mirrored[self._mirrored] * [-1, 1] + [CROP - 1, 0]
        return moved((plain + back) / 2, inverse(square_affine(place)))

    def _read(self, picture: NDArray[Any], places: list[Placement]) -> tuple[list[Floats], Floats]:
        """Meshes (P, 2) in pixels of the picture, and the reader's scores (N,)."""
        affines = [square_affine(place) for place in places]
        squares = [square_of(picture, place) for place in places]
        points_NP2, logits_N = self._networks.reader(_batch(squares))
        meshes = [moved(p, inverse(a)) for p, a in zip(points_NP2.double().numpy(), affines, strict=True)]
        return meshes, logits_N.sigmoid().numpy()


def face_of_mesh(mesh_P2: Floats, score: float = 1.0) -> Face:
    """A face without expression scores."""
    mesh = torch.from_numpy(mesh_P2).float()
    landmarks_K2 = mesh[list(MESH_TO_IBUG)]
    return Face(landmarks_K2, {}, box_of_mesh(mesh, landmarks_K2), mesh, score)


def square_of(picture: NDArray[Any], place: Placement) -> NDArray[Any]:
    """The upright square of a face (96, 96, 3), antialiased; outside, the edge is repeated."""
    shrink = SIDE * place.height / CROP
    if shrink <= 1.5:
        return _warped(picture, place)
    reach = SIDE * place.height * 0.75  # the turned square and a little more
    left, top = (max(math.floor(middle - reach), 0) for middle in (place.x, place.y))
    part = picture[top : math.ceil(place.y + reach) + 1, left : math.ceil(place.x + reach) + 1]
    if not part.size:
        return _warped(picture, place)
    height, width = (max(round(length / shrink), 1) for length in part.shape[:2])
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    # Each axis by its own ratio, which rounding makes differ a little.
    across, down = width / part.shape[1], height / part.shape[0]
    back = np.array([[1 / across, 0, left + (1 / across - 1) / 2], [0, 1 / down, top + (1 / down - 1) / 2]])
    affine = square_affine(place)
    joint = np.hstack([affine[:, :2] @ back[:, :2], affine[:, :2] @ back[:, 2:] + affine[:, 2:]])
    return cv2.warpAffine(small, joint, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _warped(picture: NDArray[Any], place: Placement) -> NDArray[Any]:
    return cv2.warpAffine(
        picture, square_affine(place), (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _batch(pictures: list[NDArray[Any]]) -> Tensor:
    return to_unit(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))


def _reduced(picture: NDArray[Any], side: int) -> tuple[NDArray[Any], tuple[float, float]]:
    """The picture with its longer side at `side`, with margins, and the ratios of its width and height."""
    rows, columns = picture.shape[:2]
    scale = side / max(rows, columns)
    width, height = max(round(columns * scale), 1), max(round(rows * scale), 1)
    shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, (width, height), interpolation=shrinks)
    right, below = (-length % STRIDE + MARGIN for length in (width, height))
    small = cv2.copyMakeBorder(small, MARGIN, below, MARGIN, right, cv2.BORDER_REPLICATE)
    return small, (width / columns, height / rows)


def _places(cells_4HW: Floats, scale: tuple[float, float]) -> list[tuple[float, Placement]]:
    """Scores and places, in pixels of the picture, of the cells that may be a face's middle."""
    heat = 1 / (1 + np.exp(-cells_4HW[0]))
    peak = heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))
    places = []
    for row, column in zip(*np.nonzero(peak & (heat >= LEAST_HEAT)), strict=True):
        off_x, off_y, size = (float(v) for v in cells_4HW[1:, row, column])
        height = TYPICAL * math.exp(max(min(size, 2.0), -2.0))
        x, y = ((i + 0.5) * STRIDE + off * height - MARGIN for i, off in ((column, off_x), (row, off_y)))
        place = Placement(x / scale[0] - 0.5, y / scale[1] - 0.5, height / scale[1])
        places.append((float(heat[row, column]), place))
    return places


def _box(place: Placement) -> Box:
    half = place.height / 2
    return place.x - half, place.y - half, place.height, place.height


def _covered(a: Box, b: Box) -> float:
    """The share of the smaller box that lies in the other."""
    area = overlap(a, b) * (a[2] * a[3] + b[2] * b[3]) / (1 + overlap(a, b))
    return area / min(a[2] * a[3], b[2] * b[3])


def _near(before: Placement, after: Placement) -> bool:
    """Whether a look sees the face about where it was said to be."""
    moved_by = math.hypot(after.x - before.x, after.y - before.y) / before.height
    return moved_by < MOST_CHANGE and abs(after.height / before.height - 1) < MOST_CHANGE
