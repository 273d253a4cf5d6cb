"""Files that are written: whole or not there."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LEAST_FREE = 2**20  # bytes; no command leaves less


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


def check_writable(path: Path, needed: int = 0) -> None:
    """Refuse a file that could not be written, before the work that fills it; nothing is left behind.

    Args:
        path: of the file.
        needed: bytes that it takes at least.

    Raises:
        IsADirectoryError: if it is a folder.
        OSError: if its folder, or the nearest that exists above it, cannot be written to, the name is too
            long, or the disk too full.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder, name a file inside it")
    _probe(path, path.stem, path.suffix)
    check_space(path, needed)


def check_folder(path: Path, needed: int = 0) -> None:
    """Refuse a folder that could not be filled, before the work that fills it; it is not made.

    Args:
        path: of the folder.
        needed: bytes that go there at least.

    Raises:
        OSError: if it is a file, or it or the nearest folder that exists above it cannot be written to, its
            name is too long, or the disk too full.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path}: is a file, name a folder")
    _probe(path / "x", "x", "")
    check_space(path, needed)


def check_no_input(out: Path, inputs: Iterable[str | Path | None]) -> None:
    """Refuse to write over what is read.

    Args:
        out: the file to write.
        inputs: files that are read, or written as well; None is none.

    Raises:
        ValueError: if one of them is the same file.
    """
    for path in inputs:
        if path is not None and Path(path).resolve() == out.resolve():
            raise ValueError(f"{out} would be written over {path}: name another file")


def _probe(path: Path, stem: str, suffix: str) -> None:
    """Make a file as `replacing` does, where a folder exists, and remove it."""
    path = path.absolute()
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"{path}: cannot be written, {folder} is no folder")
    try:
        for name in path.parent.relative_to(folder).parts:  # of folders that are to be made
            with suppress(FileNotFoundError):
                os.lstat(folder / name)
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{stem}-", suffix=suffix)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PermissionError(f"{path}: cannot be written, {folder} says: {reason}") from None
    os.close(handle)
    os.unlink(name)


def check_space(path: Path, needed: int) -> None:
    """Refuse work that needs more of a disk than there is.

    Args:
        path: of a file or folder on that disk, which need not exist.
        needed: bytes.

    Raises:
        OSError: says how much is free and how much is needed.
    """
    folder = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < max(needed, LEAST_FREE):
        wanted = max(needed, LEAST_FREE) / 2**20
        raise OSError(f"{path}: {free / 2**20:.0f} MiB are free, at least {wanted:.0f} MiB are needed")


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or leave what was there."""
    with replacing(path) as partial:
        partial.write_text(text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
