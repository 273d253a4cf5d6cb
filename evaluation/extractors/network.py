"""The small convolutional trunk of the embedded judges, and how they are stored.

N picture, C channel, H row, W column.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Generic, Self, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.runtime.whole_files import file_digest, whole_file

NetworkT = TypeVar("NetworkT", bound=nn.Module)
SIZE = 128  # pixels a judge looks at; other sizes are resized


def preprocess(frames_NCHW: Tensor) -> Tensor:
    """8-bit RGB of any size to float (N, 3, 128, 128) in [-1, 1]; resized bilinearly with antialiasing.

    Raises:
        ValueError: for anything but uint8 (N, 3, H, W).
    """
    if frames_NCHW.ndim != 4 or frames_NCHW.shape[1] != 3 or frames_NCHW.dtype != torch.uint8:
        raise ValueError(f"expected uint8 (N, 3, H, W), got {frames_NCHW.dtype} {tuple(frames_NCHW.shape)}")
    x = frames_NCHW.float() / 127.5 - 1
    if x.shape[-2:] != (SIZE, SIZE):
        x = F.interpolate(x, size=(SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)
    return x


class Block(nn.Module):
    """Two 3 x 3 convolutions around a skip (He et al. 2016), batch-normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return F.relu(x_NCHW + self.body(x_NCHW))


def down(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Halve the picture."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Trunk(nn.Module):
    """128 x 128 pictures to `widths[1]` channels at 32 x 32 and `widths[3]` channels at 8 x 8."""

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        a, b, c, d = widths
        self.early = nn.Sequential(down(3, a, 5), down(a, b), Block(b))
        self.late = nn.Sequential(down(b, c), Block(c), down(c, d), Block(d))

    def forward(self, x_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        early = self.early(x_NCHW.contiguous(memory_format=torch.channels_last))
        return early, self.late(early)


class EmbeddedJudge(nn.Module, ABC):
    """A network that measures and was trained on renderings, never a published one.

    Attributes:
        kind: what its weights file is called.
        fingerprint: sha256 of the file it was loaded from.
    """

    kind: str
    published = False

    def __init__(self) -> None:
        super().__init__()
        self.fingerprint = ""

    @abstractmethod
    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """What it measures of uint8 RGB frames, see `Extractor`."""

    def save(self, path: Path) -> None:
        """Write the weights as safetensors, whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        with whole_file(path) as unfinished:
            save_file(state, unfinished)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint.

        Raises:
            FileNotFoundError: if it is not there.
            ValueError: if it is no safetensors file, or its tensors do not fit.
        """
        judge = cls()
        judge.fingerprint = load_network(judge, Path(path))
        return ready(judge)


class MovesNetwork(Generic[NetworkT]):
    """An extractor around one network, which it takes along to another device."""

    network: NetworkT

    def to(self, device: torch.device) -> Self:
        """Look there from now on."""
        self.network.to(device)
        return self


def load_network(network: nn.Module, path: Path) -> str:
    """Fill a network from a safetensors file; the sha256 of the file.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no safetensors file, or its tensors do not fit.
    """
    kind = type(network).__name__
    if not path.is_file():
        raise FileNotFoundError(f"no {kind} weights at {path}: train them or give another path")
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from None
    own = network.state_dict()
    wrong = sorted(own.keys() ^ state.keys())
    wrong += [name for name in own.keys() & state.keys() if own[name].shape != state[name].shape]
    if wrong:
        raise ValueError(f"{path} does not fit {kind}: {len(wrong)} tensors differ, the first is {wrong[0]}")
    network.load_state_dict(state)
    return file_digest(path)


def ready(network: NetworkT) -> NetworkT:
    """For measuring only: fixed statistics, no gradients, the memory layout convolutions like."""
    network.eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)
