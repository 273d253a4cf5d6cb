"""Faces in frames by MediaPipe's Face Landmarker, and the crops other networks want of them.

F frame, H row, W column, P point of the 478-point mesh (Kartynnik et al. 2019), K landmark of the iBUG 300-W
order. Pictures are looked at one by one, without tracking, so that a frame's points do not depend on its
neighbours.
"""

from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.faces.landmarker import open_landmarker
from datamodules.head_motion import MESH_TO_IBUG
from evaluation.extractors.shapes import check_frames
from evaluation.runtime.whole_files import file_digest

POINTS = 478
MOST_FACES, CONFIDENCE = 4, 0.5
ADVICE = "run `moee weights fetch face_landmarker`, or give MediaPipe's face_landmarker.task with blendshapes"


@dataclass(frozen=True)
class Faces:
    """The largest face of each frame.

    Args:
        mesh: (F, 478, 2) float32 pixels, x then y; NaN where there is no face.
        blendshapes: MediaPipe's scores in [0, 1] by name; None where there is no face.
    """

    mesh: Tensor
    blendshapes: tuple[dict[str, float] | None, ...]

    @property
    def has_face(self) -> Tensor:
        """Frames with a face (F,) bool."""
        return torch.isfinite(self.mesh).all(-1).all(-1)

    def at(self, places_N: Tensor) -> "Faces":
        """The faces of some frames, by their numbers (N,)."""
        return Faces(self.mesh[places_N], tuple(self.blendshapes[place] for place in places_N.tolist()))

    @property
    def landmarks(self) -> Tensor:
        """The 68 of iBUG 300-W (F, 68, 2), pixels."""
        return self.mesh[:, list(MESH_TO_IBUG)]


class FaceMesh:
    """Finds faces; networks that look at one clip in turn share what it found.

    Args:
        model: the `.task` file.

    Raises:
        FileNotFoundError: if it is not there.
    """

    def __init__(self, model: Path) -> None:
        if not Path(model).is_file():
            raise FileNotFoundError(f"no face landmarker at {model}: {ADVICE}")
        self.model, self.fingerprint = Path(model), file_digest(model)
        self.settings: dict[str, object] = {
            "landmarker_sha256": self.fingerprint,
            "least_face_confidence": CONFIDENCE,
            "mediapipe": version("mediapipe"),  # its code decides what the file finds
        }
        self._last: tuple[Tensor, Faces] | None = None

    def find(self, frames_F3HW: Tensor, who: str) -> Faces:
        """The faces of uint8 RGB frames.

        Args:
            frames_F3HW: frames.
            who: asks, for the error.

        Raises:
            ValueError: for other frames, a clip without any face, or a file that is no landmarker.
        """
        check_frames(frames_F3HW, 1, who)
        if self._last is None or self._last[0] is not frames_F3HW:
            self._last = frames_F3HW, self._look(frames_F3HW)
        faces = self._last[1]
        if not faces.has_face.any():
            raise ValueError(f"{who}: no face in any of the {len(frames_F3HW)} frames")
        return faces

    def _look(self, frames_F3HW: Tensor) -> Faces:
        import mediapipe as mp

        height, width = frames_F3HW.shape[-2:]
        scale_2 = torch.tensor([width, height], dtype=torch.float32)
        mesh_FP2 = torch.full((len(frames_F3HW), POINTS, 2), torch.nan)
        blendshapes: list[dict[str, float] | None] = [None] * len(frames_F3HW)
        # opened for one clip: a tenth of a second, and no thread is left behind
        with closing(open_landmarker(self.model, MOST_FACES, CONFIDENCE)) as landmarker:
            for number, frame_3HW in enumerate(frames_F3HW.cpu()):
                rgb_HW3 = np.ascontiguousarray(frame_3HW.permute(1, 2, 0).numpy())
                faces = landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb_HW3))
                points = [torch.tensor([[p.x, p.y] for p in face]) for face in faces.face_landmarks]
                if points:
                    sizes = [((face.amax(0) - face.amin(0)) * scale_2).prod().item() for face in points]
                    largest = max(range(len(points)), key=sizes.__getitem__)
                    mesh_FP2[number] = points[largest] * scale_2
                    scores = faces.face_blendshapes[largest]
                    blendshapes[number] = {s.category_name: float(s.score) for s in scores}
        return Faces(mesh_FP2, tuple(blendshapes))


@lru_cache(maxsize=4)
def face_mesh(model: Path) -> FaceMesh:
    """The one `FaceMesh` of a file; arguments and errors as of the class."""
    return FaceMesh(model)


def crop_squares(frames_FCHW: Tensor, squares_F3: Tensor, size: int) -> Tensor:
    """The square of each frame as (F, C, size, size) uint8, black outside the picture.

    Sides are rounded to whole pixels and resized bilinearly, pixel centres aligned and without antialiasing,
    then rounded: what OpenCV does to 8-bit pictures by default.

    Args:
        frames_FCHW: uint8.
        squares_F3: left, top and side in pixels.
        size: pixels.
    """
    height, width = frames_FCHW.shape[-2:]
    crops = []
    for frame_CHW, (left, top, side) in zip(frames_FCHW, squares_F3.tolist(), strict=True):
        x0, y0, x1, y1 = round(left), round(top), round(left + side), round(top + side)
        inside = frame_CHW[:, max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        black = (max(-x0, 0), max(x1 - max(width, x0), 0), max(-y0, 0), max(y1 - max(height, y0), 0))
        square = F.pad(inside, black)[None].float()
        crops.append(F.interpolate(square, (size, size), mode="bilinear", align_corners=False)[0])
    return torch.stack(crops).round().to(torch.uint8)
