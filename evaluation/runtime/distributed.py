"""Several processes that evaluate together: who takes which clips, and how their rows come together."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar, cast

import torch.distributed as dist

ItemT = TypeVar("ItemT")
AT_ONCE = 16  # items a process sends


@dataclass(frozen=True)
class Processes:
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

    def gather_to_first(self, mine: ItemT) -> list[ItemT]:
        """What every process has, in order of ranks, to the first one alone; all of them must call it."""
        if self.size == 1:
            return [mine]
        everyone: list[ItemT] | None = [mine] * self.size if self.first else None
        with self._all_there():
            dist.gather_object(mine, everyone)
        return everyone or []

    def gather_each_to_first(self, mine: Sequence[ItemT]) -> Iterator[ItemT]:
        """The items of every process to the first one alone, in no order; all of them must use it up.

        A few at a time, since whatever is sent at once lies in memory three times meanwhile.
        """
        if self.size == 1:
            yield from mine
            return
        for first in range(0, max(self.gather(len(mine))), AT_ONCE):
            for part in self.gather_to_first(mine[first : first + AT_ONCE]):
                yield from part

    def broadcast(self, mine: ItemT) -> ItemT:
        """What the first process has; all of them must call it."""
        if self.size == 1:
            return mine
        box = [mine if self.first else None]
        with self._all_there():
            dist.broadcast_object_list(box)
        return cast(ItemT, box[0])

    @contextmanager
    def _all_there(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise OSError(f"another of the {self.size} processes is gone: {first_line(error)}") from error


def current_processes() -> Processes:
    """The process group this process belongs to; alone without one."""
    if not (dist.is_available() and dist.is_initialized()):
        return Processes()
    return Processes(dist.get_rank(), dist.get_world_size())


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its type where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
