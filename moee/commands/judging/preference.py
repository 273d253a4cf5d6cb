"""`moee preference`: a blind study of pairs of videos, and the ranking of its answers."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moee.arguments import add_frame_rate_argument
from moee.console import say

if TYPE_CHECKING:
    from evaluation.preference.ranking import Standing

DESCRIPTION = """Ask people which of two videos they prefer, without telling whose they are; rank the systems.

`build` makes a page that works from disk and keeps its answers to itself; `rank` turns the files that raters
send back into Bradley-Terry strengths with intervals over raters.
"""
EXAMPLES = """\
examples:
  moee preference build out/ours out/theirs --out study
  moee preference rank answers-*.json --study study --out ranking.json

Videos are matched by name. Give raters the folder study/page alone: study/key.json says whose each video is.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee preference`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="make the page of a study", allow_abbrev=False)
    build.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="videos of one system each")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder for the study")
    build.add_argument("--question", help="what raters are asked")
    build.add_argument("--title", default="Which one?", help="of the page (default: %(default)s)")
    build.add_argument("--trials", type=int, default=0, metavar="N", help="pairs to ask for (default: all)")
    add_frame_rate_argument(build)
    build.add_argument("--seed", type=int, default=0, help="of order and sides (default: 0)")
    rank = actions.add_parser("rank", help="rank the systems by answers", allow_abbrev=False)
    rank.add_argument("answers", nargs="+", type=Path, metavar="ANSWERS", help="files that raters saved")
    rank.add_argument("--study", type=Path, required=True, metavar="DIR", help="the folder `build` made")
    rank.add_argument("--out", type=Path, metavar="FILE", help="the ranking as JSON")
    rank.add_argument("--resamples", type=int, default=2000, metavar="N", help="of raters (default: 2000)")
    rank.add_argument("--seed", type=int, default=0, help="of the resampling (default: 0)")


def run(args: argparse.Namespace) -> int:
    """`moee preference`: the path of the page, or the ranking."""
    return _build(args) if args.action == "build" else _rank(args)


def _build(args: argparse.Namespace) -> int:
    from moee.judging.preference import build_preference

    study = build_preference(
        args.folders,
        args.out,
        question=args.question,
        title=args.title,
        trials=args.trials,
        seed=args.seed,
        frame_rate=args.frame_rate,
    )
    for line in study.notes:
        say(line)
    say(f"open {study.page}; send raters the folder {study.page.parent}, keep {study.key}")
    return 0


def _rank(args: argparse.Namespace) -> int:
    from moee.files import check_no_input, check_writable, write_text
    from moee.judging.preference import rank_preference

    if args.out:
        check_no_input(args.out, [*args.answers, args.study / "key.json"])
        check_writable(args.out)
    ranking = rank_preference(args.answers, args.study, resamples=args.resamples, seed=args.seed)
    for line in ranking_lines(ranking.standings):
        say(line)
    say(f"{ranking.choices} choices of {ranking.raters} raters; ≈ cannot be told from the first")
    if args.out:
        write_text(args.out, json.dumps(ranking.record(), indent=1) + "\n")
    return 0


def ranking_lines(standings: "Sequence[Standing]") -> list[str]:
    """One line for each system: strength, interval, won, tied and lost choices."""
    width = max(len(standing.system) for standing in standings)
    lines = []
    for place, standing in enumerate(standings, 1):
        reach = f" [{standing.interval[0]:+.2f}, {standing.interval[1]:+.2f}]" if standing.interval else ""
        count = f"{standing.wins} won, {standing.ties} tied, {standing.losses} lost"
        mark = "≈" if standing.tied else " "
        lines.append(f"{place:>2} {mark} {standing.system:{width}}  {standing.strength:+.2f}{reach}  {count}")
    return lines
