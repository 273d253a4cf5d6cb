"""`moee compare`: one result against others on the same clips, tested in pairs."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import say

if TYPE_CHECKING:
    from evaluation.comparison.compare import Comparison

DESCRIPTION = """The first result against each of the others, on the clips and seeds both have.

Each person has one vote: sign-flip tests over people, Holm's correction over all tests of the call, effect
sizes and win rates with 95 % intervals. Results of another protocol, other data or other networks are refused
with every reason, and so is a file that was changed after it was written.
"""
EXAMPLES = """\
examples:
  moee compare results/ours.json results/theirs.json
  moee compare results/ours.json results/a.json results/b.json --metrics au_correlation,lip_correlation
  moee compare results/ours.json results/theirs.json --out comparison.json --csv comparison.csv

Name with --metrics what you want to test before you look: the more tests, the larger each corrected p.
d_z is the mean advantage of the first over its deviation between people; wins is the share of people it
wins, ties half.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee compare`."""
    parser.add_argument(
        "results", nargs="+", type=Path, help="result files, two or more; the first is compared"
    )
    parser.add_argument(
        "--metrics", metavar="NAMES", help="which to test, separated by commas (default: all)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="everything that was found, JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="the table with all its columns")


def run(args: argparse.Namespace) -> int:
    """`moee compare`: prints the table and writes what was asked for."""
    from moee.files import check_no_input, check_writable, write_text
    from moee.judging.compare import compare

    for path, others in ((args.out, [*args.results, args.csv]), (args.csv, args.results)):
        if path:
            check_no_input(path, others)
            check_writable(path)
    metrics = [name.strip() for name in (args.metrics or "").split(",") if name.strip()]
    comparison = compare(args.results, metrics)
    for line in [*table(comparison.tests), *comparison.notes]:
        say(line)
    if args.out:
        write_text(args.out, json.dumps(comparison.record(), indent=1, allow_nan=False))
    if args.csv:
        write_text(args.csv, comparison.as_csv())
    return 0


def table(pairs: "Sequence[Comparison]") -> list[str]:
    """Lines of the printed table, one block for each pair of systems."""
    lines: list[str] = []
    for first, second in dict.fromkeys((pair.first, pair.second) for pair in pairs):
        block = [pair for pair in pairs if (pair.first, pair.second) == (first, second)]
        lines += [
            *([""] if lines else []),
            f"{first} (first) against {second} (second), {block[0].effect.groups} people",
        ]
        heads = ("", "first", "second", "difference", "d_z", "wins", "p", "Holm p", "better")
        lines.append(_line(heads))
        lines += [_line(_cells(pair)) for pair in block]
        won = [sum(pair.better == name for pair in block) for name in (first, second)]
        lines.append(
            f"of {len(block)} metrics the first wins {won[0]}, the second {won[1]}; the others are open"
        )
    return lines


def _line(cells: Sequence[str]) -> str:
    widths = (20, 8, 8, 26, 24, 7, 9, 9)
    right = "".join(f"{cell:>{width}}" for cell, width in zip(cells[1:-1], widths[1:], strict=True))
    return f"{cells[0]:{widths[0]}}{right}  {cells[-1]}".rstrip()


def _cells(pair: "Comparison") -> list[str]:
    from evaluation.comparison.tables import arrow, text_of

    def span(value: float | None, interval: tuple[float, float] | None) -> str:
        return text_of(value) + (f" [{text_of(interval[0])}, {text_of(interval[1])}]" if interval else "")

    better = {"": "", pair.first: "first", pair.second: "second"}[pair.better]
    return [
        f"{pair.metric} {arrow(pair.metric)}",
        *(text_of(pair.first_value), text_of(pair.second_value), span(pair.difference, pair.interval)),
        span(pair.effect.d_z, pair.effect.d_z_interval),
        f"{pair.effect.win_rate:.2f}",
        *(f"{p:.3f}" if p >= 0.0005 else f"{p:.0e}" for p in (pair.p, pair.p_holm)),
        better,
    ]
