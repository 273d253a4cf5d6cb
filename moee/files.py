"""Files that users wrote, with one line for what is wrong; and files that are whole or not there."""

import codecs
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Raises:
        FileNotFoundError: if it is not there.
        UnicodeDecodeError: a `ValueError`, if it is in another encoding.
    """
    content = path.read_bytes()
    return content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig")


def read_json(path: Path) -> Any:
    """The content of a JSON file, encoded as `read_text` says.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: in one line with the file's name, for what is no JSON, and for a name that stands twice in
            one object, of which plain JSON readers keep the last without a word.
    """
    try:
        return json.loads(read_text(path), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    content = dict(pairs)
    if len(content) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return content


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`: takes its name when the block ends well, goes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before the work that fills it.

    Raises:
        PermissionError: if its folder, or the nearest that exists above it, cannot be written to.
        IsADirectoryError: if it is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder, name a file inside it")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise PermissionError(f"{path}: cannot be written, {folder} is read-only or no folder")


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or leave what was there."""
    with replacing(path) as partial:
        partial.write_text(text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
