"""What a number was computed with: library versions, hardware, memory."""

import platform
import sys
from importlib.metadata import version

import torch

LIBRARIES = ("torch", "torchmetrics", "numpy", "safetensors")


def environment() -> dict[str, object]:
    """Library versions and hardware."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
    }


def peak_memory_mb() -> float | None:
    """Largest resident size of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
