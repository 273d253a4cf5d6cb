"""What the eye notices and PSNR forgives: flicker, grain, softness. F frame, H row, W column."""

from collections.abc import Callable

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric, check_pair
from evaluation.metrics.pictures.ssim import blur_interior, gaussian_taps

STILL = 1  # grey levels a pixel of the truth may change and still count as static: one step of rounding
ROUNDING = 1e-6  # squared grey levels a pixel; float32 leaves up to 1e-8 of one colour
FLAT = 1.5  # grey levels of high frequency under which a place of the truth counts as flat
SIGMA, RADIUS = 1.0, 3
LEVEL = 1000  # thousandths
AT_ONCE = 32  # frames, so that a long clip takes no more memory


def luma(frames_F3HW: Tensor) -> Tensor:
    """Brightness (F, H, W) of uint8 frames in thousandths of a grey level, int32 (ITU-R BT.601 weights).

    Exact on every processor: a video whose colours step by one stands on the threshold of `STILL`.
    """
    red, green, blue = frames_F3HW.int().unbind(1)
    return 299 * red + 587 * green + 114 * blue


def grey(frames_F3HW: Tensor) -> Tensor:
    """The same in grey levels 0..255, float32."""
    return luma(frames_F3HW).float() / LEVEL


def flicker_sums(pred_F3HW: Tensor, true_F3HW: Tensor) -> Tensor:
    """Total and number (2,) of |x[t-1] - 2 x[t] + x[t+1]|, grey levels, where the truth stands still."""
    check_pair(pred_F3HW, true_F3HW, (None, 3, None, None), "flicker")
    if len(pred_F3HW) < 3:
        return torch.zeros(2, dtype=torch.float64)
    return _added(_flicker, pred_F3HW, true_F3HW, shared=2)


def _flicker(pred_F3HW: Tensor, true_F3HW: Tensor) -> Tensor:
    pred = grey(pred_F3HW)
    step = luma(true_F3HW).diff(dim=0).abs() <= STILL * LEVEL
    still = step[1:] & step[:-1]
    second = (pred[:-2] - 2 * pred[1:-1] + pred[2:]).abs()
    return torch.stack([second[still].double().sum(), still.sum().double()])


def _added(
    sums: Callable[[Tensor, Tensor], Tensor], pred_F3HW: Tensor, true_F3HW: Tensor, shared: int = 0
) -> Tensor:
    """What `sums` gives of some frames at a time, each time with `shared` frames of the next."""
    starts = range(0, max(1, len(pred_F3HW) - shared), AT_ONCE)
    parts = [slice(start, start + AT_ONCE + shared) for start in starts]
    return torch.stack([sums(pred_F3HW[part], true_F3HW[part]) for part in parts]).sum(0)


def high_pass(gray_FHW: Tensor) -> Tensor:
    """What a Gaussian blur (sigma one pixel) takes away; the border of three pixels is cut off."""
    inner = gray_FHW[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
    return inner - blur_interior(gray_FHW, gaussian_taps(SIGMA, RADIUS))


def grain_sums(pred_F3HW: Tensor, true_F3HW: Tensor) -> Tensor:
    """High-frequency energies (5,) in squared grey levels, as totals and counts.

    Entries: generated in flat places, truth in flat places, number of flat pixels; generated and truth
    everywhere. A place is flat where the truth's local high frequency (root mean square, Gaussian window)
    is under 1.5 levels.
    """
    check_pair(pred_F3HW, true_F3HW, (None, 3, None, None), "grain")
    return _added(_grain, pred_F3HW, true_F3HW)


def _grain(pred_F3HW: Tensor, true_F3HW: Tensor) -> Tensor:
    pred, true = (high_pass(grey(x)).square().double() for x in (pred_F3HW, true_F3HW))
    local = blur_interior(true, gaussian_taps(2 * SIGMA, RADIUS))
    flat = local.sqrt() < FLAT
    inner = (slice(None), slice(RADIUS, -RADIUS), slice(RADIUS, -RADIUS))
    near_pred, near_true = pred[inner], true[inner]
    return torch.stack(
        [near_pred[flat].sum(), near_true[flat].sum(), flat.sum().double(), pred.sum(), true.sum()]
    )


class Flicker(ClipMetric):
    """Mean absolute second temporal difference where the truth is static, in grey levels; 0 is still."""

    name, title, unit, version = (
        "flicker",
        "Flicker",
        "grey levels",
        "2",
    )  # 2: static places by exact brightness
    higher_is_better = False
    needs = ("frames", "frames")
    absent = "no place of the truth stands still for three frames"

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return flicker_sums(pred, true)


class Grain(ClipMetric):
    """High-frequency level in places that are flat in the truth, above the truth's own, in grey levels.

    0 is clean.
    """

    name, title, unit = "grain", "Grain", "grey levels"
    higher_is_better = False
    needs = ("frames", "frames")
    absent = "no place of the truth is flat"

    def __init__(self) -> None:
        super().__init__(width=5)

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return grain_sums(pred, true)

    def finish(self, sums: Tensor) -> Tensor:
        count = torch.where(sums[..., 2] > 0, sums[..., 2], torch.nan)
        return (sums[..., 0] / count).sqrt() - (sums[..., 1] / count).sqrt()


class Sharpness(ClipMetric):
    """High-frequency energy of the generated pictures over that of the truth.

    Under 1 is soft, over 1 is grainy.
    """

    name, title, version = "sharpness", "Sharpness", "2"  # 2: none against a truth of one colour
    target = 1.0
    needs = ("frames", "frames")
    absent = "all of the truth is flat"

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        energies = grain_sums(pred, true)[3:]
        flat = energies[1] <= ROUNDING * true[:, 0].numel()
        return energies.new_zeros(2) if flat else energies
