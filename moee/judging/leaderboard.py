"""Results to one page with its downloads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.leaderboard.admission import Refusal
    from evaluation.pages.videos import Videos

TITLE = "Emotional talking heads"
CLIPS = 6  # that are shown


@dataclass(frozen=True)
class Leaderboard:
    """A page that was written, and the results that it refuses with their reasons."""

    page: Path
    refused: "Sequence[Refusal]"


def make_leaderboard(
    results: Sequence[str | Path],
    out: str | Path,
    *,
    videos: str | Path | None = None,
    reference: str | Path | None = None,
    title: str = TITLE,
    clips: int = CLIPS,
    plot: str = "",
    published: bool = True,
) -> Leaderboard:
    """Write the page and, beside it, CSV, Markdown, LaTeX and JSON.

    Args:
        results: result files, or folders of them.
        out: folder for the page.
        videos: a folder for each system with its clips, which are shown side by side.
        reference: folder of the true videos, which are shown beside them.
        title: of the page.
        clips: how many are shown.
        plot: a metric to plot against cost.
        published: whether the numbers of papers stand there too, in a section of their own.

    Raises:
        ValueError: for true videos without those of systems, or of other clips.
        FileNotFoundError: for a path without result files.
        OSError: if the page cannot be written.
    """
    from evaluation.leaderboard.admission import admit
    from evaluation.leaderboard.published_numbers import load_published
    from evaluation.leaderboard.site import build_leaderboard
    from evaluation.pages.videos import find_videos
    from moee.files import check_folder, check_writable

    folder = Path(out)
    check_folder(folder)
    check_writable(folder / "index.html")
    admitted, refused = admit(result_files([Path(path) for path in results]))
    keys: dict[str, set[str]] = {}
    for result in admitted:
        scored = {row.key for row in result.rows if not row.problem}
        keys.setdefault(result.system["name"], set()).update(scored)
    shown = find_videos(Path(videos), keys, clips) if videos else None
    page = build_leaderboard(
        admitted,
        folder,
        shown,
        title,
        numbers=load_published() if published else (),
        plot=plot,
        refused=refused,
        true=true_videos(Path(reference), shown) if reference else None,
    )
    return Leaderboard(page, refused)


def true_videos(folder: Path, shown: "Videos | None") -> dict[str, Path]:
    """The true video of each clip that is shown of a system and that a browser plays.

    Args:
        folder: of the true videos.
        shown: system -> clip -> video.

    Raises:
        ValueError: without videos of systems, or if there is a true one of none of their clips.
        FileNotFoundError: if there is no such folder.
    """
    from evaluation.clips.files import videos_in
    from evaluation.pages.videos import SIGNATURES

    if not shown:
        raise ValueError("--reference shows the true clips beside those of --videos: give both")
    clips = {clip for videos in shown.values() for clip in videos}
    true = {clip: path for clip, path in videos_in(folder).items() if clip in clips}
    true = {clip: path for clip, path in true.items() if path.suffix.lower() in SIGNATURES}
    if not true:
        kinds = " or ".join(SIGNATURES)
        raise ValueError(f"{folder} holds no true video ({kinds}) of the clips that are shown: {min(clips)}")
    return true


def result_files(paths: list[Path]) -> list[Path]:
    """The files themselves, and every JSON file directly in the folders, sorted.

    Raises:
        FileNotFoundError: for a path that does not exist, or a folder without any.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside or not all(file.is_file() for file in inside):
            raise FileNotFoundError(f"{path}: no result files here; `moee evaluate` writes them")
        files += inside
    return files
