"""Ladders of faults whose effect nobody doubts: each rung is worse than the one before."""

from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from evaluation.metrics import METRICS


def blurred(frames_F3HW: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of so many pixels."""
    return _each(frames_F3HW, lambda picture: cv2.GaussianBlur(picture, (0, 0), sigma))


def noisy(frames_F3HW: Tensor, deviation: float) -> Tensor:
    """Gaussian noise of so many grey levels, the same draw on every rung."""
    noise = torch.randn(frames_F3HW.shape, generator=torch.Generator().manual_seed(0))
    return (frames_F3HW + deviation * noise).round().clamp(0, 255).to(torch.uint8)


def compressed(frames_F3HW: Tensor, coarseness: float) -> Tensor:
    """JPEG of quality 100 less `coarseness`."""

    def through(picture: np.ndarray) -> np.ndarray:
        file = BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=round(100 - coarseness))
        return np.asarray(Image.open(file))

    return _each(frames_F3HW, through)


def late(frames_F3HW: Tensor, frames: float) -> Tensor:
    """The picture so many frames later than the sound; the first one is held."""
    return frames_F3HW[(torch.arange(len(frames_F3HW)) - round(frames)).clamp(min=0)]


def dropped(frames_F3HW: Tensor, kept: float) -> Tensor:
    """Only each so-many-th frame, held until the next."""
    return frames_F3HW[torch.arange(len(frames_F3HW)) // round(kept) * round(kept)]


def tinted(frames_F3HW: Tensor, strength: float) -> Tensor:
    """More red, less blue."""
    gain = torch.tensor([1 + strength, 1, 1 - strength])[:, None, None]
    return (frames_F3HW * gain).round().clamp(0, 255).to(torch.uint8)


def moved(frames_F3HW: Tensor, pixels: float) -> Tensor:
    """The picture so many pixels to the right and down; the edge is repeated."""
    places = [(torch.arange(size) - round(pixels)).clamp(min=0) for size in frames_F3HW.shape[-2:]]
    return frames_F3HW[:, :, places[0]][:, :, :, places[1]]


def shaken(frames_F3HW: Tensor, pixels: float) -> Tensor:
    """Every second frame moved by so many pixels."""
    frames = frames_F3HW.clone()
    frames[::2] = moved(frames_F3HW[::2], pixels)
    return frames


def _each(frames_F3HW: Tensor, change: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    pictures = frames_F3HW.permute(0, 2, 3, 1).contiguous().numpy()
    changed = np.stack([change(picture) for picture in pictures])
    return torch.from_numpy(changed).permute(0, 3, 1, 2).contiguous()


LADDERS: dict[str, tuple[Callable[[Tensor, float], Tensor], tuple[float, ...]]] = {
    "blur": (blurred, (0.8, 2.0)),
    "noise": (noisy, (4, 20)),
    "jpeg": (compressed, (50, 90)),
    "late": (late, (1, 2, 4)),
    "dropped": (dropped, (2, 6)),
    "tint": (tinted, (0.05, 0.2)),
    "moved": (moved, (1, 4)),
    "shaken": (shaken, (1, 4)),
}
LANDMARKS = (
    *("akd", "akd_euclidean", "f_lmd", "f_lmd_centred", "f_lmd_aligned"),
    *("m_lmd", "m_lmd_px", "m_lmd_over_68", "m_lmd_centred", "m_lmd_aligned"),
)
PLACES = ("akd", "akd_euclidean", "f_lmd", "m_lmd", "m_lmd_px", "m_lmd_over_68")  # not forgiving a shift
PICTURES = ("psnr", "ssim", "ssim_uniform")
UNITS = ("au_correlation", "au_concordance", "au_icc", "au_rmse", "au_mae")
EMOTIONS = ("emotion_accuracy", "emotion_recall", "emotion_vote")
IDENTITY = ("csim_reference", "csim_frame", "csim_of_means")

# Ladder -> metrics that must get worse on every rung.
WORSE = {
    "blur": (*PICTURES, *LANDMARKS, *UNITS, "fid_embedded", "efid_embedded", "csim_frame", "sharpness"),
    "noise": (*PICTURES, *LANDMARKS, *UNITS, "fid_embedded", "flicker", "grain", "sharpness", "head_speed"),
    "jpeg": (*PICTURES, *LANDMARKS, *UNITS, "fid_embedded", "efid_embedded", "csim_frame", "grain"),
    "late": (*PICTURES, *LANDMARKS, *UNITS, "lip_correlation", "sync_offset_embedded"),
    "dropped": (*PICTURES, *LANDMARKS, *UNITS, "lip_correlation", "sync_c_embedded", "sync_d_embedded"),
    "tint": (*PICTURES, *IDENTITY, "fid_embedded"),
    "moved": (*PICTURES, *PLACES, "csim_frame"),
    "shaken": (*PICTURES, *PLACES, "head_range", "head_speed", "flicker"),
}


def badness(name: str, value: float | None) -> float:
    """Larger is worse."""
    assert value is not None, name
    metric = METRICS[name]
    if metric.target is not None:
        return abs(value - metric.target)
    return -value if metric.higher_is_better else value
