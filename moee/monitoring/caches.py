"""What lies on disk only because making it again takes long: where, how large, and how to be rid of it."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from moee.config_errors import unknown_name

PLACES = (Path("data/synthetic"), Path("results"))  # where training renders, where evaluation keeps its rows
SYNTHETIC, MEASURED = "synthetic clips", "measured videos"
BLOCK_BYTES = 512  # of `st_blocks`


@dataclass(frozen=True)
class Cache:
    """A folder that is made again when it is wanted.

    Args:
        path: of the folder.
        kind: what is in it.
        bytes: that it takes on disk.
        used: when something in it was last written.
    """

    path: Path
    kind: str
    bytes: int
    used: datetime


def find_caches(places: Iterable[Path] = PLACES) -> list[Cache]:
    """All caches in these folders, or that these folders are, the largest first."""
    caches = []
    for place in places:
        inside = sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
        for path in (place, *inside):
            if (kind := _kind(path)) is not None:
                caches.append(_measured(path, kind))
    return sorted(caches, key=lambda cache: -cache.bytes)


def remove_caches(caches: Iterable[Cache], names: Iterable[str] = ()) -> Iterator[Cache]:
    """Remove those of these names, all of them without names; yields each once it is gone.

    Args:
        caches: what `find_caches` found.
        names: paths, or names of folders.

    Raises:
        ValueError: before anything is removed, for a name that none has.
    """
    known = {name: cache for cache in caches for name in (cache.path.name, cache.path.as_posix())}
    for name in (names := [Path(name).as_posix() for name in names]):
        if name not in known:
            raise ValueError(
                unknown_name(f"no cache {name!r}", name, {c.path.as_posix() for c in known.values()})
            )
    chosen = [known[name] for name in names] or list(known.values())
    for cache in dict.fromkeys(chosen):
        shutil.rmtree(cache.path)
        yield cache


def _kind(path: Path) -> str | None:
    """By what is in it: a folder of another kind is never taken for a cache."""
    if (path / "done.npy").is_file() and ((path / "words").is_dir() or (path / "meshes.npy").is_file()):
        return SYNTHETIC
    return MEASURED if path.name == ".kept" and path.is_dir() else None


def _measured(path: Path, kind: str) -> Cache:
    files = [file.stat() for file in path.rglob("*") if file.is_file()]
    newest = max((stat.st_mtime for stat in files), default=path.stat().st_mtime)
    taken = sum(stat.st_blocks * BLOCK_BYTES for stat in files)  # arrays of a stopped rendering have holes
    return Cache(path, kind, taken, datetime.fromtimestamp(newest, UTC))
