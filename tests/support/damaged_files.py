"""Files cut off and with flipped bits: a reader gives what is there or one line, soon, in bounded memory."""

import os
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

MOST_SECONDS, MOST_MEMORY = 20, 1_000_000  # kilobytes
# Three files of each kind always, more by `make test-all`: with thirty kinds 90 and 660.
SEEDS = range(22 if os.environ.get("MOEE_ALL_CASES") else 3)
Kinds = Mapping[str, tuple[Callable[[Path], Path], Callable[[Path], object]]]  # how to write, how to read


def damaged(data: bytes, seed: int) -> bytes:
    """The file cut off, with flipped bits, or with a stretch of zeros or noise in it."""
    rng = np.random.default_rng(seed)
    content = bytearray(data)
    if seed % 3 == 0:
        return bytes(content[: int(rng.integers(len(content)))])
    if seed % 3 == 1:
        for place in rng.integers(len(content), size=int(rng.integers(1, 30))):
            content[place] ^= 1 << int(rng.integers(8))
        return bytes(content)
    start, length = int(rng.integers(len(content))), int(rng.integers(1, 400))
    filling = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    return bytes(content[:start] + filling + content[start + length :])


def refusal(read: Callable[[Path], object], path: Path) -> str:
    """What the reader says of a file that it refuses; empty if it reads it. Another error is a fault."""
    try:
        read(path)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return ""


def check_reader(folder: Path, name: str, kinds: Kinds) -> None:
    """Damage a file of that kind again and again, and read it."""
    write, read = kinds[name]
    data = write(folder / name).read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in SEEDS:
        path = folder / f"damaged{seed}-{name}"
        path.write_bytes(damaged(data, seed))
        start = time.monotonic()
        line = refusal(read, path)
        assert "\n" not in line, seed
        assert not line or path.stem in line, (seed, line)
        assert time.monotonic() - start < MOST_SECONDS, seed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY
