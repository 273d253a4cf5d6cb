"""The one face of a picture, and what to do when it is not seen: too small, or lying on its side.

C channel, H row, W column, K landmark.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from datamodules.faces.crop import Box, Face
from datamodules.faces.finder import Finder
from datamodules.head_motion import eye_centres

TILE_SHARES = (2, 4, 8)  # parts of the longer side in which a small face is looked for
LEAST_TILE = 96  # pixels
SURE = 0.96  # least score of a face in a picture that is turned for it: three more chances to be wrong


def single_face(finder: Finder, image_3HW: Tensor, source: str, shrink: float = 1.0) -> Face:
    """The one face of a picture (3, H, W) uint8.

    Args:
        finder: the detector.
        image_3HW: the picture.
        source: how errors name it.
        shrink: size of the picture over that of its file, so that errors speak of the file's pixels.

    Raises:
        ValueError: if there is none, or more than one; names `source`, and where a small face lies.
    """
    return _the_only(finder.find(image_3HW), finder, image_3HW, source, shrink)


def upright_face(
    finder: Finder, image_3HW: Tensor, source: str, shrink: float = 1.0
) -> tuple[Tensor, Face, bool]:
    """The one face of a picture that may lie on its side or stand on its head.

    Args:
        finder: the detector.
        image_3HW: the picture.
        source: how errors name it.
        shrink: size of the picture over that of its file, so that errors speak of the file's pixels.

    Returns:
        The picture turned by quarters so that the face is upright, the face in it, and whether it was turned.

    Raises:
        ValueError: as `single_face`.
    """
    upright_3HW, faces = image_3HW, finder.find(image_3HW)
    if not faces:
        pictures = [turned(image_3HW, quarters) for quarters in (2, 1, 3)]
        choices = [
            (picture_3HW, found) for picture_3HW in pictures if (found := _sure(finder.find(picture_3HW)))
        ]
        if (
            choices
        ):  # the surest, which matters to a finder that also takes some faces for upright that are not
            upright_3HW, faces = max(choices, key=lambda pair: pair[1][0].score)
    face = _the_only(faces, finder, upright_3HW, source, shrink)
    if quarters := quarter_turns(face):
        upright_3HW = turned(upright_3HW, quarters)
        face = single_face(finder, upright_3HW, source, shrink)
    return upright_3HW, face, upright_3HW is not image_3HW


def _sure(faces: list[Face]) -> list[Face]:
    return [face for face in faces if face.score >= SURE]


def _the_only(faces: list[Face], finder: Finder, image_3HW: Tensor, source: str, shrink: float) -> Face:
    if len(faces) > 1:
        boxes = "; ".join(box_text(face.box, image_3HW, shrink) for face in faces)
        raise ValueError(
            f"{len(faces)} faces found in {source}: crop to one, or choose by --face-box x y w h: {boxes}"
        )
    if faces:
        return faces[0]
    small = small_face(finder, image_3HW)
    if small is None:
        raise ValueError(
            f"no face found in {source}; give a picture of one person from the front, or use --face-box"
        )
    raise ValueError(
        f"no face found in {source} as a whole, but a small one, {small.box[3] / shrink:.0f} pixels high: "
        f'crop closer to it, or give --face-box "{box_text(small.box, image_3HW, shrink)}"'
    )


def small_face(finder: Finder, image_3HW: Tensor) -> Face | None:
    """A face that is too small to be seen in the whole picture, at its place there."""
    for share in TILE_SHARES:
        side = max(image_3HW.shape[1:]) // share
        if side < LEAST_TILE:
            break
        for top, left in _tiles(image_3HW, side):
            tile_3HW = image_3HW[:, top : top + side, left : left + side]
            for face in finder.find(tile_3HW.contiguous()):
                x, y, width, height = face.box
                corner = torch.tensor([float(left), float(top)])
                box = (x + left, y + top, width, height)
                mesh = None if face.mesh is None else face.mesh + corner
                return Face(face.landmarks + corner, face.blendshapes, box, mesh, face.score)
    return None


def _tiles(image_3HW: Tensor, side: int) -> Iterator[tuple[int, int]]:
    """Top left corners of squares that overlap by half and cover the picture."""
    for top in range(0, max(image_3HW.shape[1] - side // 2, 1), side // 2):
        for left in range(0, max(image_3HW.shape[2] - side // 2, 1), side // 2):
            yield top, left


def quarter_turns(face: Face) -> int:
    """Quarter turns counter-clockwise, 0 to 3, that bring a head upright: `torch.rot90`'s count."""
    right_12, left_12 = eye_centres(face.landmarks[None].float())
    across, down = (left_12[0] - right_12[0]).tolist()
    return round(math.atan2(down, across) / (math.pi / 2)) % 4


def turned(image_3HW: Tensor, quarters: int) -> Tensor:
    """The picture turned counter-clockwise by quarters."""
    return torch.rot90(image_3HW, quarters, (1, 2)).contiguous()


def box_text(box: Box, image_3HW: Tensor, shrink: float = 1.0) -> str:
    """The part of a box that lies in the picture, in whole pixels of its file, as `parse_box` reads it."""
    height, width = (math.floor(side / shrink) for side in image_3HW.shape[1:])
    box = (box[0] / shrink, box[1] / shrink, box[2] / shrink, box[3] / shrink)
    left, top = max(math.ceil(box[0]), 0), max(math.ceil(box[1]), 0)
    right, bottom = min(math.floor(box[0] + box[2]), width), min(math.floor(box[1] + box[3]), height)
    return f"{left} {top} {right - left} {bottom - top}"
