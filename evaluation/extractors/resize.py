"""The four ways in which pictures become 299 x 299 for FID. N picture, C channel, H row, W column.

The filter moves FID by a quarter on small pictures, so it is part of the extractor's name.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.extractors.shapes import check_frames

SIZE = 299


def bilinear_tf1(x_NCHW: Tensor) -> Tensor:
    """As TensorFlow 1: corners of the first pixels aligned, two neighbours an axis, no antialiasing."""
    return _tf1_axis(_tf1_axis(x_NCHW, 3), 2)


def _tf1_axis(x: Tensor, axis: int) -> Tensor:
    size = x.shape[axis]
    ratio = torch.tensor(size / SIZE, dtype=torch.float32, device=x.device)  # TensorFlow's own precision
    place = torch.arange(SIZE, device=x.device) * ratio
    low = place.long()
    high = (low + 1).clamp(max=size - 1)
    share = (place - low).view([-1 if i == axis else 1 for i in range(x.ndim)])
    return torch.lerp(x.index_select(axis, low), x.index_select(axis, high), share)


def bilinear(x_NCHW: Tensor) -> Tensor:
    """Pixel centres aligned, no antialiasing."""
    return F.interpolate(x_NCHW, size=(SIZE, SIZE), mode="bilinear", align_corners=False)


def bilinear_antialiased(x_NCHW: Tensor) -> Tensor:
    """Pixel centres aligned, a triangle as wide as the shrinking asks for."""
    return F.interpolate(x_NCHW, size=(SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True)


def bicubic_antialiased(x_NCHW: Tensor) -> Tensor:
    """As Pillow resizes floats: cubic with a = -1/2, antialiased, neither rounded nor clipped."""
    return F.interpolate(x_NCHW, size=(SIZE, SIZE), mode="bicubic", align_corners=False, antialias=True)


def about_128(x: Tensor) -> Tensor:
    """0..255 to [-1, 127/128], as in TensorFlow's graph."""
    return (x - 128) / 128


def about_half(x: Tensor) -> Tensor:
    """0..255 to [-1, 1]."""
    return x * (2 / 255) - 1


FILTERS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "tf1": (bilinear_tf1, about_128),  # torch-fidelity 0.4; torchmetrics with antialias=False
    "torch": (bilinear, about_half),  # pytorch-fid 0.3
    "torch_aa": (bilinear_antialiased, about_128),  # torchmetrics since 1.8
    "clean": (bicubic_antialiased, about_128),  # clean-fid
}


def preprocess(frames_NCHW: Tensor, resize: str) -> Tensor:
    """8-bit RGB of any size to float32 (N, 3, 299, 299), resized and scaled as the named filter does.

    Args:
        frames_NCHW: uint8 (N, 3, H, W).
        resize: `tf1`, `torch`, `torch_aa` or `clean`.

    Raises:
        ValueError: for another filter or other frames.
    """
    scale_to, shift = FILTERS[check_filter(resize)]
    check_frames(frames_NCHW, 0, "Inception")
    return shift(scale_to(frames_NCHW.float()))


def check_filter(resize: str) -> str:
    """The name, if it is one of the four; otherwise a `ValueError` that lists them."""
    if resize not in FILTERS:
        raise ValueError(f"unknown resize filter {resize!r}: known are {', '.join(FILTERS)}")
    return resize
