"""Opens MediaPipe's Face Landmarker, for whoever prepares data and whoever measures."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mediapipe.tasks.python import vision

START_NOTES = (
    b"WARNING: Logging before",
    b"WARNING: All log messages before",
    b"W0000",
    b"I0000",
    b"INFO: Created TensorFlow",
)


def open_landmarker(model: Path, most: int, confidence: float) -> "vision.FaceLandmarker":  # type: ignore[valid-type]
    """Ready for its first picture; `close()` ends its threads.

    Args:
        model: the `.task` file with blendshapes.
        most: faces looked for at once.
        confidence: least detection score, in (0, 1).

    Raises:
        ValueError: if it is no such model.
    """
    import mediapipe as mp

    with quiet_start():
        landmarker = _built(model, most, confidence)
        nothing = np.zeros((64, 64, 3), dtype=np.uint8)  # some notes come with the first picture
        landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=nothing))
    return landmarker


def _built(model: Path, most: int, confidence: float) -> "vision.FaceLandmarker":  # type: ignore[valid-type]
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import vision

    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=model.read_bytes()),
        num_faces=most,
        min_face_detection_confidence=confidence,
        output_face_blendshapes=True,
    )
    try:
        return vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0][:80]
        raise ValueError(f"{model}: not a face landmarker with blendshapes ({reason})") from None


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keeps the start-up notes of MediaPipe's C++ side off the terminal; all else it says is passed on."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            caught.seek(0)
            os.write(2, b"".join(line for line in caught if not line.startswith(START_NOTES)))
