"""How much memory the closing step takes beside the features it closes: FID, KID and writing the result.

    python -m benchmarks.evaluation_memory [--clips 400] [--frames 100] [--width 256]
                                           [--metrics fid_clean kid_clean]

Features are drawn, four clips a person. What stands beside each step is the greatest memory of the process
while it ran, less what it held before (features, code), and the processor time. Linux alone.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from evaluation.metrics import METRICS
from evaluation.results.result import Result
from evaluation.results.rows import Row

CLIPS_OF_A_PERSON = 4
STATISTICS = {"level": 0.95, "resamples": 100, "seed": 0}


def drawn(metrics: list[str], clips: int, frames: int, width: int) -> Result:
    """A result of features alone."""
    g = torch.Generator().manual_seed(0)
    scale_D = torch.linspace(0.5, 1.5, width)
    sides = [
        tuple(scale_D * torch.randn(frames, width, generator=g) + shift for shift in (0.1, 0.0))
        for _ in range(clips)
    ]
    return Result(
        protocol={"tag": "drawn", "statistics": STATISTICS},
        system={"name": "drawn", "role": "system"},
        data={"sha256": "", "truth": "measured"},
        extractors={},
        rows=[Row(f"{i:05}", f"{i // CLIPS_OF_A_PERSON:05}", frames=frames) for i in range(clips)],
        large={name: torch.full((clips, 2), float(frames), dtype=torch.float64) for name in metrics},
        features={METRICS[name].needs[0]: sides for name in metrics},  # type: ignore[dict-item]
    )


def memory(what: str) -> float:
    """`VmRSS`, what is held now, or `VmHWM`, the most since the last `forget_peak`; MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def measured(name: str, work: Callable[[], object], features_mb: float) -> None:
    """Run a step and print what it took."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before, start = memory("VmRSS"), time.process_time()
    work()
    peak, took = memory("VmHWM") - before, time.process_time() - start
    print(f"{name:12}{peak:8.0f} MB more, {peak / features_mb:5.1f} x the features {took:8.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--metrics", nargs="+", default=["fid_clean", "kid_clean"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    features_mb = 2 * args.clips * args.frames * args.width * 4 / 2**20
    print(f"{args.clips} clips of {args.frames} frames, {args.width} wide: features {features_mb:.0f} MB")
    result = drawn(args.metrics[:1], args.clips, args.frames, args.width)
    with tempfile.TemporaryDirectory() as folder:  # first: what a metric frees would be taken unseen
        measured("write", lambda: result.write(Path(folder) / "r.json"), features_mb)
        measured("read", lambda: read_back(Path(folder) / "r.json"), features_mb)
    for name in args.metrics:
        result = drawn([name], args.clips, args.frames, args.width)
        measured(name, result.aggregate, features_mb)


def read_back(path: Path) -> object:
    """The tensors beside a result."""
    import json

    from evaluation.results.files import read_sums

    return read_sums(path, json.loads(path.read_text())["sums_file"])


if __name__ == "__main__":
    main()
