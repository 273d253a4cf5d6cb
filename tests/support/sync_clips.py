"""Pictures and voices for tests of the lip-sync judge and of its training."""

import torch

from datamodules.batch import SAMPLES_PER_FRAME


def pictures(frames: int, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (frames, 3, 128, 128), generator=g, dtype=torch.uint8)


def voice(frames: int, seed: int = 0) -> torch.Tensor:
    """Bursts of noise: loud and quiet."""
    g = torch.Generator().manual_seed(seed)
    level = torch.rand(frames, 1, generator=g).square()
    return (torch.randn(frames, SAMPLES_PER_FRAME, generator=g) * level * 0.2).flatten()
