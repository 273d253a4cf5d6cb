"""Where a face is, for networks that want it cropped their own way: points of MediaPipe's face mesh.

F frame, P point of the mesh, K the five points, H row, W column. Points are pixel coordinates x, y: the
middle of the first pixel is 0. A frame without a face holds NaN.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mediapipe.tasks.python import vision

POINTS = 478
# Of the published mesh topology (MediaPipe Face Mesh): both corners and two points of each lid. The iris
# would follow the gaze, which no face does.
RIGHT_EYE, LEFT_EYE = (33, 133, 160, 158, 153, 144), (362, 263, 385, 387, 373, 380)  # of the person
NOSE_TIP, MOUTH_CORNERS = 4, (61, 291)  # the person's right corner first: left in the picture
ADVICE = "run `moee weights fetch face_landmarker`"


class FacePoints:
    """MediaPipe's face landmarker, opened for each clip and closed after it, as its threads demand.

    Args:
        path: the `.task` file.

    Raises:
        FileNotFoundError: if it is not there.
    """

    def __init__(self, path: Path) -> None:
        if not Path(path).is_file():
            raise FileNotFoundError(f"no face landmarker at {path}: {ADVICE}")
        self.path = Path(path)

    def mesh(self, frames_F3HW: Tensor) -> Tensor:
        """The mesh of the largest face of each frame (F, 478, 2), float32.

        Args:
            frames_F3HW: uint8 RGB.

        Raises:
            ValueError: if no frame shows a face, or the file is no face landmarker.
        """
        with landmarker(self.path) as found:
            mesh_FP2 = torch.stack([_mesh(found, frame) for frame in frames_F3HW.cpu()])
        if mesh_FP2.isnan().all():
            raise ValueError(f"no face was found in any of {len(frames_F3HW)} frames")
        return mesh_FP2


@contextlib.contextmanager
def landmarker(path: Path) -> "Iterator[vision.FaceLandmarker]":  # type: ignore[valid-type]
    """The landmarker for single pictures.

    Raises:
        ValueError: if the file is none.
    """
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import vision

    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=path.read_bytes()), num_faces=4
    )
    with _quiet():
        try:
            found = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:80]
            raise ValueError(f"{path} is not a face landmarker ({reason}): {ADVICE}") from None
        _mesh(
            found, torch.zeros(3, 64, 64, dtype=torch.uint8)
        )  # it says what it has to say at its first picture
    try:
        yield found
    finally:
        found.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the start-up notes of MediaPipe's C++ side off the terminal."""
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


def _mesh(found: "vision.FaceLandmarker", frame_3HW: Tensor) -> Tensor:  # type: ignore[valid-type]
    """The largest face's mesh (P, 2), NaN without a face."""
    import mediapipe as mp

    rgb_HWC = frame_3HW.permute(1, 2, 0).contiguous().numpy()
    faces = found.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb_HWC)).face_landmarks
    if not faces:
        return torch.full((POINTS, 2), torch.nan)
    size_2 = torch.tensor([frame_3HW.shape[2], frame_3HW.shape[1]])
    meshes = [torch.tensor([[point.x, point.y] for point in face]) * size_2 - 0.5 for face in faces]
    return max(meshes, key=lambda mesh_P2: float((mesh_P2.amax(0) - mesh_P2.amin(0)).prod()))


def five_points(mesh_FP2: Tensor) -> Tensor:
    """Eyes, tip of the nose, corners of the mouth (F, 5, 2), left in the picture before right."""
    eyes = [mesh_FP2[:, list(eye)].mean(1) for eye in (RIGHT_EYE, LEFT_EYE)]
    return torch.stack(
        [*eyes, mesh_FP2[:, NOSE_TIP], *(mesh_FP2[:, corner] for corner in MOUTH_CORNERS)], dim=1
    )
