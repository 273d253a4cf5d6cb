"""Keyed, repeatable units of work that write their files once: the same call goes on where it stopped.

A finished unit leaves `<key>.json` beside its files, with the digest of all it was made from. A backend is a
function that takes the open units and yields their records as they finish; a process pool is the one that
ships. A cluster backend needs nothing else: units and records are plain data, and all files lie in `out`.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from datamodules.whole_files import whole_file

Record = dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """A piece of work. Equal digests mean equal results, wherever and whenever it is done."""

    key: str
    digest: str
    payload: Any  # picklable


UnitFunction = Callable[[Unit, Path], Record]


class Backend(Protocol):
    """Runs units somewhere, in any order; the first error ends it and names its unit."""

    def __call__(
        self, function: UnitFunction, units: Sequence[Unit], out: Path, workers: int
    ) -> Iterator[Record]: ...


def write_json(path: Path, content: Any) -> None:
    """JSON to a file that is either whole or not there."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def finished(unit: Unit, out: Path) -> Record | None:
    """The record an earlier run left for this unit, if it was made from the same and its files are whole."""
    path = out / f"{unit.key}.json"
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        files = record["files"]
        whole = all((out / name).stat().st_size == size for name, size in files.items())
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return None  # half a record is no record: the unit is done again
    return record if whole and record.get("unit") == unit.digest else None


def _run(function: UnitFunction, unit: Unit, out: Path) -> Record:
    record = {**function(unit, out), "key": unit.key, "unit": unit.digest}
    write_json(out / f"{unit.key}.json", record)
    return record


def _one_thread() -> None:
    """Workers share the cores: threads of several processes that wait for each other only spin."""
    import torch

    torch.set_num_threads(1)


def process_pool(function: UnitFunction, units: Sequence[Unit], out: Path, workers: int) -> Iterator[Record]:
    """Units in this process (one worker) or in fresh processes of this machine."""
    if workers == 1 or len(units) == 1:
        yield from (_run(function, unit, out) for unit in units)
        return
    context = multiprocessing.get_context("spawn")  # threads of PyTorch and MediaPipe do not survive a fork
    pool = ProcessPoolExecutor(min(workers, len(units)), mp_context=context, initializer=_one_thread)
    try:
        for done in as_completed([pool.submit(_run, function, unit, out) for unit in units]):
            yield done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def map_shards(
    function: UnitFunction,
    units: Sequence[Unit],
    out: Path,
    workers: int = 1,
    backend: Backend = process_pool,
    on_done: Callable[[Record], None] | None = None,
) -> list[Record]:
    """Does every unit that `out` does not hold yet, and returns all records in the order of the units.

    Args:
        function: Takes a unit and `out`, writes its files there (temporary name, then rename) and returns a
            record of plain data with `files`: names and sizes in bytes.
        units: Keys must differ.
        out: An existing folder.
        workers: Processes.
        backend: Where the work is done.
        on_done: Called in this process with every record, old or new.

    Raises:
        ValueError: if two units have one key, or `workers` is below 1.
    """
    if len({unit.key for unit in units}) != len(units):
        raise ValueError("two units of work have the same key")
    if workers < 1:
        raise ValueError(f"workers={workers}: at least 1 is needed")
    records = {unit.key: record for unit in units if (record := finished(unit, out)) is not None}
    for record in records.values():
        if on_done:
            on_done(record)
    for record in backend(function, [unit for unit in units if unit.key not in records], out, workers):
        records[record["key"]] = record
        if on_done:
            on_done(record)
    return [records[unit.key] for unit in units]
