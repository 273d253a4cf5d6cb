"""`moee leaderboard`: results to one page, CSV and Markdown."""

import argparse
from pathlib import Path

from moee.console import say

DESCRIPTION = """Results to a page that opens from disk, with CSV and Markdown beside it.

Only results of the same protocol, data and extractors share a table; others stand apart with the reason.
"""
EXAMPLES = """\
examples:
  moee leaderboard results --out leaderboard
  moee leaderboard results/ours.json results/theirs.json --out leaderboard --title "MEAD, June"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee leaderboard`."""
    parser.add_argument("results", nargs="+", type=Path, help="result files, or folders of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the page")
    parser.add_argument("--title", default="Emotional talking heads", help="(default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """`moee leaderboard`: prints the path of the page."""
    from evaluation.leaderboard import build_leaderboard

    page = build_leaderboard(result_files(args.results), args.out, title=args.title)
    say(f"open {page}")
    return 0


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
