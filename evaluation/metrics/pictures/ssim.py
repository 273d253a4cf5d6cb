"""Structural similarity under two windows, which give two different numbers.

F frame, H row, W column, Q field, X any axes.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric, check_pair, frame_sums

Window = Literal["gaussian", "uniform"]
SIGMA, RADIUS = 1.5, 5  # the 11 x 11 window of Wang et al. 2004
BOX = 7  # the uniform window scikit-image takes unless told otherwise, with covariances divided by N - 1
WIDTHS: dict[Window, int] = {"gaussian": 2 * RADIUS + 1, "uniform": BOX}
K1, K2 = 0.01, 0.03
GPU_PIXELS = 2**19  # a GPU is given at once, which takes it 200 MB


def gaussian_taps(sigma: float, radius: int) -> list[float]:
    """Weights of 2 radius + 1 places; their sum is one."""
    weights = [math.exp(-0.5 * (place / sigma) ** 2) for place in range(-radius, radius + 1)]
    return [weight / sum(weights) for weight in weights]


def blur_interior(x_XHW: Tensor, taps: Sequence[float]) -> Tensor:
    """Weighted means over the last two axes, one after the other, only where the whole window fits.

    Each shrinks by one less than there are taps.
    """
    for axis in (-1, -2):
        size = x_XHW.shape[axis] - len(taps) + 1
        total = x_XHW.narrow(axis, 0, size) * taps[0]
        for k, weight in enumerate(taps[1:], 1):
            total.add_(x_XHW.narrow(axis, k, size), alpha=weight)
        x_XHW = total
    return x_XHW


def window_moments(fields_QF3HW: Tensor, window: Window) -> tuple[Tensor, float]:
    """Local means of each field, only where the whole window fits, and the factor of local covariances."""
    if window == "gaussian":
        return blur_interior(fields_QF3HW, gaussian_taps(SIGMA, RADIUS)), 1.0
    return blur_interior(fields_QF3HW, [1 / BOX] * BOX), BOX**2 / (BOX**2 - 1)


def _ssim(pred_F3HW: Tensor, true_F3HW: Tensor, data_range: float, window: Window) -> Tensor:
    """Of each frame (Wang et al. 2004, eq. 13), averaged over interior window positions and channels."""
    x, y = pred_F3HW.double(), true_F3HW.double()
    fields_QF3HW = torch.stack([x, y, x * x + y * y, x * y])
    (mean_x, mean_y, square, product), factor = window_moments(fields_QF3HW, window)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    means = mean_x.square() + mean_y.square()
    covariance, variances = factor * (product - mean_x * mean_y), factor * (square - means)
    ratio = (2 * mean_x * mean_y + c1) * (2 * covariance + c2) / ((means + c1) * (variances + c2))
    return ratio.mean((-1, -2, -3))


def ssim_frames(
    pred_F3HW: Tensor, true_F3HW: Tensor, data_range: float = 255.0, window: Window = "gaussian"
) -> Tensor:
    """SSIM of each frame (F,).

    Args:
        pred_F3HW: pictures in [0, `data_range`].
        true_F3HW: the same shape.
        data_range: of the pictures.
        window: `gaussian`, which scikit-image calls `gaussian_weights`, or `uniform`, its default.

    Raises:
        ValueError: for shapes that differ or pictures smaller than the window.
    """
    check_pair(pred_F3HW, true_F3HW, (None, 3, None, None), "SSIM")
    if min(pred_F3HW.shape[-2:]) < WIDTHS[window]:
        size = tuple(pred_F3HW.shape[-2:])
        raise ValueError(f"SSIM: the window is {WIDTHS[window]} pixels wide, the pictures are {size}")
    pixels = (
        pred_F3HW.shape[-2] * pred_F3HW.shape[-1]
    )  # a frame fits a processor's cache, and leaves a GPU idle
    at_once = max(1, GPU_PIXELS // pixels) if pred_F3HW.is_cuda else 1
    pairs = zip(pred_F3HW.split(at_once), true_F3HW.split(at_once), strict=True)
    return torch.cat([_ssim(pred, true, data_range, window) for pred, true in pairs])


class Ssim(ClipMetric):
    """SSIM per frame of 8-bit RGB with the interior Gaussian window, then the mean over frames."""

    name, title = "ssim", "SSIM"
    higher_is_better = True
    needs = ("frames", "frames")

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return frame_sums(ssim_frames(pred, true))


class SsimUniform(ClipMetric):
    """SSIM with the uniform window of seven pixels, scikit-image's default: the number of the MEAD line."""

    name, title = "ssim_uniform", "SSIM, uniform 7"
    higher_is_better = True
    needs = ("frames", "frames")

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return frame_sums(ssim_frames(pred, true, window="uniform"))
