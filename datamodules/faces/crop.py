"""Faces in pictures: landmarks and blendshapes by MediaPipe Tasks, and the crop all talking heads share.

C channel, H row, W column, K landmark of the iBUG 300-W order, P point of MediaPipe's mesh.
"""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.batch import LANDMARKS
from datamodules.faces.landmarker import open_landmarker
from datamodules.head_motion import MESH_TO_IBUG, eye_centres

# Framing of every crop, shares of its side. A face reaches from the hairline to the chin; the eyes lie 40 %
# down it.
FACE_HEIGHT = 0.60
EYE_LINE = 0.42
EYES_DOWN_FACE = 0.40
CHIN_BELOW_EYES = FACE_HEIGHT * (1 - EYES_DOWN_FACE)
# Pupil distance over the distance from the eye line to the chin: the upper end of 17 frontal portraits (0.46
# to 0.68, median 0.57), so that it decides only where the head nods and the chin comes near.
EYES_APART = 0.64
CHIN = 8

CONFIDENCE = 0.5  # least score of a detection
LEAST_PICTURE = 16  # pixels; no face can be told in less
SAME_FACE_OVERLAP = 0.3  # two detections that share this much of their joint area are one face
HOW_TO_GET = "fetch it with `moee weights fetch face_landmarker`, give its path, or give a face box instead"

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Face:
    """One face: points in pixels of its picture, and MediaPipe's expression scores in [0, 1]."""

    landmarks: Tensor  # (68, 2) float32, x then y
    blendshapes: dict[str, float]
    box: Box  # x, y, width, height from the hairline to the chin
    mesh: Tensor | None = None  # (478, 2) float32, x then y, the points of MediaPipe's mesh and irises
    score: float = 1.0  # how sure the finder is; MediaPipe's landmarker does not tell


class FaceFinder:
    """MediaPipe Face Landmarker; a context manager, because its threads must be ended.

    Args:
        model: The `.task` file with blendshapes.
        most: Faces looked for at once.
        confidence: Least detection score, in (0, 1).

    Raises:
        FileNotFoundError: if the model file is not there; says how to get it.
        ValueError: if it is no such model.
    """

    def __init__(self, model: Path | str, most: int = 4, confidence: float = CONFIDENCE):
        model = Path(model)
        if not model.is_file():
            raise FileNotFoundError(f"{model}: the face landmarker is not there; {HOW_TO_GET}")
        self._landmarker = open_landmarker(model, most, confidence)

    def __enter__(self) -> "FaceFinder":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the landmarker; it cannot be used afterwards."""
        self._landmarker.close()

    def find(self, image_3HW: Tensor) -> list[Face]:
        """Faces of a uint8 RGB picture, the largest first; a face found twice counts once."""
        import mediapipe as mp

        rgb_HWC = checked_picture(image_3HW)
        height, width, _ = rgb_HWC.shape
        if min(height, width) < LEAST_PICTURE:  # MediaPipe fails on a picture of one pixel
            return []
        detected = self._landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb_HWC))
        faces = []
        for points, scores in zip(detected.face_landmarks, detected.face_blendshapes, strict=True):
            mesh_P2 = torch.tensor([[p.x * width, p.y * height] for p in points], dtype=torch.float32)
            shapes = {s.category_name: float(s.score) for s in scores if s.category_name != "_neutral"}
            landmarks_K2 = mesh_P2[list(MESH_TO_IBUG)]
            faces.append(Face(landmarks_K2, shapes, box_of_mesh(mesh_P2, landmarks_K2), mesh_P2))
        return distinct_faces(faces)


def checked_picture(image_3HW: Tensor) -> NDArray[np.uint8]:
    """A picture as (H, W, 3).

    Raises:
        ValueError: if it is no uint8 picture of three channels.
    """
    if image_3HW.dtype != torch.uint8 or image_3HW.ndim != 3 or image_3HW.shape[0] != 3:
        raise ValueError(
            f"expected a picture (3, H, W) uint8, got {tuple(image_3HW.shape)} {image_3HW.dtype}"
        )
    return np.ascontiguousarray(image_3HW.permute(1, 2, 0).numpy())


def box_of_mesh(mesh_P2: Tensor, landmarks_K2: Tensor) -> Box:
    """Hairline to chin; the mesh itself ends half way up the forehead."""
    left, right = float(mesh_P2[:, 0].amin()), float(mesh_P2[:, 0].amax())
    _, eyes_y, chin = _framing(landmarks_K2)
    height = chin / (1 - EYES_DOWN_FACE)
    return left, eyes_y - EYES_DOWN_FACE * height, right - left, height


def overlap(a: Box, b: Box) -> float:
    """What two boxes share of the area of both together, 0 to 1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def distinct_faces(faces: list[Face]) -> list[Face]:
    """The largest first, each face once."""
    distinct: list[Face] = []
    for face in sorted(faces, key=lambda f: (-f.box[2] * f.box[3], f.box)):
        if all(overlap(face.box, other.box) < SAME_FACE_OVERLAP for other in distinct):
            distinct.append(face)
    return distinct


def parse_box(text: str) -> Box:
    """`"x y w h"` or `"x,y,w,h"` in pixels, from the hairline to the chin.

    Raises:
        ValueError: if these are not four numbers with a size above zero.
    """
    try:
        x, y, w, h = (float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise ValueError(f"face box {text!r}: expected four numbers x y w h in pixels") from None
    if not (np.isfinite([x, y, w, h]).all() and w > 0 and h > 0):
        raise ValueError(f"face box {text!r}: width and height must be above 0")
    return x, y, w, h


def crop_box(face: Tensor | Box, width: int, height: int) -> tuple[int, int, int]:
    """The square (x, y, side) in pixels that frames a talking head: face 60 % of the height, eyes at 42 %.

    Args:
        face: Landmarks (68, 2), or a box x, y, width, height from the hairline to the chin.
        width: Of the picture; the square may reach beyond it by less than its own side.
        height: Of the picture.

    Raises:
        ValueError: if the face lies outside the picture or has no size.
    """
    if isinstance(face, Tensor):
        middle_x, eyes_y, chin = _framing(face)
    else:
        x, y, w, h = face
        middle_x, eyes_y, chin = x + w / 2, y + EYES_DOWN_FACE * h, (1 - EYES_DOWN_FACE) * h
    if not chin > 1:
        raise ValueError(f"the face in the {width}x{height} picture is less than 2 pixels high: too small")
    if not (0 <= middle_x <= width and -chin <= eyes_y <= height):
        raise ValueError(
            f"the face at x={middle_x:.0f} y={eyes_y:.0f} is not inside the {width}x{height} picture"
        )
    side = max(round(chin / CHIN_BELOW_EYES), 2)
    return round(middle_x - side / 2), round(eyes_y - EYE_LINE * side), side


def _framing(landmarks_K2: Tensor) -> tuple[float, float, float]:
    """Middle x, eye line y, and distance from eyes to chin, in pixels, steady when the head turns or nods."""
    if landmarks_K2.shape != (LANDMARKS, 2):
        raise ValueError(f"expected landmarks ({LANDMARKS}, 2), got {tuple(landmarks_K2.shape)}")
    right_12, left_12 = eye_centres(landmarks_K2[None].float())
    eyes_2 = (right_12[0] + left_12[0]) / 2
    to_chin = float((landmarks_K2[CHIN] - eyes_2).norm())
    apart = float((left_12[0] - right_12[0]).norm())
    middle_x = (
        float(landmarks_K2[:17, 0].amin() + landmarks_K2[:17, 0].amax()) / 2
    )  # the head, not the nose, is centred
    return middle_x, float(eyes_2[1]), max(to_chin, apart / EYES_APART)


def crop(image_3HW: Tensor, box: tuple[int, int, int], size: int) -> Tensor:
    """The square `box` (x, y, side) as (3, size, size) uint8, antialiased; outside, the edge is repeated."""
    x, y, side = box
    _, height, width = image_3HW.shape
    if x >= 0 and y >= 0 and x + side <= width and y + side <= height:
        patch_3HW = image_3HW[:, y : y + side, x : x + side]
    else:
        rows = torch.arange(y, y + side).clamp(0, height - 1)
        columns = torch.arange(x, x + side).clamp(0, width - 1)
        patch_3HW = image_3HW[:, rows][:, :, columns]
    if side == size:
        return patch_3HW.clone(memory_format=torch.contiguous_format)
    patch_13HW = patch_3HW[None].contiguous(memory_format=torch.channels_last)  # the fast path for uint8
    resized = torch.nn.functional.interpolate(patch_13HW, (size, size), mode="bicubic", antialias=True)
    return resized[0].contiguous()


def to_crop(landmarks_K2: Tensor, box: tuple[int, int, int], size: int) -> Tensor:
    """Points (..., 2) of the picture in pixels of its crop."""
    x, y, side = box
    return (landmarks_K2 + 0.5 - torch.tensor([float(x), float(y)])) * (size / side) - 0.5
