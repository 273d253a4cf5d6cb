"""Who and which emotion each clip of a folder shows: the file of `--about`."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from evaluation.validation import Written, checked
from moee.clips.true_source import BESIDE

if TYPE_CHECKING:
    from torch import Tensor

NAMED = 3  # entries that are named in one line


class ClipAbout(Written):
    """What is known of one clip: who it shows, and an emotion as in `moee animate --emotion`."""

    identity: str | None = None
    emotion: str | None = None


def find_about(given: Path | None, folder: Path | None) -> Path | None:
    """The file that is named, else the `about.json` in the folder of the true clips, else None."""
    if given is None and folder is not None and (folder / BESIDE).is_file():
        return folder / BESIDE
    return given


def read_about(path: Path) -> "dict[str, dict[str, str | Tensor]]":
    """Clip stem -> `identity` and `blend` (E,), from JSON with `identity` and `emotion`.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for broken JSON, an unknown key or an unknown emotion, with the clip's name.
    """
    from datamodules.batch import parse_blend
    from evaluation.reading import read_json

    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise ValueError(f'{path}: expected {{"clip": {{"identity": "...", "emotion": "..."}}}}')
    about: dict[str, dict[str, Any]] = {}
    for name, entry in content.items():
        known = checked(ClipAbout, entry, f"{path}: {name}")
        stem = normalize("NFC", name)  # as file names are compared
        if stem in about:
            raise ValueError(f"{path}: {stem!r} stands there twice, its accents written in two ways")
        about[stem] = {} if known.identity is None else {"identity": known.identity}
        if known.emotion is not None:
            try:
                about[stem]["blend"] = parse_blend(known.emotion)
            except ValueError as error:
                raise ValueError(f"{path}, {stem}: {error}") from None
    return about


def check_about(about: Mapping[str, object], stems: Collection[str], path: Path) -> list[str]:
    """Lines about clips without an entry; nothing where each has one.

    One file may tell of several folders: entries without a clip are fine as long as every clip has its own.

    Args:
        about: what `read_about` gave.
        stems: of the clips.
        path: of the file.

    Raises:
        ValueError: if there are entries without a clip and clips without an entry; names the nearest.
    """
    from moee.config_errors import unknown_name

    without = sorted(set(stems) - about.keys())
    stray = sorted(about.keys() - set(stems))
    if not without:
        return []
    missing = f"{len(without)} of {len(stems)} clips have no entry in {path.name}"
    if stray:
        more = f" and {len(stray) - NAMED} more" if len(stray) > NAMED else ""
        strangers = f"{path}: no clip {', '.join(map(repr, stray[:NAMED]))}{more}"
        what = f"{strangers}, and {missing}; keys are file names without the ending"
        raise ValueError(unknown_name(what, stray[0], without))
    return [f"{missing}, the first is {without[0]!r}: each counts as a person of its own, without an emotion"]
