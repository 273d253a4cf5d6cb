"""`moee leaderboard`: results to one page with its downloads."""

import argparse
from pathlib import Path

from moee.console import say, warn

DESCRIPTION = """Results to a static page that opens from disk, with CSV, Markdown, LaTeX and JSON beside it.

Only results of the same protocol, data and extractors share a table; others stand apart with the reason. A
result that was changed, or that does not tell where it comes from, is refused, and the page says why.
"""
EXAMPLES = """\
examples:
  moee leaderboard results --out board
  moee leaderboard results --videos made --out board --title "MEAD, June"
  moee leaderboard results/ours.json results/theirs.json --plot emotion_accuracy --out board

With --videos, made/<system>/<clip>.mp4 are shown side by side, as `moee evaluate --keep-videos made` leaves
them, and so is what `moee foreign --out made/<any name>` made.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee leaderboard`."""
    parser.add_argument("results", nargs="+", type=Path, help="result files, or folders of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the page")
    parser.add_argument("--title", default="Emotional talking heads", help="(default: %(default)s)")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="a folder for each system with its clips")
    parser.add_argument(
        "--clips", type=int, default=6, metavar="N", help="clips to show (default: %(default)s)"
    )
    parser.add_argument("--plot", default="", metavar="METRIC", help="what to plot against cost")
    parser.add_argument("--no-published", action="store_true", help="leave the numbers of papers out")


def run(args: argparse.Namespace) -> int:
    """`moee leaderboard`: prints the path of the page; 1 if a result was refused."""
    from evaluation.leaderboard.admission import admit
    from evaluation.leaderboard.published_numbers import load_published
    from evaluation.leaderboard.site import build_leaderboard
    from evaluation.pages.videos import find_videos
    from moee.files import check_writable

    check_writable(args.out / "index.html")
    results, refused = admit(result_files(args.results))
    for refusal in refused:
        warn(f"moee: refused {refusal.source}: {refusal.reason}")
    keys: dict[str, set[str]] = {}
    for result in results:
        keys.setdefault(result.system["name"], set()).update(
            row.key for row in result.rows if not row.problem
        )
    page = build_leaderboard(
        results,
        args.out,
        find_videos(args.videos, keys, args.clips) if args.videos else None,
        args.title,
        numbers=() if args.no_published else load_published(),
        plot=args.plot,
        refused=refused,
    )
    say(f"open {page}")
    return 1 if refused else 0


def result_files(paths: list[Path]) -> list[Path]:
    """The files themselves, and every JSON file directly in the folders, sorted.

    Raises:
        FileNotFoundError: for a path that does not exist, or a folder without any.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside or not all(file.is_file() for file in inside):
            raise FileNotFoundError(f"{path}: no result files here; `moee evaluate` writes them")
        found += inside
    return found
