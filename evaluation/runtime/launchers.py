"""Who started this process as one of several, and what it says about its place among them."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from evaluation.runtime.distributed import Processes

# Greater numbers of a SLURM step are SLURM's own: the batch script, the shell of `salloc` (slurm.h,
# SLURM_MAX_NORMAL_STEP_ID). Such a process has a rank and a number of tasks, but is alone.
LAST_STEP = 0xFFFFFFF0


class Launcher(NamedTuple):
    """Names of the variables that say a process's rank, how many there are, and its place on the machine."""

    rank: str
    size: str
    place: str


TORCHRUN = Launcher("RANK", "WORLD_SIZE", "LOCAL_RANK")
SRUN = Launcher("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")


def launcher(environment: Mapping[str, str] = os.environ) -> Launcher | None:
    """Who started this process as one of several; None if nobody did.

    torchrun goes before srun, which may have started it. Of SLURM's processes only those of a step that srun
    made count: a batch script is told the job's tasks too, but runs once.
    """
    if TORCHRUN.rank in environment and TORCHRUN.size in environment:
        return TORCHRUN
    step = environment.get("SLURM_STEP_ID", "")
    in_step = step.isdecimal() and int(step) <= LAST_STEP
    return SRUN if in_step and SRUN.rank in environment and SRUN.size in environment else None


def launched_processes(environment: Mapping[str, str] = os.environ) -> Processes:
    """What a launcher says about this process, alone without one.

    Raises:
        ValueError: for a rank and a size that do not belong together.
    """
    names = launcher(environment)
    if names is None:
        return Processes()
    rank, size = int(environment[names.rank]), int(environment[names.size])
    if not 0 <= rank < size:
        raise ValueError(f"{names.rank}={rank} with {names.size}={size}: the rank must be below it")
    return Processes(rank, size)


def local_rank(environment: Mapping[str, str] = os.environ) -> int:
    """Number of this process among those of a launch on the same machine; its rank where that is not told."""
    names = launcher(environment)
    return 0 if names is None else int(environment.get(names.place, environment[names.rank]))
