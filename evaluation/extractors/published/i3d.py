"""The I3D network that FVD rests on. N video, C channel, T time step, F frame, V window, H row, W column.

Inflated Inception-v1 (Carreira & Zisserman 2017) with Kinetics-400's classes. The names of the tensors are
those of VideoGPT's file `i3d_pretrained_400.pt` (MIT; the port is piergiaj/pytorch-i3d's, Apache-2.0).
"""

import math
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.shapes import check_features, check_frames
from evaluation.extractors.weights import load_published
from evaluation.runtime.exactness import exact

SIZE, CLASSES = 224, 400
FEWEST = 9  # frames: the last pool wants two steps of time, and eight frames leave one
CROPS = ("squash", "crop")
ADVICE = "run `moee weights fetch i3d_kinetics400`, or give VideoGPT's i3d_pretrained_400.pt"
Size = tuple[int, int, int]
BLOCKS = {  # channels: plain, before and after the first 3 x 3 x 3, before and after the second, pooled
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}


def preprocess(frames_F3HW: Tensor, crop: str) -> Tensor:
    """8-bit RGB of any size to float32 (3, F, 224, 224) in [-1, 1], bilinear without antialiasing.

    Args:
        frames_F3HW: uint8.
        crop: `squash` gives up the aspect ratio, as TATS and cd-fvd do; `crop` scales the short side and cuts
            the middle out, as VideoGPT does.

    Raises:
        ValueError: for another crop.
    """
    if crop not in CROPS:
        raise ValueError(f"unknown crop {crop!r}: known are {', '.join(CROPS)}")
    height, width = frames_F3HW.shape[-2:]
    size = [SIZE, SIZE]
    if crop == "crop":
        scale = SIZE / min(height, width)
        size = [SIZE if side == min(height, width) else math.ceil(side * scale) for side in (height, width)]
    x = F.interpolate(frames_F3HW.float(), size=size, mode="bilinear", align_corners=False)
    top, left = ((side - SIZE) // 2 for side in size)
    return (x[..., top : top + SIZE, left : left + SIZE] * (2 / 255) - 1).transpose(0, 1)


def pad_same(x_NCTHW: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Zeros around it for outputs of ceil(size / stride): TensorFlow's SAME, an odd one behind."""
    sides = []
    for size, k, s in zip(x_NCTHW.shape[2:], kernel, stride, strict=True):
        missing = max((math.ceil(size / s) - 1) * s + k - size, 0)
        sides = [missing // 2, missing - missing // 2, *sides]  # the last axis comes first in `F.pad`
    return F.pad(x_NCTHW, sides) if any(sides) else x_NCTHW


class Unit(nn.Module):
    """Convolution without bias, batch normalisation, rectifier."""

    def __init__(self, inputs: int, outputs: int, side: int = 1, step: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = (side, side, side), (step, step, step)
        self.conv3d = nn.Conv3d(inputs, outputs, self.kernel, self.stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-5)

    def forward(self, x_NCTHW: Tensor) -> Tensor:
        x = self.conv3d(pad_same(x_NCTHW, self.kernel, self.stride))
        return F.relu(self.bn(x), inplace=True)


class Block(nn.Module):
    """Four branches beside each other; `widths` as in `BLOCKS`."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        plain, before_1, after_1, before_2, after_2, pooled = widths
        self.b0 = Unit(inputs, plain)
        self.b1a, self.b1b = Unit(inputs, before_1), Unit(before_1, after_1, 3)
        self.b2a, self.b2b = Unit(inputs, before_2), Unit(before_2, after_2, 3)
        self.b3b = Unit(inputs, pooled)
        self.outputs = plain + after_1 + after_2 + pooled

    def forward(self, x_NCTHW: Tensor) -> Tensor:
        pooled = max_pool(x_NCTHW, (3, 3, 3), (1, 1, 1))
        branches = [self.b0(x_NCTHW), self.b1b(self.b1a(x_NCTHW)), self.b2b(self.b2a(x_NCTHW))]
        return torch.cat([*branches, self.b3b(pooled)], dim=1)


def max_pool(x_NCTHW: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Maxima; the zeros padded do no harm after a rectifier."""
    return F.max_pool3d(pad_same(x_NCTHW, kernel, stride), kernel, stride)


class Scores(nn.Module):
    """Class scores before the softmax, one a step of time."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, CLASSES, 1)

    def forward(self, x_NCTHW: Tensor) -> Tensor:
        return self.conv3d(F.avg_pool3d(x_NCTHW, (2, 7, 7), stride=1))


class I3d(nn.Module):
    """Class scores of short windows of a video; an `Extractor` of published weights.

    Args:
        crop: `squash` or `crop`; part of the name.
        window: frames scored together, at least 9; part of the name, since FVD depends on it.
        hop: frames from one window to the next; None for windows side by side.

    Raises:
        ValueError: for another crop, too short a window or no hop.
    """

    published = True

    def __init__(self, crop: str = "squash", window: int = 16, hop: int | None = None) -> None:
        super().__init__()
        if crop not in CROPS:
            raise ValueError(f"unknown crop {crop!r}: known are {', '.join(CROPS)}")
        hop = window if hop is None else hop
        if window < FEWEST or hop < 1:
            raise ValueError(f"I3D needs window >= {FEWEST} and hop >= 1 frames, got {window} and {hop}")
        self.crop, self.window, self.hop, self.fingerprint = crop, window, hop, ""
        self.name = f"i3d-kinetics400-{crop}-{window}"
        self.provides = (f"i3d_{crop}_{window}",)
        self.settings = {"crop": crop, "window_frames": window, "hop_frames": hop, "dtype": "float32"}
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1, self.Conv3d_2c_3x3 = Unit(64, 64), Unit(64, 192, 3)
        width = 192
        for name, widths in BLOCKS.items():
            block = Block(width, widths)
            self.add_module(name, block)
            width = block.outputs
        self.logits = Scores(width)

    def forward(self, x_NCTHW: Tensor) -> Tensor:
        """Scores (N, 400), averaged over time, of videos (N, 3, T, 224, 224) in [-1, 1]."""
        x = max_pool(self.Conv3d_1a_7x7(x_NCTHW), (1, 3, 3), (1, 2, 2))
        x = max_pool(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))
        for name in BLOCKS:
            if name == "Mixed_4b":
                x = max_pool(x, (3, 3, 3), (2, 2, 2))
            elif name == "Mixed_5b":
                x = max_pool(x, (2, 2, 2), (2, 2, 2))
            x = self.get_submodule(name)(x)
        return self.logits(x).mean((2, 3, 4))

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`i3d` (V, 400), float32, of uint8 RGB frames; what is left at the end fills no window.

        Raises:
            ValueError: for fewer frames than a window.
        """
        check_frames(frames_F3HW, self.window, self.name)
        starts = range(0, len(frames_F3HW) - self.window + 1, self.hop)
        with exact(frames_F3HW.device):
            x_3FHW = preprocess(frames_F3HW, self.crop)
            parts = [self(x_3FHW[None, :, start : start + self.window]) for start in starts]
        return {self.provides[0]: check_features(torch.cat(parts), (len(starts), CLASSES), self.name)}

    @classmethod
    def load(cls, path: Path, crop: str = "squash", window: int = 16, hop: int | None = None) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint; arguments as of the class.

        Args:
            path: a state dict with VideoGPT's names, `.pt` or `.safetensors`.
            crop: `squash` or `crop`.
            window: frames.
            hop: frames.
        """
        network = cls(crop, window, hop)
        network.fingerprint = load_published(network, path, ADVICE)
        network.eval().requires_grad_(False)
        return network.to(memory_format=torch.channels_last_3d)
