"""What the clips of a data module are, in one word: it stands in a run's record and decides its signature."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

# Counts changes of the synthetic world that make clips of the same recipe others: caches go by it too.
WORLD_VERSION = 3


@runtime_checkable
class KnowsItsClips(Protocol):
    """A data module whose clips have a digest; asked of one just built, before any data are made.

    A tuple `places` of its class names the arguments that only say where the clips lie; a run's
    signature leaves them out.
    """

    def digest(self) -> str:
        """Hexadecimal digits that change with the content of the clips, and not with where they lie.

        Raises:
            FileNotFoundError: if the data are not there.
            ValueError: if they are damaged.
        """
        ...


def recipe_digest(recipe: object) -> str:
    """Eight hexadecimal digits of clips that are made from plain values and the synthetic world's code."""
    text = json.dumps([WORLD_VERSION, recipe], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def files_digest(paths: Iterable[Path]) -> str:
    """Hex digest of files by name and content, wherever their folder lies. Reads all of them."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.name} {content}\n".encode())
    return total.hexdigest()
