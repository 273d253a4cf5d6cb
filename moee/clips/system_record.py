"""The record of a system that made videos: the file of `--system`, as `moee foreign` writes it."""

from pathlib import Path

from evaluation.results.system import System
from evaluation.validation import checked, written_like
from moee.files import read_json


def read_system(path: Path) -> System:
    """A `System` from JSON.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no JSON, has a key that a system has not, or a value of another kind.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no system file {path}")
    content = read_json(path)
    if not isinstance(content, dict) or "name" not in content:
        raise ValueError(f"{path}: expected the record of a system, with a name")
    record = checked(written_like(System), content, str(path))
    try:
        return System(**record.model_dump(exclude_unset=True))
    except ValueError as error:  # its role
        raise ValueError(f"{path}: {error}") from None
