"""One result against others on the same clips, tested in pairs."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.comparison.compare import Comparison
    from evaluation.results.result import Result

COLUMNS = (
    *("metric", "first", "second", "first_value", "second_value"),
    *("difference", "low", "high", "interval_method"),
    *("unit", "direction", "p", "p_holm", "d_z", "d_z_low", "d_z_high", "win_rate", "win_low", "win_high"),
    *("people", "clips", "better", "torn"),
)


@dataclass(frozen=True)
class ResultComparison:
    """The first of several results against each of the others.

    Args:
        results: as given.
        names: of their systems, made different where two are the same.
        tests: one for each metric and other result.
        notes: lines on what a reader should know of the tests.
    """

    results: "Sequence[Result]"
    names: Sequence[str]
    tests: "Sequence[Comparison]"
    notes: Sequence[str]

    def record(self) -> dict[str, object]:
        """As plain data for JSON: the systems with their result's sha256, what they share, and every test."""
        return {
            "systems": [
                {"name": name, "result_sha256": result.digest}
                for name, result in zip(self.names, self.results, strict=True)
            ],
            "shared": self.results[0].comparable,
            "test": "exact sign flips over people up to 16, drawn beyond; Holm over all tests here",
            "notes": list(self.notes),
            "comparisons": [test.record() for test in self.tests],
        }

    def as_csv(self) -> str:
        """One line a test, with the columns of `COLUMNS`."""
        stream = io.StringIO()
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(map(_row, self.tests))
        return stream.getvalue()


def compare(results: Sequence[str | Path], metrics: Sequence[str] | None = None) -> ResultComparison:
    """Test the first result against each of the others, on the clips and seeds both have.

    Args:
        results: result files, two or more.
        metrics: which to test; None or none is all.

    Raises:
        ValueError: for fewer than two results, an unknown metric, or results that may not share a table, with
            every reason.
        OSError: if a file cannot be read.
    """
    from evaluation.comparison.compare import cautions, read_comparable
    from evaluation.comparison.compare import compare as compare_results

    paths = [Path(path) for path in results]
    if len(paths) < 2:
        raise ValueError(f"moee compare needs two results or more, {'one' if paths else 'none'} was given")
    read = read_comparable(paths)
    names = system_names(read, paths)
    tests = compare_results(read, names, known_metrics(metrics))
    return ResultComparison(read, names, tests, cautions(tests, read[0], read[1:]))


def known_metrics(names: Sequence[str] | None) -> list[str] | None:
    """The names, each once; None for all.

    Raises:
        ValueError: for a name that no metric has.
    """
    from evaluation.metrics import METRICS
    from moee.config_errors import unknown_name

    for name in names or ():
        if name not in METRICS:
            raise ValueError(unknown_name(f"--metrics {name}", name, METRICS))
    return list(dict.fromkeys(names or ())) or None


def system_names(results: "Sequence[Result]", paths: Sequence[Path]) -> list[str]:
    """Names of the systems; where two are the same, with their file's name."""
    names = [str(result.system["name"]) for result in results]
    return [
        f"{name} ({path.stem})" if names.count(name) > 1 else name
        for name, path in zip(names, paths, strict=True)
    ]


def _row(test: "Comparison") -> dict[str, object]:
    """A line of the CSV."""
    from evaluation.metrics import METRICS
    from evaluation.results.aggregates import direction

    row = {name: value for name, value in vars(test).items() if name in COLUMNS}
    effect = test.effect
    spans = {"": test.interval, "d_z_": effect.d_z_interval, "win_": effect.win_interval}
    for start, interval in spans.items():
        row[f"{start}low"], row[f"{start}high"] = interval or ("", "")
    kind = METRICS[test.metric]
    row |= {"unit": kind.unit, "direction": direction(kind), "people": effect.groups}
    return row | {"d_z": effect.d_z, "win_rate": effect.win_rate}
