"""Whether everything in a result that follows from its rows does.

N row, K entry of sums, V sample, D width.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from evaluation.metrics import METRICS
from evaluation.results.aggregates import Measurements
from evaluation.results.rows import Row, unmeasured
from evaluation.statistics.intervals import number

TOLERANCE = 1e-6  # relative; recomputing on another machine may round differently
RECOMPUTED = (
    *("value", "interval", "n", "n_failed", "by_seed", "between_seeds", "seed_spread", "details"),
    *("unit", "direction", "target"),
)


def check_claims(
    data: Mapping[str, Any], metrics: Mapping[str, Any], measured: Measurements, set_intervals: bool = True
) -> None:
    """Compare counts, values of rows, tensors and aggregates with the rows and features they rest on.

    Args:
        data: section `data` of a result.
        metrics: section `metrics` of it.
        measured: what both have to follow from.
        set_intervals: whether the intervals of distances of sets are computed again too.

    Raises:
        ValueError: naming what does not follow, what is claimed and what the rows give.
    """
    _check_counts(data, measured.rows)
    _check_tensors(measured)
    _check_rows(measured.rows)
    _check_unmeasured(data.get("unmeasured", {}), measured)
    _check_metrics(metrics, measured, set_intervals)


def _check_counts(data: Mapping[str, Any], rows: Sequence[Row]) -> None:
    counts = {
        "clips": len({row.key for row in rows}),
        "identities": len({row.identity for row in rows}),
        "frames": sum(row.frames for row in rows),
        "failed": sum(bool(row.problem) for row in rows),
    }
    for what, count in counts.items():
        if data[what] != count:
            raise ValueError(f"it claims {data[what]} {what}, its rows give {count}")
    if data["keys"] != sorted({row.key for row in rows}):
        raise ValueError("its list of clips is not that of its rows")
    if len({(row.key, row.seed) for row in rows}) < len(rows):
        raise ValueError("a clip stands there twice with one seed")


def _check_tensors(measured: Measurements) -> None:
    """Sums (N, K) and features (V, D) of the evaluated rows: as many, as wide, all of them numbers."""
    evaluated = [row for row in measured.rows if not row.problem]
    for name, sums_NK in measured.large.items():
        if name not in METRICS:
            raise ValueError(f"this version knows no metric {name!r}")
        wanted = (len(evaluated), METRICS[name]().sums.numel())
        if tuple(sums_NK.shape) != wanted or not torch.isfinite(sums_NK).all():
            raise ValueError(f"{name} needs finite sums {wanted}, found {tuple(sums_NK.shape)}")
        if METRICS[name].of_sets:
            _check_features(measured, name, METRICS[name].needs[0], len(evaluated))


def _check_features(measured: Measurements, name: str, field: str, count: int) -> None:
    clips = measured.features.get(field, [])
    if len(clips) != count:
        raise ValueError(f"{name} rests on {field} of {count} clips, found {len(clips)}")
    for row, (clip, counted) in enumerate(zip(clips, measured.large[name].tolist(), strict=True)):
        if [len(side) for side in clip] != counted:
            raise ValueError(f"{name}: clip {row} counts {counted} samples, found {[len(s) for s in clip]}")
        if any(side.ndim != 2 or not torch.isfinite(side).all() for side in clip):
            raise ValueError(f"{name}: the features of clip {row} are not finite numbers (V, D)")


def _check_rows(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.problem and (row.sums or row.values or row.frames):
            raise ValueError(f"{row.key}: it failed and yet has numbers")
        if row.values.keys() != row.sums.keys():
            odd = ", ".join(sorted(row.values.keys() ^ row.sums.keys()))
            raise ValueError(f"{row.key}: {odd} with a value or with sums alone")
        for name, sums in row.sums.items():
            value = number(METRICS[name]().finish(torch.tensor(sums, dtype=torch.float64)))
            if not alike(row.values[name], value):
                raise ValueError(f"{row.key}: {name} claims {row.values[name]}, its sums give {value}")


def _check_unmeasured(claimed: Mapping[str, Any], measured: Measurements) -> None:
    """Of metrics that no clip has, what is claimed counts; one that is not even claimed cannot be known."""
    names = claimed.keys() | {name for row in measured.rows for name in row.sums}
    lacking = unmeasured(measured.rows, names, measured.large)
    for name in sorted(claimed.keys() | lacking.keys()):
        if claimed.get(name) != lacking.get(name):
            claim = f"{name} claims {claimed.get(name, 'to be measured everywhere')}"
            raise ValueError(
                f"{claim}, its rows give {lacking.get(name, 'a measured metric')}: evaluate again"
            )


def _check_metrics(metrics: Mapping[str, Any], measured: Measurements, set_intervals: bool) -> None:
    recomputed = measured.records(set_intervals)
    if metrics.keys() != recomputed.keys():
        raise ValueError(f"no rows for {', '.join(sorted(metrics.keys() ^ recomputed.keys()))}")
    for name, record in recomputed.items():
        claimed = metrics[name]
        if claimed.get("version") != record["version"]:
            versions = f"version {claimed.get('version')}, this suite measures {record['version']}"
            raise ValueError(f"{name} is of {versions}: evaluate again")
        unknown_interval = METRICS[name].of_sets and not set_intervals
        for what in (what for what in RECOMPUTED if not (unknown_interval and what == "interval")):
            if not alike(claimed.get(what), record[what]):
                if what == "details":  # too long to be shown
                    raise ValueError(f"{name}: its details do not follow from its rows")
                raise ValueError(f"{name} claims {what} {claimed.get(what)}, its rows give {record[what]}")


def alike(claimed: Any, computed: Any) -> bool:
    """Whether two pieces of JSON are the same, numbers up to rounding."""
    if isinstance(computed, dict) and isinstance(claimed, dict):
        return claimed.keys() == computed.keys() and all(
            alike(claimed[key], computed[key]) for key in computed
        )
    if isinstance(computed, list | tuple) and isinstance(claimed, list | tuple):
        return len(claimed) == len(computed) and all(map(alike, claimed, computed))
    if isinstance(computed, float) and isinstance(claimed, int | float) and not isinstance(claimed, bool):
        return math.isclose(claimed, computed, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return claimed == computed
