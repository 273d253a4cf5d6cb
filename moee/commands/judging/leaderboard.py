"""`moee leaderboard`: results to one page with its downloads."""

import argparse
from pathlib import Path

from moee.console import say, warn
from moee.judging.leaderboard import CLIPS, TITLE

DESCRIPTION = """Results to a static page that opens from disk, with CSV, Markdown, LaTeX and JSON beside it.

Only results of the same protocol, data and extractors share a table; others stand apart with the reason. A
result that was changed, or that does not tell where it comes from, is refused, and the page says why.
"""
EXAMPLES = """\
examples:
  moee leaderboard results --out board
  moee leaderboard results --videos made --reference true --out board --title "MEAD, June"
  moee leaderboard results/ours.json results/theirs.json --plot emotion_accuracy --out board

With --videos, made/<system>/<clip>.mp4 are shown side by side, as `moee evaluate --keep-videos made` leaves
them, and so is what `moee foreign --out made/<any name>` made; with --reference the true clips beside them,
which `moee clips --synthetic N` writes of synthetic people.

A wide table shows a few columns first and all of them below. By default a distance between sets of pictures
is plotted against cost, not PSNR, which blur raises.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee leaderboard`."""
    parser.add_argument("results", nargs="+", type=Path, help="result files, or folders of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the page")
    parser.add_argument("--title", default=TITLE, help="(default: %(default)s)")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="a folder for each system with its clips")
    parser.add_argument(
        "--reference", type=Path, metavar="DIR", help="true videos, shown beside those of the systems"
    )
    parser.add_argument(
        "--clips", type=int, default=CLIPS, metavar="N", help="clips to show (default: %(default)s)"
    )
    parser.add_argument("--plot", default="", metavar="METRIC", help="what to plot against cost")
    parser.add_argument("--no-published", action="store_true", help="leave the numbers of papers out")


def run(args: argparse.Namespace) -> int:
    """`moee leaderboard`: prints the path of the page; 1 if a result was refused."""
    from moee.judging.leaderboard import make_leaderboard

    board = make_leaderboard(
        args.results,
        args.out,
        videos=args.videos,
        reference=args.reference,
        title=args.title,
        clips=args.clips,
        plot=args.plot,
        published=not args.no_published,
    )
    for refusal in board.refused:
        warn(f"moee: refused {refusal.source}: {refusal.reason}")
    say(f"open {board.page}")
    return 1 if board.refused else 0
