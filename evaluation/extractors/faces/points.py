"""The five points by which faces are aligned. F frame, P point of the mesh."""

import torch
from torch import Tensor

# Of the published mesh topology (MediaPipe Face Mesh): both corners and two points of each lid. The iris
# would follow the gaze, which no face does.
RIGHT_EYE, LEFT_EYE = (33, 133, 160, 158, 153, 144), (362, 263, 385, 387, 373, 380)  # of the person
NOSE_TIP, MOUTH_CORNERS = 4, (61, 291)  # the person's right corner first: left in the picture


def five_points(mesh_FP2: Tensor) -> Tensor:
    """Eyes, tip of the nose, corners of the mouth (F, 5, 2), those left in the picture first.

    Args:
        mesh_FP2: of `FaceMesh`, which counts from the picture's corner; here the middle of the first pixel is
            zero, as OpenCV counts.
    """
    eyes = [mesh_FP2[:, list(eye)].mean(1) for eye in (RIGHT_EYE, LEFT_EYE)]
    others = [mesh_FP2[:, point] for point in (NOSE_TIP, *MOUTH_CORNERS)]
    return torch.stack([*eyes, *others], dim=1) - 0.5
