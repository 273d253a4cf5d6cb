"""What the face does, frame by frame. F frame, A action unit."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS

WIDTHS = {"action_units": len(ACTION_UNITS), "lips": 3, "gaze": 2, "pose": 6}


@dataclass
class Controls:
    """What the face does, frame by frame; NumPy arrays or tensors of F rows.

    Args:
        action_units: (F, A) in [0, 1] in the order of `ACTION_UNITS`: what a FACS coder would see, speech
            included.
        lips: (F, 3) in [0, 1]: rounding as in "oo", spreading as in "ee", pressing as in "m".
        gaze: (F, 2) in [-1, 1]: to the picture's right, down.
        eye_closure: (F,) from 0 open to 1 closed.
        pose: (F, 6): yaw (nose to the picture's right), pitch (nose down), roll (clockwise) in radians up to
            about 0.35, shift_x, shift_y in image sides, log_scale.
    """

    action_units: np.ndarray | Tensor
    lips: np.ndarray | Tensor
    gaze: np.ndarray | Tensor
    eye_closure: np.ndarray | Tensor
    pose: np.ndarray | Tensor


@dataclass
class ControlTensors:
    """`Controls` as float32 tensors within their ranges."""

    units: Tensor  # (F, A)
    lips: Tensor  # (F, 3)
    gaze: Tensor  # (F, 2)
    closure: Tensor  # (F,)
    pose: Tensor  # (F, 6)

    def rows(self, part: slice) -> "ControlTensors":
        """The frames of `part`."""
        return ControlTensors(*(t[part] for t in (self.units, self.lips, self.gaze, self.closure, self.pose)))


def checked_controls(controls: Controls) -> ControlTensors:
    """The controls as float32 tensors, clamped to their ranges; the pose is taken as it is.

    Raises:
        ValueError: for a shape other than F rows of the right width, no frame, or values that are not finite.
    """
    closure = torch.as_tensor(controls.eye_closure, dtype=torch.float32)
    if closure.ndim != 1 or closure.shape[0] == 0:
        raise ValueError(
            f"eye_closure has shape {tuple(closure.shape)}, expected (F,) with at least one frame"
        )
    tracks = {}
    for name, width in WIDTHS.items():
        track = torch.as_tensor(getattr(controls, name), dtype=torch.float32)
        if tuple(track.shape) != (closure.shape[0], width):
            raise ValueError(f"{name} has shape {tuple(track.shape)}, expected {(closure.shape[0], width)}")
        if not torch.isfinite(track).all():
            raise ValueError(f"{name} holds values that are not finite")
        tracks[name] = track
    if not torch.isfinite(closure).all():
        raise ValueError("eye_closure holds values that are not finite")
    return ControlTensors(
        tracks["action_units"].clamp(0, 1),
        tracks["lips"].clamp(0, 1),
        tracks["gaze"].clamp(-1, 1),
        closure.clamp(0, 1),
        tracks["pose"],
    )
