"""Several processes that evaluate together: who takes which clips, and how their rows come together."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar, cast

import torch.distributed as dist

ItemT = TypeVar("ItemT")
# Rank, size and this machine's address, as torchrun and SLURM's srun name them.
LAUNCHERS = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"))


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
        """What every process has, in order of ranks; all of them must call it."""
        if self.size == 1:
            return [mine]
        everyone: list[ItemT] = [mine] * self.size
        dist.all_gather_object(everyone, mine)
        return everyone

    def collect(self, mine: ItemT) -> list[ItemT]:
        """What every process has, in order of ranks, to the first one alone; all of them must call it."""
        if self.size == 1:
            return [mine]
        everyone: list[ItemT] | None = [mine] * self.size if self.first else None
        dist.gather_object(mine, everyone)
        return everyone or []

    def tell(self, told: ItemT) -> ItemT:
        """What the first process has; all of them must call it."""
        if self.size == 1:
            return told
        box = [told if self.first else None]
        dist.broadcast_object_list(box)
        return cast(ItemT, box[0])


def current_world() -> World:
    """The process group this process belongs to; alone without one."""
    if not (dist.is_available() and dist.is_initialized()):
        return World()
    return World(dist.get_rank(), dist.get_world_size())


def launched(environment: Mapping[str, str] = os.environ) -> World:
    """What a launcher says about this process, alone without one.

    Raises:
        ValueError: for a rank and a size that do not belong together.
    """
    for rank, size in LAUNCHERS:
        if rank in environment and size in environment:
            found = World(int(environment[rank]), int(environment[size]))
            if not 0 <= found.rank < found.size:
                raise ValueError(f"{rank}={found.rank} with {size}={found.size}: the rank must be below it")
            return found
    return World()


@contextmanager
def joined() -> Iterator[World]:
    """Join the other processes of a launch for a while; alone where nothing was launched.

    Raises:
        ValueError: if a launcher named no address to meet at.
    """
    world = launched()
    if world.size == 1:
        yield world
        return
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if name not in os.environ:
            raise ValueError(f"{world.size} processes were launched, but {name} does not say where they meet")
    dist.init_process_group("gloo", rank=world.rank, world_size=world.size)
    try:
        yield world
    finally:
        dist.destroy_process_group()
