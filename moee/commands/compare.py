"""`moee compare`: one result against others on the same clips, tested in pairs."""

import argparse
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import say

if TYPE_CHECKING:
    from evaluation.comparison.compare import Comparison
    from evaluation.results.result import Result

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
COLUMNS = (
    *("metric", "first", "second", "first_value", "second_value"),
    *("difference", "low", "high", "interval_method"),
    *("unit", "direction", "p", "p_holm", "d_z", "d_z_low", "d_z_high", "win_rate", "win_low", "win_high"),
    *("people", "clips", "better", "torn"),
)


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
    from evaluation.comparison.compare import cautions, compare, read_comparable
    from moee.files import check_writable, write_text

    for path in (args.out, args.csv):
        if path:
            check_writable(path)
    if len(args.results) < 2:
        raise ValueError("moee compare needs two results or more, one was given")
    results = read_comparable(args.results)
    names = system_names(results, args.results)
    pairs = compare(results, names, wanted_metrics(args.metrics))
    notes = cautions(pairs, results[0], results[1:])
    for line in [*table(pairs), *notes]:
        say(line)
    if args.out:
        write_text(args.out, json.dumps(record(results, names, pairs, notes), indent=1, allow_nan=False))
    if args.csv:
        write_text(args.csv, as_csv(pairs))
    return 0


def wanted_metrics(text: str | None) -> list[str] | None:
    """Names separated by commas; None for all.

    Raises:
        ValueError: for a name that no metric has.
    """
    from evaluation.metrics import METRICS
    from moee.config_errors import unknown_name

    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in METRICS:
            raise ValueError(unknown_name(f"--metrics {name}", name, METRICS))
    return list(dict.fromkeys(names)) or None


def system_names(results: "Sequence[Result]", paths: Sequence[Path]) -> list[str]:
    """Names of the systems; where two are the same, with their file's name."""
    names = [str(result.system["name"]) for result in results]
    return [
        f"{name} ({path.stem})" if names.count(name) > 1 else name
        for name, path in zip(names, paths, strict=True)
    ]


def table(pairs: "Sequence[Comparison]") -> list[str]:
    """Lines of the printed table, one block for each pair of systems."""
    lines: list[str] = []
    for first, second in dict.fromkeys((pair.first, pair.second) for pair in pairs):
        mine = [pair for pair in pairs if (pair.first, pair.second) == (first, second)]
        lines += [
            *([""] if lines else []),
            f"{first} (first) against {second} (second), {mine[0].effect.groups} people",
        ]
        heads = ("", "first", "second", "difference", "d_z", "wins", "p", "Holm p", "better")
        lines.append(_line(heads))
        lines += [_line(_cells(pair)) for pair in mine]
        won = [sum(pair.better == name for pair in mine) for name in (first, second)]
        lines.append(
            f"of {len(mine)} metrics the first wins {won[0]}, the second {won[1]}; the others are open"
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


def record(
    results: "Sequence[Result]", names: Sequence[str], pairs: "Sequence[Comparison]", notes: Sequence[str]
) -> dict[str, object]:
    """What `--out` holds: the systems with their result's sha256, what they share, and every test."""
    return {
        "systems": [
            {"name": name, "result_sha256": r.digest} for name, r in zip(names, results, strict=True)
        ],
        "shared": results[0].comparable,
        "test": "exact sign flips over people up to 16, drawn beyond; Holm over all tests here",
        "notes": list(notes),
        "comparisons": [pair.record() for pair in pairs],
    }


def as_csv(pairs: "Sequence[Comparison]") -> str:
    """One line a test, with the columns of `COLUMNS`."""
    from evaluation.metrics import METRICS
    from evaluation.results.aggregates import direction

    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for pair in pairs:
        row = {name: value for name, value in vars(pair).items() if name in COLUMNS}
        effect = pair.effect
        spans = {"": pair.interval, "d_z_": effect.d_z_interval, "win_": effect.win_interval}
        for start, interval in spans.items():
            row[f"{start}low"], row[f"{start}high"] = interval or ("", "")
        kind = METRICS[pair.metric]
        row |= {"unit": kind.unit, "direction": direction(kind), "people": effect.groups}
        writer.writerow(row | {"d_z": effect.d_z, "win_rate": effect.win_rate})
    return stream.getvalue()
