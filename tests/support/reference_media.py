"""Pictures and videos of the reference cases; `evaluation.md`, R3 and R4."""

import hashlib

import numpy as np
import torch
from torch import Tensor


def pictures(seed: int, n: int, height: int, width: int, amplitude: float) -> np.ndarray:
    """One wave a channel under noise, (N, H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    found = np.empty((n, height, width, 3))
    for picture in found:
        for c in range(3):
            fx, fy = rng.uniform(0, 40, 2)
            phase = rng.uniform(0, 2 * np.pi)
            wave = np.sin(2 * np.pi * (fx * x / width + fy * y / height) + phase)
            picture[..., c] = 127.5 + amplitude * wave
        picture += 10 * rng.standard_normal((height, width, 3))
    return found.round().clip(0, 255).astype(np.uint8)


def videos(seed: int, n: int, frames: int, height: int, width: int, speed: float) -> np.ndarray:
    """A wave that travels, (N, T, H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    found = np.empty((n, frames, height, width, 3))
    for video in found:
        fx, fy = rng.uniform(1, 6, 2)
        phases = rng.uniform(0, 2 * np.pi, 3)
        amplitude = rng.uniform(40, 110)
        angle = 2 * np.pi * (fx * x / width + fy * y / height)
        for t in range(frames):
            video[t] = 127.5 + amplitude * np.sin(angle[..., None] + phases + speed * t)
    return found.round().clip(0, 255).astype(np.uint8)


def bytes_hash(*sets: np.ndarray) -> str:
    """sha256 over the bytes of the sets in turn, the first 16 digits."""
    return hashlib.sha256(b"".join(z.tobytes() for z in sets)).hexdigest()[:16]


def channels_first(pictures: np.ndarray) -> Tensor:
    """(..., H, W, 3) to (..., 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pictures, -1, -3)))
