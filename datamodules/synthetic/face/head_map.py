"""Where each place of the picture lies on the head, and the landmarks that follow from it.

F frame, S side of the picture, K landmark, P pixel, G node of the grid, N control column. Places are
fractions of the side; pixel i has its centre at (i + 0.5) / S. Landmarks are in pixels with that centre at i.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.batch import LANDMARKS
from datamodules.synthetic.face import geometry
from datamodules.synthetic.face.controls import ControlTensors
from datamodules.synthetic.face.identity import Identity
from datamodules.synthetic.face.plates import Plates
from datamodules.synthetic.face.textures import smoothstep

NEWTON_STEPS, NEWTON_STEP = 5, 2e-3
CELLS, BORDER = 64, 16


class HeadMap:
    """Where each place of the picture lies on the head: the geometry that draws and yields landmarks.

    Kept as values on the nodes of a coarse grid that reaches a little beyond the picture, bilinear between
    nodes, so that pixels and landmarks see exactly the same map. Channels: head x, y, resting skin x, y,
    body x, y.
    """

    def __init__(self, plates: Plates, values: ControlTensors, size: int) -> None:
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


def picture_landmarks(identity: Identity, head: HeadMap, f: geometry.Features, size: int) -> Tensor:
    """The 68 landmarks (F, K, 2) in pixels of a picture of `size`, exactly where the picture shows them."""
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
