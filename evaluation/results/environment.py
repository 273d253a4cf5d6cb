"""Where a result was made and what that cost; no hash covers either."""

import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version

import torch

from evaluation.runtime.devices import CPU

LIBRARIES = ("torch", "torchmetrics", "numpy", "safetensors")


def environment() -> dict[str, object]:
    """Library versions and hardware."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
    }


def evaluation_cost(seconds: float, frames: int) -> dict[str, float | None]:
    """Of measuring that many frames."""
    return {
        "seconds": seconds,
        "seconds_per_frame": seconds / frames if frames else None,
        "peak_memory_mb": peak_memory_mb(),
    }


def generation_cost(parts: Iterable[tuple[float, int, float | None]]) -> dict[str, float | None]:
    """What making the clips took, over all processes; nothing where it was not timed.

    Args:
        parts: of each process the seconds, the frames it made in them, and its peak memory in MB where known.
    """
    if not (timed := list(parts)):
        return {}
    seconds, frames, memory = zip(*timed, strict=True)
    return {
        "generation_seconds_per_frame": sum(seconds) / sum(frames) if sum(frames) else None,
        "generation_peak_memory_mb": max(peak or 0.0 for peak in memory) or None,
    }


def peak_memory_mb(device: torch.device = CPU) -> float | None:
    """Most memory this process has needed so far, of a GPU if that is the device; None where nobody tells."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
