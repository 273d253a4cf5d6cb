"""What each metric can see: how near real video comes to itself, and which floors are told from it.

N row, K entry of sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evaluation.comparison.tables import tells
from evaluation.comparison.ties import cost_of
from evaluation.metrics import METRICS
from evaluation.metrics.sets.distances import SetMetric
from evaluation.metrics.sets.frechet import FrechetDistance
from evaluation.results.result import Result
from evaluation.results.set_features import by_person

Interval = tuple[float, float]
SPLITS = 20  # of the people into halves


@dataclass(frozen=True)
class Sensitivity:
    """What one metric sees.

    Args:
        name: of the metric.
        real: value of the real videos, compared with themselves.
        interval: of it; the value twice where there is none.
        halves: mean distance of one half of the real people to the other, and its range over splits; None
            for metrics that compare clip with clip.
        told_apart: floors it tells from the real videos, also those encoded again; see `tables.tells`.
        not_told_apart: floors it does not.
        nearest: the floor that comes nearest to the real videos, its value and interval; None without floors.
    """

    name: str
    real: float
    interval: Interval
    halves: tuple[float, Interval] | None
    told_apart: tuple[str, ...]
    not_told_apart: tuple[str, ...]
    nearest: tuple[str, float, Interval] | None

    @property
    def sees(self) -> bool:
        """Whether any floor is told from the real videos."""
        return bool(self.told_apart)


def sensitivities(results: Sequence[Result]) -> list[Sensitivity]:
    """One for each metric that real videos have a value of, of results that share a table.

    Raises:
        ValueError: without a ceiling among them.
    """
    ceilings = [result for result in results if result.system["role"] == "ceiling"]
    if not ceilings:
        raise ValueError("without real videos among the results nobody knows what a metric sees")
    real, floors = ceilings[0], [result for result in results if result.system["role"] == "floor"]
    names = [name for name, record in real.metrics.items() if record["value"] is not None]
    return [_sensitivity(name, ceilings, floors) for name in names]


def _sensitivity(name: str, ceilings: Sequence[Result], floors: Sequence[Result]) -> Sensitivity:
    real = ceilings[0]
    value, span = _measured(real, name)
    values = {
        floor.system["name"]: _measured(floor, name)
        for floor in floors
        if floor.metrics.get(name, {}).get("value") is not None
    }
    verdicts = {floor.system["name"]: tells(floor, ceilings, name) for floor in floors}
    best = cost_of(METRICS[name], value)
    near = min(
        values,
        key=lambda floor: abs(float(cost_of(METRICS[name], values[floor][0]) - best)),
        default=None,
    )
    return Sensitivity(
        name,
        value,
        span,
        real_halves(real, name),
        tuple(floor for floor, verdict in verdicts.items() if verdict),
        tuple(floor for floor, verdict in verdicts.items() if verdict is False),
        None if near is None else (near, *values[near]),
    )


def _measured(result: Result, name: str) -> tuple[float, Interval]:
    record = result.metrics[name]
    low, high = record["interval"] or [record["value"]] * 2
    return record["value"], (low, high)


def real_halves(
    real: Result, name: str, splits: int = SPLITS, seed: int = 0
) -> tuple[float, Interval] | None:
    """Distance of the real videos of one half of the people to those of the other half.

    What a perfect system would get from as many other people; with half the samples, so rather too far than
    too near. None for metrics that compare clip with clip, and for fewer than four people.

    Args:
        real: the real videos compared with themselves.
        name: of the metric.
        splits: random halves that are tried; the mean, and the central 95 % of them.
        seed: of the draws.
    """
    metric, rows = METRICS[name](), [row for row in real.rows if not row.problem]
    people = sorted({row.identity for row in rows})
    if not isinstance(metric, FrechetDistance | SetMetric) or len(people) < 4:
        return None
    rng, distances = np.random.default_rng(seed), []
    for _ in range(splits):
        first = set(rng.permutation(people)[: len(people) // 2])
        if isinstance(metric, FrechetDistance):
            mask_N = torch.tensor([row.identity in first for row in rows])
            value = _moment_halves(metric, real.large[name], mask_N)
        else:
            value = _set_halves(metric, real, [row.identity for row in rows], first)
        if value is not None and np.isfinite(value):
            distances.append(value)
    if not distances:
        return None
    low, high = np.quantile(distances, [0.025, 0.975])
    return float(np.mean(distances)), (float(low), float(high))


def _moment_halves(metric: FrechetDistance, sums_NK: Tensor, mask_N: Tensor) -> float:
    """Generated moments of one half against true ones of the other: both are of real video."""
    made_K, true_K = sums_NK[mask_N].sum(0)[: metric.half], sums_NK[~mask_N].sum(0)[metric.half :]
    return float(metric.finish(torch.cat([made_K, true_K])))


def _set_halves(metric: SetMetric, real: Result, names: Sequence[str], first: set[str]) -> float | None:
    """Generated features of the people in `first` against true ones of the others, each prepared alone."""
    made, true = by_person(real.features[metric.needs[0]], names)
    people = sorted(set(names))
    halves: tuple[list[Tensor], list[Tensor]] = [], []
    for person, sides in zip(people, zip(made, true, strict=True), strict=True):
        side = 0 if person in first else 1
        halves[side].append(metric.prepared(*sides)[side])
    try:
        return metric.value_of(*halves).item()
    except ValueError:  # too few samples for a distance
        return None
