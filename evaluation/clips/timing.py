"""How long generating clips takes. F frame, H row, W column."""

import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from evaluation.clips.true_clips import Generate


class TimedGeneration:
    """A `Generate` that tells what it took.

    Args:
        generate: the network that is timed.
        peak_memory_mb: of the process that generates; None where unknown.
    """

    def __init__(self, generate: Generate, peak_memory_mb: float | None = None) -> None:
        self.generate, self.peak_memory_mb = generate, peak_memory_mb
        self.seconds, self.frames = 0.0, 0

    def __call__(self, index: int, truth: Mapping[str, Any], seed: int) -> Tensor:
        start = time.perf_counter()
        frames_F3HW = self.generate(index, truth, seed)
        self.seconds += time.perf_counter() - start
        self.frames += len(frames_F3HW)
        return frames_F3HW
