"""The next videos are read while networks look at the last."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

ItemT = TypeVar("ItemT")
END = object()


def read_ahead(items: Iterable[ItemT]) -> Iterator[ItemT]:
    """The same items in the same order, each made by a thread while its predecessor is worked on.

    One is held ahead, so memory stays bounded; what goes wrong in the making is raised in its place.
    """
    source = iter(items)
    with ThreadPoolExecutor(1, "read-ahead") as pool:
        coming = pool.submit(next, source, END)
        while (item := coming.result()) is not END:
            coming = pool.submit(next, source, END)
            yield cast(ItemT, item)
