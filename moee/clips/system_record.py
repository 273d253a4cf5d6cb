"""The record of a system that made videos: the file of `--system`, as `moee foreign` writes it."""

from pathlib import Path

from evaluation.pages.videos import FOLDER, RECORD
from evaluation.reading import read_json
from evaluation.results.system import System
from evaluation.validation import checked, written_like


def videos_and_record(folder: Path) -> tuple[Path, Path | None]:
    """Where a system's videos lie, and the record of what made them where one lies beside them.

    Args:
        folder: of the videos; or what `moee foreign` leaves, a folder with `videos/` and `system.json`.
    """
    for whole in (folder, folder.parent) if folder.name == FOLDER else (folder,):
        if (whole / RECORD).is_file() and (whole / FOLDER).is_dir():
            return whole / FOLDER, whole / RECORD
    return folder, None


def read_system(path: Path) -> System:
    """A `System` from JSON.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no JSON, has a key that a system has not, or a value of another kind.
    """
    content = read_json(path, "system file")
    if not isinstance(content, dict) or "name" not in content:
        raise ValueError(f"{path}: expected the record of a system, with a name")
    record = checked(written_like(System), content, str(path))
    try:
        return System(**record.model_dump(exclude_unset=True))
    except ValueError as error:  # its role
        raise ValueError(f"{path}: {error}") from None
