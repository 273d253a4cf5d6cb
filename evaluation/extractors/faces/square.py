"""Where a clip shows its face: the square that `moee prepare` would cut. F frame, H row, W column."""

from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from datamodules.faces.crop import CONFIDENCE, EYE_LINE, FACE_HEIGHT, FaceFinder
from datamodules.faces.track import LEAST_FOUND, MOST_CROWDED, clip_square, track_face
from evaluation.extractors.faces.mesh import ADVICE
from evaluation.extractors.shapes import check_frames
from evaluation.runtime.whole_files import file_digest


class FaceSquare:
    """The square of a clip's one face by MediaPipe; an `Extractor` of published weights that scores nothing.

    Square, widening and the rules for gaps and second faces are those of `moee prepare`.

    Args:
        model: the `.task` file.

    Raises:
        FileNotFoundError: if it is not there.
    """

    name = "face-square-mediapipe"
    published = True
    provides = ("face_square",)

    def __init__(self, model: Path) -> None:
        self.model = Path(model)
        if not self.model.is_file():
            raise FileNotFoundError(f"no face landmarker at {model}: {ADVICE}")
        self.fingerprint = file_digest(self.model)
        self.settings: dict[str, object] = {
            "least_face_confidence": CONFIDENCE,
            "least_frames_with_face": LEAST_FOUND,
            "most_frames_with_two": MOST_CROWDED,
            "face_height": FACE_HEIGHT,
            "eye_line": EYE_LINE,
            "mediapipe": version("mediapipe"),  # its code decides what the file finds
        }

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`face_square` (3,) int64: left, top and side in pixels; it may reach beyond the picture.

        Raises:
            ValueError: for frames that are no uint8 RGB, a face missing too often, two faces, or a file that
                is no landmarker.
        """
        check_frames(frames_F3HW, 1, self.name)
        height, width = frames_F3HW.shape[-2:]
        with FaceFinder(self.model) as finder:
            faces = track_face(finder, frames_F3HW.cpu(), advice="give true clips of one person")
        return {"face_square": torch.tensor(clip_square(faces, width, height))}
