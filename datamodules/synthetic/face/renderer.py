"""A procedural talking head: identity and controls to frames, exact landmarks and mouth masks.

F frame, S side of the picture, K landmark, P pixel of a window, G node of the motion grid, N control column.
Layers from back to front: backdrop, body (`face_plates`), skin moved by `face_motion`, brows, eyes and mouth
(`face_parts`), front hair. Places are fractions of the side; pixel i has its centre at (i + 0.5) / S, and
landmarks are in pixels with that centre at i.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.batch import ACTION_UNITS, LANDMARKS
from datamodules.synthetic.face import geometry
from datamodules.synthetic.face.identity import Identity
from datamodules.synthetic.face.parts import Layer, paint_brows, paint_eyes, paint_mouth
from datamodules.synthetic.face.plates import SKIN_WINDOW, WIDE_WINDOW, Box, Plates, paint_plates
from datamodules.synthetic.face.textures import smoothstep

CHUNK = 8
NEWTON_STEPS, NEWTON_STEP = 5, 2e-3
CELLS, BORDER = 64, 16
SIZES = (64, 512)
WIDTHS = {"action_units": len(ACTION_UNITS), "lips": 3, "gaze": 2, "pose": 6}


@dataclass
class Controls:
    """What the face does, frame by frame; NumPy arrays or tensors of F rows.

    Args:
        action_units: (F, 15) in [0, 1] in the order of `ACTION_UNITS`: what a FACS coder would see, speech
        included. lips: (F, 3) in [0, 1]: rounding as in "oo", spreading as in "ee", pressing as in "m". gaze:
        (F, 2) in [-1, 1]: to the picture's right, down. eye_closure: (F,) from 0 open to 1 closed. pose: (F,
        6): yaw (nose to the picture's right), pitch (nose down), roll (clockwise) in radians up to about
            0.35, shift_x, shift_y in image sides, log_scale.
    """

    action_units: np.ndarray | Tensor
    lips: np.ndarray | Tensor
    gaze: np.ndarray | Tensor
    eye_closure: np.ndarray | Tensor
    pose: np.ndarray | Tensor


@dataclass
class Rendering:
    """Frames (F, 3, S, S) uint8, landmarks (F, 68, 2) float32 pixels, mask of dilated lips (F, S, S) bool."""

    frames: Tensor
    landmarks: Tensor
    mouth_mask: Tensor


@dataclass
class _Tensors:
    units: Tensor
    lips: Tensor
    gaze: Tensor
    closure: Tensor
    pose: Tensor

    def rows(self, part: slice) -> "_Tensors":
        return _Tensors(*(t[part] for t in (self.units, self.lips, self.gaze, self.closure, self.pose)))


def _checked(controls: Controls) -> _Tensors:
    """The controls as float32 tensors, clamped to their ranges."""
    closure = torch.as_tensor(controls.eye_closure, dtype=torch.float32)
    if closure.ndim != 1 or closure.shape[0] == 0:
        raise ValueError(
            f"eye_closure has shape {tuple(closure.shape)}, expected (F,) with at least one frame"
        )
    found = {}
    for name, width in WIDTHS.items():
        tensor = torch.as_tensor(getattr(controls, name), dtype=torch.float32)
        if tuple(tensor.shape) != (closure.shape[0], width):
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {(closure.shape[0], width)}")
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} holds values that are not finite")
        found[name] = tensor
    if not torch.isfinite(closure).all():
        raise ValueError("eye_closure holds values that are not finite")
    return _Tensors(
        found["action_units"].clamp(0, 1),
        found["lips"].clamp(0, 1),
        found["gaze"].clamp(-1, 1),
        closure.clamp(0, 1),
        found["pose"],
    )


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
    values = _checked(controls)
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


class _HeadMap:
    """Where each place of the picture lies on the head: the geometry that draws and yields landmarks.

    Kept as values on the nodes of a coarse grid that reaches a little beyond the picture, bilinear between
    nodes, so that pixels and landmarks see exactly the same map. Channels: head x, y, resting skin x, y,
    body x, y.
    """

    def __init__(self, plates: Plates, values: _Tensors, size: int) -> None:
        self.size = size
        pose = geometry.Pose.from_controls(values.pose)
        turn = torch.stack([pose.yaw.sin()[:, 0], pose.pitch.sin()[:, 0]], 1)
        self.columns_FN = torch.cat([values.units, values.lips, turn], 1)
        self.low, self.cell = 0.5 / size, (1 - 1 / size) / CELLS
        line = self.low + self.cell * torch.arange(-BORDER, CELLS + BORDER + 1)
        y, x = (t.reshape(1, -1) for t in torch.meshgrid(line, line, indexing="ij"))
        up = pose.upright(x, y)
        head = _warp(plates, *pose.facing(*up))
        skin = self._skin(plates, *head)
        side = CELLS + 2 * BORDER + 1
        self.nodes_F6GG = torch.stack([*head, *skin, *_body_places(pose, x, y, *up)], 1).view(
            -1, 6, side, side
        )

    def _skin(self, plates: Plates, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Head coordinates (F, P) to the resting skin that the controls have moved there."""
        moves = (self.columns_FN @ plates.displacement.flatten(1)).view(-1, *plates.displacement.shape[1:])
        grid = torch.stack([x, y], -1)[:, None] * 2 - 1
        move = F.grid_sample(moves, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return x - move[:, 0, 0], y - move[:, 1, 0]

    def pixels(self) -> Tensor:
        """The map (F, 6, S, S) at all pixels."""
        inner = self.nodes_F6GG[:, :, BORDER:-BORDER, BORDER:-BORDER]
        return F.interpolate(inner, (self.size, self.size), mode="bilinear", align_corners=True)

    def locate(self, target_x: Tensor, target_y: Tensor, on_skin: Tensor) -> tuple[Tensor, Tensor]:
        """Picture places (F, K) that the map sends to the targets, by Newton's method.

        `on_skin` (K,) is 1 for targets that name a place of the resting skin and 0 for head coordinates.
        """
        frames, points = target_x.shape
        x, y = target_x, target_y
        ahead_x = torch.tensor([0.0, NEWTON_STEP, 0.0])[:, None].repeat(1, points).view(1, -1)
        ahead_y = torch.tensor([0.0, 0.0, NEWTON_STEP])[:, None].repeat(1, points).view(1, -1)
        span = self.cell * (CELLS / 2 + BORDER)
        for _ in range(NEWTON_STEPS):
            grid = (
                torch.stack([x.repeat(1, 3) + ahead_x - 0.5, y.repeat(1, 3) + ahead_y - 0.5], -1)[:, None]
                / span
            )
            place = F.grid_sample(self.nodes_F6GG[:, :4], grid, padding_mode="border", align_corners=True)
            place = place.view(frames, 2, 2, 3, points)
            at_x, at_y = (place[:, 0] + (place[:, 1] - place[:, 0]) * on_skin).unbind(1)
            j11, j12 = ((at_x[:, i] - at_x[:, 0]) / NEWTON_STEP for i in (1, 2))
            j21, j22 = ((at_y[:, i] - at_y[:, 0]) / NEWTON_STEP for i in (1, 2))
            rest_x, rest_y = target_x - at_x[:, 0], target_y - at_y[:, 0]
            det = (j11 * j22 - j12 * j21).clamp(min=0.15)
            x = x + ((j22 * rest_x - j12 * rest_y) / det).clamp(-0.08, 0.08)
            y = y + ((j11 * rest_y - j21 * rest_x) / det).clamp(-0.08, 0.08)
        return x, y


def _warp(plates: Plates, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The identity's own smooth warp of the face."""
    to_x, to_y = x, y
    for kx, ky, phase, ax, ay in plates.warp_waves:
        wave = torch.sin(torch.add(kx * x + phase, y, alpha=ky))
        to_x, to_y = torch.add(to_x, wave, alpha=ax), torch.add(to_y, wave, alpha=ay)
    return to_x, to_y


def _body_places(
    pose: geometry.Pose, x: Tensor, y: Tensor, up_x: Tensor, up_y: Tensor
) -> tuple[Tensor, Tensor]:
    """Where on the back plate each place lies.

    Hair and neck follow the head, shoulders only a third of the way.
    """
    follow = 0.35 + 0.65 * smoothstep(-y, -0.95, -0.70)
    return (
        x + follow * (up_x + 0.05 * pose.yaw.sin() - x),
        y + follow * (up_y + 0.05 * pose.pitch.sin() - y),
    )


def _landmarks(identity: Identity, head: _HeadMap, f: geometry.Features, size: int) -> Tensor:
    frames = f.mouth_y.shape[0]
    places = geometry.feature_points(identity, f)
    skin_x, skin_y = geometry.skin_points(identity)
    x = torch.cat([x.expand(frames, -1) for x, _ in places.values()] + [skin_x.expand(frames, -1)], 1)
    y = torch.cat([y for _, y in places.values()] + [skin_y.expand(frames, -1)], 1)
    indices = [start + i for start, (part, _) in places.items() for i in range(part.shape[1])]
    on_skin = torch.tensor([0.0] * len(indices) + [1.0] * skin_x.shape[1])
    landmarks = torch.empty(frames, LANDMARKS, 2)
    landmarks[:, [*indices, *geometry.SKIN_INDICES]] = torch.stack(head.locate(x, y, on_skin), -1)
    return landmarks * size - 0.5


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


def _render_chunk(identity: Identity, plates: Plates, values: _Tensors, size: int) -> Rendering:
    count = values.closure.shape[0]
    f = geometry.features(identity, values.units, values.lips, values.closure)
    head = _HeadMap(plates, values, size)
    landmarks = _landmarks(identity, head, f, size)
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
    values: _Tensors,
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
