"""The networks of the face finder that ships: one says where faces may be, the other reads a face's points.

N picture, C channel, H row, W column, P point of MediaPipe's mesh, D width. Trained on renderings alone
(`moee train face-finder`).
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MESH_POINTS = 478
STRIDE = 8  # pixels of a picture to a cell of the detector
LARGEST, TYPICAL = 64.0, 36.0  # face heights that the detector looks for, pixels: at most, and its unit
SMALLEST = 20.0
CROP = 96  # side of the square that the reader sees, pixels
PATCH = 4  # pixels a side that both networks take as one cell at first
DETECTOR_WIDTHS = (32, 48)
READER_WIDTHS = (64, 96, 128)
SQUEEZE, SHAPES = 32, 160


def to_unit(pictures_N3HW: Tensor) -> Tensor:
    """uint8 pictures in [-1, 1]."""
    return pictures_N3HW.float() / 127.5 - 1


class Block(nn.Module):
    """Two 3 x 3 convolutions around which the input goes (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        inner = F.relu(self.first_norm(self.first(x_NCHW)))
        return F.relu(x_NCHW + self.second_norm(self.second(inner)))


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class FaceDetector(nn.Module):
    """Of each cell of 8 x 8 pixels: is it the middle of a face of 20 to 64 pixels, where, and how high?"""

    def __init__(self) -> None:
        super().__init__()
        early, late = DETECTOR_WIDTHS
        self.trunk = nn.Sequential(
            _conv(3 * PATCH**2, early), _conv(early, late, 2), Block(late), Block(late), Block(late)
        )
        self.head = nn.Conv2d(late, 4, 1)
        nn.init.zeros_(self.head.weight)
        self.head.bias = nn.Parameter(torch.tensor([-4.0, 0.0, 0.0, 0.0]))  # most cells show no face

    def forward(self, x_N3HW: Tensor) -> Tensor:
        """Pictures in [-1, 1], sides multiples of 8, to (N, 4, H / 8, W / 8).

        Channels: the logit, the middle's offset from the cell's own in face heights (x, y), and the
        logarithm of the height over 36 pixels.
        """
        return self.head(self.trunk(F.pixel_unshuffle(x_N3HW, PATCH)))


class FaceReader(nn.Module):
    """478 points and whether there is a face at all, from a square that frames one."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three = READER_WIDTHS
        self.trunk = nn.Sequential(
            *(_conv(3 * PATCH**2, one), Block(one)),
            *(_conv(one, two, 2), Block(two), Block(two)),
            *(_conv(two, three, 2), Block(three), Block(three)),
        )
        self.squeeze = nn.Sequential(
            nn.Conv2d(three, SQUEEZE, 1, bias=False), nn.BatchNorm2d(SQUEEZE), nn.ReLU()
        )
        cells = (CROP // PATCH // 4) ** 2
        self.shape = nn.Sequential(nn.Linear(SQUEEZE * cells, SHAPES, bias=False), nn.BatchNorm1d(SHAPES))
        self.points = nn.Linear(SHAPES, 2 * MESH_POINTS)
        nn.init.zeros_(self.points.bias)
        self.face = nn.Sequential(nn.Linear(SQUEEZE * cells, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x_N3HW: Tensor) -> tuple[Tensor, Tensor]:
        """Squares (N, 3, 96, 96) in [-1, 1] to points (N, P, 2) in pixels of the square, and logits (N,)."""
        cells_ND = self.squeeze(self.trunk(F.pixel_unshuffle(x_N3HW, PATCH))).flatten(1)
        unit_NP2 = self.points(self.shape(cells_ND)).float().unflatten(1, (MESH_POINTS, 2))
        return (unit_NP2 + 1) * (CROP / 2) - 0.5, self.face(cells_ND)[:, 0].float()

    def mean_points(self) -> Tensor:
        """The mean face (P, 2) about which points are read, in pixels of the square."""
        return (self.points.bias.detach().unflatten(0, (MESH_POINTS, 2)) + 1) * (CROP / 2) - 0.5

    @torch.no_grad()
    def start_from(self, points_NP2: Tensor) -> None:
        """Begin with the mean of some faces' points and the ways in which they differ most (PCA)."""
        unit = ((points_NP2 + 0.5) / (CROP / 2) - 1).flatten(1)
        self.points.bias.copy_(unit.mean(0))
        nn.init.normal_(self.points.weight, std=1e-3)
        if len(unit) < 2:
            return
        _, spread, ways = torch.linalg.svd(unit - unit.mean(0), full_matrices=False)
        count = min(len(unit) - 1, SHAPES)
        self.points.weight[:, :count] = (ways * spread[:, None] / (len(unit) - 1) ** 0.5)[:count].T


class FaceNetworks(nn.Module):
    """Both networks, as they are trained together and ship in one file."""

    def __init__(self) -> None:
        super().__init__()
        self.detector = FaceDetector()
        self.reader = FaceReader()

    def forward(self, scenes_N3HW: Tensor, squares_M3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What both say of uint8 pictures: cells (N, 4, H / 8, W / 8), points (M, P, 2), logits (M,)."""
        scenes, squares = (
            to_unit(x).contiguous(memory_format=torch.channels_last) for x in (scenes_N3HW, squares_M3HW)
        )
        return self.detector(scenes), *self.reader(squares)

    @property
    def started(self) -> bool:
        """Whether the reader has begun with a mean face."""
        return bool(self.reader.points.bias.any())

    def start_from(self, points_NP2: Tensor) -> None:
        """See `FaceReader.start_from`."""
        self.reader.start_from(points_NP2)


def load_networks(path: Path) -> FaceNetworks:
    """The networks of a safetensors file, in single precision, ready to use.

    Raises:
        ValueError: if the file is damaged or holds other networks.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    networks = FaceNetworks()
    try:
        networks.load_state_dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or not a safetensors file: {error}") from None
    except RuntimeError:
        raise ValueError(f"{path} does not hold the face finder's networks") from None
    return networks.eval().requires_grad_(False).to(memory_format=torch.channels_last)
