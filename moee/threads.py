"""How many threads a process computes with: no more than there are cores that others leave idle.

Threads of one computation wait for each other by spinning. On a free machine that is the fastest way. Where
several processes have as many threads as there are cores, each spins while the thread it waits for has no
core, and all of them take many times as long as on one thread each.
"""

import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# How long libgomp's threads spin before they sleep: about a millisecond, by default about fourteen, which is
# longer than a core is lent to a process for.
SPINS = 20_000
CHOSEN_BY_HAND = ("MOEE_THREADS", "OMP_NUM_THREADS")
SHORTEST_SECONDS = 0.5  # of watching, for a count of idle cores that means something


@dataclass(frozen=True)
class CoreUsage:
    """What the cores that this process may use have done until now.

    Args:
        clock: seconds, of a clock that only goes forward.
        busy: seconds of work on all of these cores together.
        own: seconds of work of this process, its finished children included.
    """

    clock: float
    busy: float
    own: float


def cores() -> list[int]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def parse_busy_ticks(stat: str, numbers: list[int]) -> int:
    """Ticks that the named cores were not idle, from the text of `/proc/stat` (proc(5)).

    Raises:
        ValueError: if a core is not in it.
    """
    lines = {line.split()[0]: line.split()[1:] for line in stat.splitlines() if line.startswith("cpu")}
    if missing := [number for number in numbers if f"cpu{number}" not in lines]:
        raise ValueError(f"no line for the cores {missing}")
    busy = 0
    for number in numbers:
        user, nice, system, _idle, _waiting, *interrupts = map(int, lines[f"cpu{number}"])
        busy += user + nice + system + sum(interrupts[:3])
    return busy


def core_usage() -> CoreUsage | None:
    """The usage now; None where the system does not tell."""
    try:
        ticks = parse_busy_ticks(Path("/proc/stat").read_text(), cores())
        ticks_a_second = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    return CoreUsage(time.monotonic(), ticks / ticks_a_second, sum(os.times()[:4]))


@cache
def usage_at_start() -> CoreUsage | None:
    """The usage when this was first asked, which the command line does before it imports anything."""
    return core_usage()


def idle_threads(before: CoreUsage, after: CoreUsage, count: int) -> int:
    """Threads that fit on `count` cores beside what others did between two looks; at least 1."""
    seconds = after.clock - before.clock
    if seconds < SHORTEST_SECONDS:
        return count
    others = max(after.busy - before.busy - (after.own - before.own), 0.0) / seconds
    return min(max(round(count - others), 1), count)


def prepare_threads() -> None:
    """Before torch is imported: threads as `$MOEE_THREADS` says, and short spinning.

    Variables of OpenMP that are set already stay.
    """
    usage_at_start()
    os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
    if wanted := os.environ.get("MOEE_THREADS"):
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = wanted


def settle_threads(wanted: int | None = None) -> int:
    """Before the work begins, networks being loaded: as many threads as others left cores idle until now.

    Decided once and not again, so that what a process computes does not depend on what comes and goes beside
    it. A number that the environment gives stays.

    Args:
        wanted: the number to take whatever others do, such as that of a run that is continued.

    Returns:
        The number of threads.
    """
    import torch

    chosen = any(os.environ.get(name) for name in CHOSEN_BY_HAND)
    before, after = usage_at_start(), core_usage()
    if not chosen and wanted is not None:
        torch.set_num_threads(wanted)
    elif not chosen and before and after:
        torch.set_num_threads(idle_threads(before, after, len(cores())))
    return torch.get_num_threads()
