"""Peak signal-to-noise ratio. F frame, H row, W column."""

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric, check_pair, frame_sums

CAP = 100.0  # decibels of two identical frames, whose ratio is infinite


def psnr_frames(pred_F3HW: Tensor, true_F3HW: Tensor, data_range: float = 255.0) -> Tensor:
    """10 log10(range^2 / mean squared error) of each frame (F,), in dB, at most 100.

    Pictures in [0, `data_range`].
    """
    check_pair(pred_F3HW, true_F3HW, (None, 3, None, None), "PSNR")
    # A frame at a time: in float64 a clip is eight times as large.
    pairs = zip(pred_F3HW, true_F3HW, strict=True)
    errors = [(pred.double() - true.double()).square().mean() for pred, true in pairs]
    error_F = torch.stack(errors) if errors else torch.zeros(0, dtype=torch.float64)
    return (10 * torch.log10(data_range**2 / error_F)).clamp(max=CAP)


class Psnr(ClipMetric):
    """PSNR per frame of 8-bit RGB, then the mean over frames.

    Not the PSNR of the pooled error, which is lower.
    """

    name, title, unit = "psnr", "PSNR", "dB"
    higher_is_better = True
    needs = ("frames", "frames")

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return frame_sums(psnr_frames(pred, true))
