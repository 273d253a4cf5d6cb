"""The Inception network of 2015-12-05 that FID rests on. N picture, C channel, H row, W column, F frame.

Architecture: Szegedy et al. 2016, with three differences from torchvision's: average pools leave the padding
out of the mean, the last block pools by the maximum, there are 1008 classes. The differences and the names
of the tensors were read in pytorch-fid 0.3 and torch-fidelity 0.4 (both Apache-2.0).
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from evaluation.extractors.network import ready
from evaluation.extractors.resize import SIZE, check_filter, preprocess
from evaluation.extractors.shapes import check_features, check_frames
from evaluation.extractors.weights import load_published
from evaluation.runtime.exactness import exact

WIDTH, CLASSES = 2048, 1008
BATCH = 32  # fixed: on a GPU the choice of algorithm, and with it the features, depends on it
ADVICE = "run `moee weights fetch inception_tf2015`, or give torch-fidelity's or pytorch-fid's file"
Size = tuple[int, int]
ONE, THREE, FIVE, ROW, COLUMN = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)


class Step(NamedTuple):
    """One convolution; `padded` ones keep the size unless they stride."""

    name: str
    outputs: int
    kernel: Size
    stride: int = 1
    padded: bool = True

    @property
    def padding(self) -> Size:
        """Rows and columns of zeros on either side."""
        keeps = self.padded and self.stride == 1
        return (self.kernel[0] // 2, self.kernel[1] // 2) if keeps else (0, 0)


Chain = tuple[tuple[Step, ...], ...]  # stages one after the other; the steps of one stage share their input


def chain(name: str, *steps: tuple[int, Size], stride: int = 1) -> Chain:
    """Steps of (outputs, kernel), numbered unless there is only one; the last takes the stride."""
    names = [name] if len(steps) == 1 else [f"{name}_{i}" for i in range(1, len(steps) + 1)]
    strides = [1] * (len(steps) - 1) + [stride]
    return tuple((Step(n, *step, s),) for n, step, s in zip(names, steps, strides, strict=True))


def fork(name: str) -> Chain:
    """A row and a column beside each other."""
    return ((Step(f"{name}a", 384, (1, 3)), Step(f"{name}b", 384, (3, 1))),)


def mean_pool(x_NCHW: Tensor) -> Tensor:
    """3 x 3 means of what is there: padding does not count, as in TensorFlow."""
    return F.avg_pool2d(x_NCHW, 3, stride=1, padding=1, count_include_pad=False)


def max_pool(x_NCHW: Tensor) -> Tensor:
    """3 x 3 maxima, the size kept."""
    return F.max_pool2d(x_NCHW, 3, stride=1, padding=1)


def halve(x_NCHW: Tensor) -> Tensor:
    """3 x 3 maxima two apart."""
    return F.max_pool2d(x_NCHW, 3, stride=2)


class Convolution(nn.Module):
    """Convolution, batch normalisation, rectifier."""

    def __init__(self, inputs: int, step: Step) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, step.outputs, step.kernel, step.stride, step.padding, bias=False)
        self.bn = nn.BatchNorm2d(step.outputs, eps=1e-3)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x_NCHW)), inplace=True)

    def fold(self) -> None:
        """Put the normalisation into the convolution: the same function to 1e-6, with fewer passes."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv, self.bn = fuse_conv_bn_eval(self.conv, self.bn.eval()), nn.Identity()


class Block(nn.Module):
    """Branches beside each other, joined in their order; the pooled one comes last.

    Args:
        inputs: channels.
        branches: of convolutions on the input.
        pool: what the last branch does first.
        pooled: convolutions after it.
    """

    def __init__(
        self, inputs: int, branches: list[Chain], pool: Callable[[Tensor], Tensor], pooled: Chain = ()
    ) -> None:
        super().__init__()
        self.pool, self.branches = pool, [*branches, pooled]
        for branch in self.branches:
            width = inputs
            for stage in branch:
                for step in stage:
                    self.add_module(step.name, Convolution(width, step))
                width = sum(step.outputs for step in stage)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        starts = [x_NCHW] * (len(self.branches) - 1) + [self.pool(x_NCHW)]
        return torch.cat([self._follow(*pair) for pair in zip(self.branches, starts, strict=True)], dim=1)

    def _follow(self, branch: Chain, x: Tensor) -> Tensor:
        for stage in branch:
            sides = [self.get_submodule(step.name)(x) for step in stage]
            x = torch.cat(sides, dim=1) if len(sides) > 1 else sides[0]
        return x


def block_5(inputs: int, pooled: int) -> Block:
    """At 35 x 35."""
    branches = [
        chain("branch1x1", (64, ONE)),
        chain("branch5x5", (48, ONE), (64, FIVE)),
        chain("branch3x3dbl", (64, ONE), (96, THREE), (96, THREE)),
    ]
    return Block(inputs, branches, mean_pool, chain("branch_pool", (pooled, ONE)))


def block_6(width: int) -> Block:
    """At 17 x 17, `width` channels inside."""
    branches = [
        chain("branch1x1", (192, ONE)),
        chain("branch7x7", (width, ONE), (width, ROW), (192, COLUMN)),
        chain("branch7x7dbl", (width, ONE), (width, COLUMN), (width, ROW), (width, COLUMN), (192, ROW)),
    ]
    return Block(768, branches, mean_pool, chain("branch_pool", (192, ONE)))


def block_7(inputs: int, pool: Callable[[Tensor], Tensor]) -> Block:
    """At 8 x 8."""
    branches = [
        chain("branch1x1", (320, ONE)),
        ((Step("branch3x3_1", 384, ONE),), *fork("branch3x3_2")),
        (*chain("branch3x3dbl", (448, ONE), (384, THREE)), *fork("branch3x3dbl_3")),
    ]
    return Block(inputs, branches, pool, chain("branch_pool", (192, ONE)))


class Inception(nn.Module):
    """Pool-3 features of pictures; an `Extractor` of published weights.

    Args:
        resize: the filter to 299 x 299, one of `evaluation.extractors.resize.FILTERS`; part of the name.
        frames: pictures of a clip that are looked at, spread evenly over it; 0 for all. Part of the name.

    Raises:
        ValueError: for another filter or a negative number.
    """

    published = True

    def __init__(self, resize: str = "clean", frames: int = 0) -> None:
        super().__init__()
        if frames < 0:
            raise ValueError(f"Inception: {frames} frames of a clip, expected 0 for all or more")
        self.resize, self.frames, self.fingerprint = check_filter(resize), frames, ""
        self.name = f"inception-tf2015-{resize}" + (f"-{frames}" if frames else "")
        self.provides = (f"inception_{resize}",)
        self.settings = {"resize": resize, "size": SIZE, "batch_size": BATCH, "dtype": "float32"}
        self.settings["frames_of_a_clip"] = frames or "all"
        self.Conv2d_1a_3x3 = Convolution(3, Step("", 32, THREE, stride=2))
        self.Conv2d_2a_3x3 = Convolution(32, Step("", 32, THREE, padded=False))
        self.Conv2d_2b_3x3 = Convolution(32, Step("", 64, THREE))
        self.Conv2d_3b_1x1 = Convolution(64, Step("", 80, ONE))
        self.Conv2d_4a_3x3 = Convolution(80, Step("", 192, THREE, padded=False))
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = block_5(192, 32), block_5(256, 64), block_5(288, 64)
        to_17 = [
            chain("branch3x3", (384, THREE), stride=2),
            chain("branch3x3dbl", (64, ONE), (96, THREE), (96, THREE), stride=2),
        ]
        self.Mixed_6a = Block(288, to_17, halve)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(block_6, (128, 160, 160, 192))
        to_8 = [
            chain("branch3x3", (192, ONE), (320, THREE), stride=2),
            chain("branch7x7x3", (192, ONE), (192, ROW), (192, COLUMN), (192, THREE), stride=2),
        ]
        self.Mixed_7a = Block(768, to_8, halve)
        self.Mixed_7b, self.Mixed_7c = block_7(1280, mean_pool), block_7(2048, max_pool)
        self.fc = nn.Linear(WIDTH, CLASSES)  # not asked here; published files hold it

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Features (N, 2048) of preprocessed pictures (N, 3, 299, 299)."""
        faster = torch.contiguous_format if x_NCHW.is_cuda else torch.channels_last  # in float32, measured
        x = x_NCHW.contiguous(memory_format=faster)
        x = halve(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = halve(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`inception_<filter>` (F or fewer, 2048), float32, of uint8 RGB frames."""
        check_frames(frames_F3HW, 1, self.name)
        frames_F3HW = spread(frames_F3HW, self.frames)
        with exact(frames_F3HW.device):
            parts = [self(preprocess(chunk, self.resize)) for chunk in frames_F3HW.split(BATCH)]
            features = torch.cat(parts)
        return {self.provides[0]: check_features(features, (len(frames_F3HW), WIDTH), self.name)}

    @classmethod
    def load(cls, path: Path, resize: str = "clean", frames: int = 0) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint.

        Args:
            path: a state dict with torch-fidelity's names, `.pth` or `.safetensors`.
            resize: the filter.
            frames: of a clip; see there.
        """
        network = cls(resize, frames)
        network.eval().fingerprint = load_published(network, path, ADVICE)
        for part in network.modules():
            if isinstance(part, Convolution):
                part.fold()
        return ready(network)


def spread(frames_FX: Tensor, count: int) -> Tensor:
    """`count` frames in the middles of as many equal stretches; all for 0, or where there are fewer."""
    total = len(frames_FX)
    if not 0 < count < total:
        return frames_FX
    return frames_FX[(torch.arange(count) * 2 + 1) * total // (2 * count)]
