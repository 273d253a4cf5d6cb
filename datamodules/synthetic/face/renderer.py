"""A procedural talking head: identity and controls to frames, exact landmarks and mouth masks.

F frame, S side of the picture, K landmark, P pixel of a window, N control column. Layers from back to front:
backdrop, body (`plates`), skin moved by `motion`, brows, eyes and mouth (`parts`), front hair. Places are
fractions of the side; pixel i has its centre at (i + 0.5) / S, and landmarks are in pixels with that centre
at i.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.synthetic.face import geometry
from datamodules.synthetic.face.controls import Controls, ControlTensors, checked_controls
from datamodules.synthetic.face.head_map import HeadMap, picture_landmarks
from datamodules.synthetic.face.identity import Identity
from datamodules.synthetic.face.parts import Layer, paint_brows, paint_eyes, paint_mouth
from datamodules.synthetic.face.plates import SKIN_WINDOW, WIDE_WINDOW, Box, Plates, paint_plates

CHUNK = 8
SIZES = (64, 512)


@dataclass
class Rendering:
    """Frames (F, 3, S, S) uint8, landmarks (F, 68, 2) float32 pixels, mask of dilated lips (F, S, S) bool."""

    frames: Tensor
    landmarks: Tensor
    mouth_mask: Tensor


def render(identity: Identity, controls: Controls, size: int = 128) -> Rendering:
    """Draw the person doing what the controls say.

    Args:
        identity: from `sample_identity`.
        controls: F frames of control values; values outside their ranges are clamped.
        size: side of the picture in pixels, 64 to 512.

    Raises:
        ValueError: for controls of other shapes, values that are not finite, or a size outside 64..512.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise ValueError(f"size {size} is outside {SIZES[0]}..{SIZES[1]}")
    values = checked_controls(controls)
    with torch.inference_mode():
        plates = paint_plates(identity, size)
        parts = [
            _render_chunk(identity, plates, values.rows(part), size) for part in _chunks(len(values.closure))
        ]
    return Rendering(
        torch.cat([part.frames for part in parts]),
        torch.cat([part.landmarks for part in parts]),
        torch.cat([part.mouth_mask for part in parts]),
    )


def _chunks(frames: int) -> list[slice]:
    """Cache-sized runs of frames, as equal in length as they can be."""
    edges = np.linspace(0, frames, -(-frames // CHUNK) + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def _blend(frames: Tensor, plate: Tensor, x_FHW: Tensor, y_FHW: Tensor, window: Box, ink: Box) -> None:
    """Lay a plate (4, H, W), or one per frame, over the frames (F, 3, S, S).

    `x_FHW`, `y_FHW` say which place of the plate's `window` each pixel shows; only pixels near `ink`, the box
    of the plate that is not empty, are touched.
    """
    rows, columns = _reach(x_FHW, y_FHW, ink)
    x, y = x_FHW[:, rows, columns], y_FHW[:, rows, columns]
    if x.numel() == 0:
        return
    scale_x, scale_y = 2 / (window[1] - window[0]), 2 / (window[3] - window[2])
    grid = torch.stack([x * scale_x - (window[0] * scale_x + 1), y * scale_y - (window[2] * scale_y + 1)], -1)
    stack = plate.expand(x.shape[0], -1, -1, -1) if plate.ndim == 3 else plate
    layer = F.grid_sample(stack, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    frames[:, :, rows, columns].mul_(1 - layer[:, 3:]).add_(layer[:, :3])


def _reach(x_FHW: Tensor, y_FHW: Tensor, ink: Box) -> tuple[slice, slice]:
    """Rows and columns of the pixels that show anything of the box, looked up on every fourth pixel."""
    x, y = x_FHW[:, ::4, ::4], y_FHW[:, ::4, ::4]
    near = ((x > ink[0]) & (x < ink[1]) & (y > ink[2]) & (y < ink[3])).any(0)
    spans = []
    for axis, length in ((1, x_FHW.shape[1]), (0, x_FHW.shape[2])):
        hit = near.any(axis).nonzero()
        low, high = (int(hit[0]), int(hit[-1])) if len(hit) else (0, -2)
        spans.append(slice(max(0, 4 * low - 5), min(length, 4 * high + 6)))
    return spans[0], spans[1]


def _window(points_FK2: Tensor, margin: float, size: int) -> tuple[Tensor, Tensor]:
    """Pixel rows (F, h, 1) and columns (F, 1, w) of equal windows that hold the points, margins in pixels."""
    low, high = points_FK2.amin(1), points_FK2.amax(1)
    extent = (high - low).amax(0) + 2 * margin
    width, height = (min(size, int(e.ceil()) + 1) for e in extent)
    centre = (low + high) / 2
    left = (centre[:, 0] - width / 2).round().long().clamp(0, size - width)
    top = (centre[:, 1] - height / 2).round().long().clamp(0, size - height)
    return (top[:, None] + torch.arange(height))[:, :, None], (left[:, None] + torch.arange(width))[
        :, None, :
    ]


def _render_chunk(identity: Identity, plates: Plates, values: ControlTensors, size: int) -> Rendering:
    count = values.closure.shape[0]
    f = geometry.features(identity, values.units, values.lips, values.closure)
    head = HeadMap(plates, values, size)
    landmarks = picture_landmarks(identity, head, f, size)
    head_x, head_y, skin_x, skin_y, body_x, body_y = head.pixels().unbind(1)
    frames = plates.backdrop.repeat(count, 1, 1, 1)
    _blend(frames, plates.back, body_x, body_y, WIDE_WINDOW, plates.back_ink)
    lit = _relight(plates, head.columns_FN)
    _blend(frames, lit, skin_x, skin_y, SKIN_WINDOW, plates.skin_ink)
    mask = torch.zeros(count, size, size, dtype=torch.bool)
    head_xy = torch.stack([head_x, head_y], -1)
    _paint_features(identity, f, values, landmarks, head_xy, frames, mask)
    _blend(frames, plates.front, head_x, head_y, WIDE_WINDOW, plates.front_ink)
    return Rendering(_develop(identity, plates, frames), landmarks, mask)


def _relight(plates: Plates, columns_FN: Tensor) -> Tensor:
    """The skin plate (F, 4, H, W) under the folds that the controls raise."""
    frames, (_, height, width) = columns_FN.shape[0], plates.skin.shape
    lit = torch.empty(frames, 4, height, width)
    shade = (columns_FN @ plates.shade.flatten(1)).add_(1).clamp_(0.25, 1.8).view(frames, 1, height, width)
    torch.mul(plates.skin[:3], shade, out=lit[:, :3])
    lit[:, 3] = plates.skin[3]
    return lit


def _paint_features(
    identity: Identity,
    f: geometry.Features,
    values: ControlTensors,
    landmarks: Tensor,
    head_xy: Tensor,
    frames: Tensor,
    mask: Tensor,
) -> None:
    """Brows and eyes, then the mouth, each inside its window."""
    size = frames.shape[-1]
    count = frames.shape[0]
    which = torch.arange(count)[:, None, None]
    soft = 1.25 / size

    def places(points: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rows, columns = _window(points, margin * size, size)
        inner = head_xy[which, rows, columns]
        return rows, columns, inner[..., 0].flatten(1), inner[..., 1].flatten(1)

    def merge(rows: Tensor, columns: Tensor, layer: Layer) -> None:
        shape = (count, rows.shape[1], columns.shape[2])
        keep = (1 - layer.alpha_FP).view(shape)
        for channel, rgb_FP in enumerate(layer.rgb_3FP):
            picture = frames[:, channel]
            picture[which, rows, columns] = picture[which, rows, columns] * keep + rgb_FP.view(shape)

    rows, columns, x, y = places(landmarks[:, 17:48], 0.035)
    layer = Layer(x)
    paint_eyes(identity, f, values.gaze, layer, x, y, soft)
    paint_brows(identity, f, layer, x, y, soft)
    merge(rows, columns, layer)
    rows, columns, x, y = places(landmarks[:, 48:68], 0.05)
    layer = Layer(x)
    score = paint_mouth(identity, f, layer, x, y, soft)
    merge(rows, columns, layer)
    mask[which, rows, columns] = (score > 0).view(count, rows.shape[1], columns.shape[2])


def _develop(identity: Identity, plates: Plates, frames: Tensor) -> Tensor:
    """Lens and sensor: blur or sharpening, then gain and offset with the fixed noise; uint8 at the end."""
    w = identity.camera.blur
    if abs(w) > 0.01:
        for axis in (2, 3):
            soft = frames * (1 - 2 * w)
            length = frames.shape[axis]
            for shift in (-1, 1):
                to, source = (1, 0) if shift > 0 else (0, 1)
                soft.narrow(axis, to, length - 1).add_(frames.narrow(axis, source, length - 1), alpha=w)
                edge = 0 if shift > 0 else length - 1
                soft.narrow(axis, edge, 1).add_(frames.narrow(axis, edge, 1), alpha=w)
            frames = soft
    return torch.addcmul(plates.offset, frames, plates.gain).clamp_(0, 255).to(torch.uint8)
