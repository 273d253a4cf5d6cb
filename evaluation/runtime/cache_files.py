"""A folder of tensors by key that survives kills, takes any number of processes at once and stays bounded."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from evaluation.runtime.whole_files import UNFINISHED, write_whole

LARGEST_FOLDER = 4 * 2**30  # bytes
ROOM = 0.05  # share of the folder that is freed at once, and written before it is looked at again
STALE_SECONDS = 3600.0  # age of a half-written file whose writer was killed
Entry = tuple[Any, dict[str, Tensor]]  # a piece of JSON, and named tensors


class CacheFolder:
    """A cache on disk; what was not used for longest goes first.

    Args:
        folder: made where it is missing; None for no cache.
        most_bytes: of all its files; with many processes each may exceed it by a twentieth for a while.
    """

    def __init__(self, folder: Path | None, most_bytes: int = LARGEST_FOLDER) -> None:
        self.folder, self.most_bytes, self._unseen = folder, most_bytes, 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._tidy()

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None where there is nothing, or nothing that can be read."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}.safetensors"
        try:
            with safe_open(path, "pt") as file:
                entry = json.loads(file.metadata()["about"]), {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
            os.utime(path)
        except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError):
            return None
        return entry

    def put(self, key: str, about: Any, tensors: Mapping[str, Tensor]) -> None:
        """Write JSON and tensors; atomically, so that a kill leaves all or nothing of them."""
        if self.folder is None:
            return
        path = self.folder / f"{key}.safetensors"
        content = save({n: x.contiguous() for n, x in tensors.items()}, metadata={"about": json.dumps(about)})
        write_whole(path, content)
        self._unseen += len(content)
        if self._unseen > ROOM * self.most_bytes:
            self._tidy()

    def _tidy(self) -> None:
        """Remove what killed writers left, and the longest unused files while there is too much."""
        assert self.folder is not None
        self._unseen, entries = 0, []
        for path in self.folder.iterdir():
            try:
                state = path.stat()
            except FileNotFoundError:  # another process was faster
                continue
            if path.suffix == UNFINISHED and time.time() - state.st_mtime > STALE_SECONDS:
                path.unlink(missing_ok=True)
            elif path.suffix == ".safetensors":
                entries.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in entries)
        wanted = total if total <= self.most_bytes else (1 - ROOM) * self.most_bytes
        for _, size, path in sorted(entries):
            if total <= wanted:
                return
            path.unlink(missing_ok=True)
            total -= size
