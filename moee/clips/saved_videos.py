"""Videos that `moee evaluate` makes, kept where `moee leaderboard --videos` finds them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from moee.files import check_writable

if TYPE_CHECKING:
    from evaluation.clips.pair import Pair
    from evaluation.results.system import System


def check_kept(folder: Path | None, name: str) -> None:
    """Refuse, before any work, a folder or a system's name under which no videos could be kept.

    Raises:
        ValueError: for a name that is no plain folder name.
        OSError: if the folder cannot be written to.
    """
    if folder is None:
        return
    if name in (".", "..") or any(sign in name for sign in "/\\:\0"):
        raise ValueError(f"--keep-videos: {name!r} cannot be the name of a folder: give another --name")
    check_writable(folder / name / "clip.mp4")


def keeping(pairs: "Iterable[Pair]", system: "System", folder: Path) -> "Iterator[Pair]":
    """The same pairs; of the system's first seed each clip is written as `folder/<name>/<key>.mp4`.

    With the true clip's sound and a record of who made it; whole or not at all, a later run replaces it.

    Raises:
        OSError, ValueError: if one cannot be written.
    """
    from moee.generation.disclosure import disclosure
    from moee.generation.video_writer import write_video

    own = folder / system.name
    made_by = {"checkpoint_sha256": system.checkpoint_sha256, **system.settings}
    made_by.pop("evaluated_by", None)
    for pair in pairs:
        if pair.generated is not None and pair.seed == system.seeds[0]:
            own.mkdir(parents=True, exist_ok=True)
            record = disclosure() | made_by | {"seed": pair.seed}
            write_video(own / f"{pair.key}.mp4", pair.generated.cpu(), pair.truth.get("waveform"), record)
        yield pair
