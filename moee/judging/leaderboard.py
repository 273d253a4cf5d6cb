"""Results to one page with its downloads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.leaderboard.admission import Refusal

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
        title: of the page.
        clips: how many are shown.
        plot: a metric to plot against cost.
        published: whether the numbers of papers stand there too, in a section of their own.

    Raises:
        FileNotFoundError: for a path without result files.
        OSError: if the page cannot be written.
    """
    from evaluation.leaderboard.admission import admit
    from evaluation.leaderboard.published_numbers import load_published
    from evaluation.leaderboard.site import build_leaderboard
    from evaluation.pages.videos import find_videos
    from moee.files import check_writable

    folder = Path(out)
    check_writable(folder / "index.html")
    admitted, refused = admit(result_files([Path(path) for path in results]))
    keys: dict[str, set[str]] = {}
    for result in admitted:
        scored = {row.key for row in result.rows if not row.problem}
        keys.setdefault(result.system["name"], set()).update(scored)
    page = build_leaderboard(
        admitted,
        folder,
        find_videos(Path(videos), keys, clips) if videos else None,
        title,
        numbers=load_published() if published else (),
        plot=plot,
        refused=refused,
    )
    return Leaderboard(page, refused)


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
