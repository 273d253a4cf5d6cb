"""Several processes that evaluate together: who takes which clips, and how their rows come together."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import NamedTuple, TypeVar, cast

import torch.distributed as dist

ItemT = TypeVar("ItemT")
# Greater numbers of a SLURM step are SLURM's own: the batch script, the shell of `salloc` (slurm.h,
# SLURM_MAX_NORMAL_STEP_ID). Such a process has a rank and a number of tasks, but is alone.
LAST_STEP = 0xFFFFFFF0
AT_ONCE = 16  # items a process sends
PORTS = range(16_384, 32_768)  # below those that Linux gives to outgoing connections
MEETING_TIME = timedelta(minutes=10)  # until all processes of a launch have come
WAITING_TIME = timedelta(days=2)  # for a process whose clips take longer; gloo's own half hour is too short


class Launcher(NamedTuple):
    """Names of the variables that say a process's rank, how many there are, and its place on the machine."""

    rank: str
    size: str
    place: str


TORCHRUN = Launcher("RANK", "WORLD_SIZE", "LOCAL_RANK")
SRUN = Launcher("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")


@dataclass(frozen=True)
class World:
    """This process among `size`."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def share(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """Every `size`-th item, starting with number `rank`; none is padded, so a share may be empty."""
        return islice(items, self.rank, None, self.size)

    def gather(self, mine: ItemT) -> list[ItemT]:
        """What every process has, in order of ranks; all of them must call it.

        Raises:
            OSError: if another one is gone.
        """
        if self.size == 1:
            return [mine]
        everyone: list[ItemT] = [mine] * self.size
        with self._all_there():
            dist.all_gather_object(everyone, mine)
        return everyone

    def collect(self, mine: ItemT) -> list[ItemT]:
        """What every process has, in order of ranks, to the first one alone; all of them must call it."""
        if self.size == 1:
            return [mine]
        everyone: list[ItemT] | None = [mine] * self.size if self.first else None
        with self._all_there():
            dist.gather_object(mine, everyone)
        return everyone or []

    def collect_each(self, mine: Sequence[ItemT]) -> Iterator[ItemT]:
        """The items of every process to the first one alone, in no order; all of them must use it up.

        A few at a time, since whatever is sent at once lies in memory three times meanwhile.
        """
        if self.size == 1:
            yield from mine
            return
        for first in range(0, max(self.gather(len(mine))), AT_ONCE):
            for part in self.collect(mine[first : first + AT_ONCE]):
                yield from part

    def tell(self, told: ItemT) -> ItemT:
        """What the first process has; all of them must call it."""
        if self.size == 1:
            return told
        box = [told if self.first else None]
        with self._all_there():
            dist.broadcast_object_list(box)
        return cast(ItemT, box[0])

    @contextmanager
    def _all_there(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise OSError(f"another of the {self.size} processes is gone: {_first_line(error)}") from error


def current_world() -> World:
    """The process group this process belongs to; alone without one."""
    if not (dist.is_available() and dist.is_initialized()):
        return World()
    return World(dist.get_rank(), dist.get_world_size())


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


def launched(environment: Mapping[str, str] = os.environ) -> World:
    """What a launcher says about this process, alone without one.

    Raises:
        ValueError: for a rank and a size that do not belong together.
    """
    names = launcher(environment)
    if names is None:
        return World()
    found = World(int(environment[names.rank]), int(environment[names.size]))
    if not 0 <= found.rank < found.size:
        raise ValueError(
            f"{names.rank}={found.rank} with {names.size}={found.size}: the rank must be below it"
        )
    return found


def local_rank(environment: Mapping[str, str] = os.environ) -> int:
    """Number of this process among those of a launch on the same machine; its rank where that is not told."""
    names = launcher(environment)
    return 0 if names is None else int(environment.get(names.place, environment[names.rank]))


def meeting_place(environment: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Address and port where the processes of a launch meet: `MASTER_ADDR` and `MASTER_PORT`.

    srun sets neither. The first process of its step runs on the first of the step's machines; the machine
    that srun was called on (`SLURM_LAUNCH_NODE_IPADDR`) may be another. Job and step give the port, so that
    steps side by side do not meet each other.

    Raises:
        ValueError: if there is no telling.
    """
    told = {name: environment.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT")}
    if launcher(environment) is SRUN:
        job, step = (int(environment.get(name, "0")) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
        derived = {
            "MASTER_ADDR": first_host(environment.get("SLURM_STEP_NODELIST", "")),
            "MASTER_PORT": str(PORTS[(job * 31 + step) % len(PORTS)]),
        }
        told = {name: value or derived[name] for name, value in told.items()}
    for name, value in told.items():
        if not value:
            raise ValueError(f"several processes were launched, but {name} does not say where they meet")
    return told["MASTER_ADDR"], int(told["MASTER_PORT"])


def first_host(nodes: str) -> str:
    """The first machine of a list as SLURM writes them: `gpu[03-04,7],cpu1` begins with `gpu03`."""
    return re.sub(r"\[([^],-]*)[^]]*\]", r"\1", nodes).partition(",")[0]


@contextmanager
def joined() -> Iterator[World]:
    """Join the other processes of a launch for a while; alone where nothing was launched.

    Raises:
        ValueError: if a launcher named no address to meet at.
        OSError: if the others do not come, or the address cannot be used.
    """
    world = launched()
    if world.size == 1:
        yield world
        return
    _meet(world, *meeting_place())
    try:
        yield world
    finally:
        dist.destroy_process_group()


def _meet(world: World, address: str, port: int) -> None:
    """Start the process group; gloo, since only rows on the CPU are exchanged."""
    os.environ |= {"MASTER_ADDR": address, "MASTER_PORT": str(port)}  # where torch looks
    try:
        store, *_ = next(dist.rendezvous("env://", world.rank, world.size, timeout=MEETING_TIME))
        dist.init_process_group(
            "gloo", store=store, rank=world.rank, world_size=world.size, timeout=WAITING_TIME
        )
    except RuntimeError as error:
        raise OSError(
            f"{world.size} processes did not meet at {address} port {port}: {_first_line(error)}; "
            "MASTER_ADDR and MASTER_PORT name another place"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
