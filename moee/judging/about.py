"""Whether the file of `--about` and the clips of a folder belong together."""

from collections.abc import Collection, Mapping
from pathlib import Path

NAMED = 3  # entries that are named in one line


def check_about(about: Mapping[str, object], stems: Collection[str], path: Path) -> list[str]:
    """Lines about clips without an entry; nothing where each has one.

    One file may tell of several folders: entries without a clip are fine as long as every clip has its own.

    Raises:
        ValueError: if there are entries without a clip and clips without an entry; names the nearest.
    """
    from moee.config_errors import unknown_name

    without = sorted(set(stems) - about.keys())
    stray = sorted(about.keys() - set(stems))
    if not without:
        return []
    told = f"{len(without)} of {len(stems)} clips have no entry in {path.name}"
    if stray:
        said = f"{path}: no clip {', '.join(map(repr, stray[:NAMED]))}"
        more = f" and {len(stray) - NAMED} more" if len(stray) > NAMED else ""
        what = f"{said}{more}, and {told}; keys are file names without the ending"
        raise ValueError(unknown_name(what, stray[0], without))
    return [f"{told}, the first is {without[0]!r}: each counts as a person of its own, without an emotion"]
