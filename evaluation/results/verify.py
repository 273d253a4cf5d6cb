"""Whether everything in a result that follows from its rows does.

N row, K entry of sums, V sample, D width.
"""

import math
from typing import TYPE_CHECKING, Any

import torch

from evaluation.metrics import METRICS
from evaluation.results.rows import unmeasured
from evaluation.statistics.intervals import number

if TYPE_CHECKING:
    from evaluation.results.result import Result

TOLERANCE = 1e-6  # relative; recomputing on another machine may round differently
RECOMPUTED = (
    *("value", "interval", "n", "n_failed", "by_seed", "between_seeds", "seed_spread", "details"),
    *("unit", "direction", "target"),
)


def check_result(result: "Result", set_intervals: bool = True) -> None:
    """Compare counts, values of rows, tensors and aggregates with the rows and features they rest on.

    Args:
        result: to check.
        set_intervals: whether the intervals of distances of sets are computed again too, which takes many
            times as long as their values do. Only who does not use them may leave them be.

    Raises:
        ValueError: naming what does not follow, what is claimed and what is found.
    """
    digest = result.digest
    if result.checked == digest:  # what was read is not measured a second time on its way to a page
        return
    _check_counts(result)
    _check_tensors(result)
    _check_rows(result)
    _check_unmeasured(result)
    _check_metrics(result, set_intervals)
    if set_intervals:
        result.checked = digest


def _check_counts(result: "Result") -> None:
    found = {
        "clips": len({row.key for row in result.rows}),
        "identities": len({row.identity for row in result.rows}),
        "frames": sum(row.frames for row in result.rows),
        "failed": sum(bool(row.problem) for row in result.rows),
    }
    for what, count in found.items():
        if result.data[what] != count:
            raise ValueError(f"it claims {result.data[what]} {what}, its rows give {count}")
    if result.data["keys"] != sorted({row.key for row in result.rows}):
        raise ValueError("its list of clips is not that of its rows")
    if len({(row.key, row.seed) for row in result.rows}) < len(result.rows):
        raise ValueError("a clip stands there twice with one seed")


def _check_tensors(result: "Result") -> None:
    """Sums (N, K) and features (V, D) of the evaluated rows: as many, as wide, all of them numbers."""
    rows = [row for row in result.rows if not row.problem]
    for name, sums_NK in result.large.items():
        if name not in METRICS:
            raise ValueError(f"this version knows no metric {name!r}")
        wanted = (len(rows), METRICS[name]().sums.numel())
        if tuple(sums_NK.shape) != wanted or not torch.isfinite(sums_NK).all():
            raise ValueError(f"{name} needs finite sums {wanted}, found {tuple(sums_NK.shape)}")
        if METRICS[name].of_sets:
            _check_features(result, name, METRICS[name].needs[0], len(rows))


def _check_features(result: "Result", name: str, field: str, count: int) -> None:
    clips = result.features.get(field, [])
    if len(clips) != count:
        raise ValueError(f"{name} rests on {field} of {count} clips, found {len(clips)}")
    for row, (clip, counted) in enumerate(zip(clips, result.large[name].tolist(), strict=True)):
        if [len(side) for side in clip] != counted:
            raise ValueError(f"{name}: clip {row} counts {counted} samples, found {[len(s) for s in clip]}")
        if any(side.ndim != 2 or not torch.isfinite(side).all() for side in clip):
            raise ValueError(f"{name}: the features of clip {row} are not finite numbers (V, D)")


def _check_rows(result: "Result") -> None:
    for row in result.rows:
        if row.problem and (row.sums or row.values or row.frames):
            raise ValueError(f"{row.key}: it failed and yet has numbers")
        if row.values.keys() != row.sums.keys():
            odd = ", ".join(sorted(row.values.keys() ^ row.sums.keys()))
            raise ValueError(f"{row.key}: {odd} with a value or with sums alone")
        for name, sums in row.sums.items():
            found = number(METRICS[name]().finish(torch.tensor(sums, dtype=torch.float64)))
            if not alike(row.values[name], found):
                raise ValueError(f"{row.key}: {name} claims {row.values[name]}, its sums give {found}")


def _check_unmeasured(result: "Result") -> None:
    """Of metrics that no clip has, what is claimed counts; one that is not even claimed cannot be known."""
    claimed = result.data.get("unmeasured", {})
    names = claimed.keys() | {name for row in result.rows for name in row.sums}
    found = unmeasured(result.rows, names, result.large)
    for name in sorted(claimed.keys() | found.keys()):
        if claimed.get(name) != found.get(name):
            said = f"{name} claims {claimed.get(name, 'to be measured everywhere')}"
            raise ValueError(f"{said}, its rows give {found.get(name, 'a measured metric')}: evaluate again")


def _check_metrics(result: "Result", set_intervals: bool) -> None:
    recomputed = result.recomputed(set_intervals)
    if result.metrics.keys() != recomputed.keys():
        raise ValueError(f"no rows for {', '.join(sorted(result.metrics.keys() ^ recomputed.keys()))}")
    for name, found in recomputed.items():
        claimed = result.metrics[name]
        if claimed.get("version") != found["version"]:
            said = f"{name} is of version {claimed.get('version')}, this suite measures {found['version']}"
            raise ValueError(f"{said}: evaluate again")
        taken = METRICS[name].of_sets and not set_intervals
        for what in (what for what in RECOMPUTED if not (taken and what == "interval")):
            if not alike(claimed.get(what), found[what]):
                if what == "details":  # too long to be shown
                    raise ValueError(f"{name}: its details do not follow from its rows")
                said = f"{name} claims {what} {claimed.get(what)}, its rows give {found[what]}"
                raise ValueError(said)


def alike(claimed: Any, found: Any) -> bool:
    """Whether two pieces of JSON are the same, numbers up to rounding."""
    if isinstance(found, dict) and isinstance(claimed, dict):
        return claimed.keys() == found.keys() and all(alike(claimed[key], found[key]) for key in found)
    if isinstance(found, list | tuple) and isinstance(claimed, list | tuple):
        return len(claimed) == len(found) and all(map(alike, claimed, found))
    if isinstance(found, float) and isinstance(claimed, int | float) and not isinstance(claimed, bool):
        return math.isclose(claimed, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return claimed == found
