"""Results against each other on the same clips and seeds: who wins, by how much, how surely.

A system is judged by its value on all clips of a person, one person one vote.

K entry of sums, N row, G person.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evaluation.metrics import METRICS, ClipMetric
from evaluation.results.result import Result
from evaluation.statistics.intervals import (
    cluster_interval,
    group_sums,
    jackknife_error,
    normal_quantile,
    number,
    sign_flip_test,
)
from evaluation.statistics.paired import Effect, effect, holm, smallest_p

LEVEL = 0.05  # of the whole family of tests


@dataclass(frozen=True)
class Comparison:
    """One metric of two systems on the clips both have.

    Args:
        metric: its name.
        first, second: names of the systems.
        first_value, second_value: over the shared clips.
        difference: first less second, in the metric's unit.
        interval: of the difference, by identity; None where there is none.
        interval_method: BCa bootstrap, or jackknife where a bootstrap would be biased.
        p: of the paired sign-flip test over people.
        p_holm: adjusted for all tests of the call.
        effect: of how much better the first is for each person, by the metric's direction.
        clips: rows shared, clip and seed.
        better: name of the system that wins at 5 % of the whole family, both by people and by the value over
            all clips; empty where none does.
        torn: whether these two point opposite ways, as they may for pooled measures and those with a target.
    """

    metric: str
    first: str
    second: str
    first_value: float
    second_value: float
    difference: float
    interval: tuple[float, float] | None
    interval_method: str
    p: float
    p_holm: float
    effect: Effect
    clips: int
    better: str
    torn: bool

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "unit": METRICS[self.metric].unit, "title": METRICS[self.metric].title}


def read_comparable(paths: Sequence[Path]) -> list[Result]:
    """Results that may be compared.

    Raises:
        ValueError: naming every file that is missing, broken or was changed, and everything in which a file
            differs from the first.
    """
    results: list[Result] = []
    problems: list[str] = []
    for path in paths:
        try:
            results.append(Result.read(Path(path), set_intervals=False))  # pairs have their own
        except (ValueError, OSError) as error:
            problems.append(str(error))
            continue
        problems += differences(results[0], results[-1], str(path))
    if problems:
        raise ValueError("not comparable: " + "; ".join(problems))
    return results


def differences(first: Result, other: Result, name: str) -> list[str]:
    """A line for each thing in which a result must agree with the first and does not."""
    return [
        f"{name}: {what} differs ({first.comparable[what]} in the first, {mark} here)"
        for what, mark in other.comparable.items()
        if first.comparable[what] != mark
    ]


def compare(
    results: Sequence[Result], names: Sequence[str] | None = None, metrics: Sequence[str] | None = None
) -> list[Comparison]:
    """The first result against each of the others, metric by metric; Holm's correction over all of it.

    Args:
        results: two or more of one protocol, data and extractors.
        names: of the systems; their own where not given.
        metrics: the family of tests, decided before looking; all that both have where not given.

    Raises:
        ValueError: for fewer than two results, results that differ in what they must share, a metric they do
            not have, or without a clip and seed in common or a value on both sides.
    """
    if len(results) < 2:
        raise ValueError("a comparison needs at least two results")
    names = list(names or [result.system["name"] for result in results])
    problems = _refusals(results, names, metrics or ())
    if problems:
        raise ValueError("not comparable: " + "; ".join(problems))
    pairs = [
        pair
        for result, name in zip(results[1:], names[1:], strict=True)
        for metric in metrics or METRICS
        if (pair := _one_metric(METRICS[metric](), results[0], result, names[0], name))
    ]
    if not pairs:
        raise ValueError("no metric has a value on both sides")
    adjusted = holm([pair.p for pair in pairs])
    return [_judged(pair, p) for pair, p in zip(pairs, adjusted, strict=True)]


def _refusals(results: Sequence[Result], names: Sequence[str], metrics: Sequence[str]) -> list[str]:
    """Why results cannot be compared, a line each."""
    sets = [metric for metric in metrics if metric in METRICS and METRICS[metric].of_sets]
    lines = [
        f"{metric} is a distance of sets and has no value for a person: look at intervals" for metric in sets
    ]
    for result, name in zip(results, names, strict=True):
        lines += differences(results[0], result, name)
        lines += [f"{name} has no metric {metric!r}" for metric in metrics if metric not in result.metrics]
        if len(_keys(result)) < sum(not row.problem for row in result.rows):
            lines.append(f"{name} has a clip twice with one seed")
        if not _keys(results[0]) & _keys(result):
            lines.append(f"{name} has no evaluated clip and seed in common with {names[0]}")
    return lines


def _keys(result: Result) -> set[tuple[str, int]]:
    return {(row.key, row.seed) for row in result.rows if not row.problem}


def paired_sums(first: Result, second: Result, metric: ClipMetric) -> tuple[Tensor, Tensor, list[str]]:
    """Sums (N, K) of both and the identity of each row, over the clips and seeds both have a value for."""
    sides = []
    for result in (first, second):
        sums_NK, rows = result.sums_of(metric.name)
        known = (sums_NK != 0).any(-1).tolist()
        sides.append({(row.key, row.seed): i for i, row in enumerate(rows) if known[i]})
    shared = sorted(sides[0].keys() & sides[1].keys())
    stacked = [
        result.sums_of(metric.name)[0][[side[place] for place in shared]].double()
        for result, side in zip((first, second), sides, strict=True)
    ]
    people = {(row.key, row.seed): row.identity for row in first.rows}
    return stacked[0], stacked[1], [people[place] for place in shared]


def goodness(values: Tensor, kind: type[ClipMetric]) -> Tensor:
    """Values (...) turned so that more is better: by direction, or minus the distance to the target."""
    if kind.higher_is_better is None:
        return -(values - (kind.target or 0.0)).abs()
    return values if kind.higher_is_better else -values


def _one_metric(metric: ClipMetric, first: Result, second: Result, *names: str) -> Comparison | None:
    """None where no person has a value on both sides."""
    a_NK, b_NK, people = paired_sums(first, second, metric)
    if not people:
        return None
    a_G, b_G = (metric.finish(group_sums(x, people)) for x in (a_NK, b_NK))
    kind = type(metric)
    advantage_G = (goodness(a_G, kind) - goodness(b_G, kind)).numpy()
    advantage_G = advantage_G[np.isfinite(advantage_G)]
    values = [number(metric.finish(x.sum(0))) for x in (a_NK, b_NK)]
    if not len(advantage_G) or values[0] is None or values[1] is None:
        return None
    plan = first.protocol["statistics"]
    interval, method = _difference_interval(metric, torch.cat([a_NK, b_NK], 1), people, plan)
    return Comparison(
        metric=metric.name,
        first=names[0],
        second=names[1],
        first_value=values[0],
        second_value=values[1],
        difference=values[0] - values[1],
        interval=interval,
        interval_method=method,
        p=sign_flip_test(advantage_G, seed=int(plan["seed"])),
        p_holm=math.nan,
        effect=effect(advantage_G, int(plan["resamples"]), int(plan["seed"]), float(plan["level"])),
        clips=len(people),
        better="",
        torn=_torn(values[0], values[1], float(advantage_G.mean()), kind),
    )


def _torn(first: float, second: float, advantage: float, kind: type[ClipMetric]) -> bool:
    overall = goodness(torch.tensor([first, second], dtype=torch.float64), kind)
    return float(overall[0] - overall[1]) * advantage < 0


def _difference_interval(
    metric: ClipMetric, both_NK: Tensor, people: list[str], plan: dict
) -> tuple[tuple[float, float] | None, str]:
    """Interval of the difference of the aggregates, both systems drawn together, and how it was found."""
    half = both_NK.shape[1] // 2

    def difference(sums: Tensor) -> Tensor:
        return metric.finish(sums[..., :half]) - metric.finish(sums[..., half:])

    if metric.resampling != "jackknife":
        draws = plan["resamples"], plan["seed"], plan["level"]
        return cluster_interval(both_NK, people, difference, *draws), "BCa bootstrap"
    if len(set(people)) < 2:
        return None, "jackknife"
    value = float(difference(both_NK.sum(0)))
    reach = normal_quantile(plan["level"]) * jackknife_error(both_NK, people, difference)
    return ((value - reach, value + reach) if math.isfinite(reach) else None), "jackknife"


def _judged(pair: Comparison, p_holm: float) -> Comparison:
    winner = pair.first if pair.effect.mean > 0 else pair.second
    return replace(pair, p_holm=p_holm, better=winner if p_holm <= LEVEL and not pair.torn else "")


def cautions(pairs: Sequence[Comparison], first: Result, others: Sequence[Result]) -> list[str]:
    """What a reader has to know before believing the table: too few people, clips left out."""
    lines = []
    people = max((pair.effect.groups for pair in pairs), default=0)
    if pairs and smallest_p(people) * len(pairs) > LEVEL:
        lines.append(
            f"{people} people and {len(pairs)} tests: no difference could reach {LEVEL:g} after correction"
        )
    torn = sorted({pair.metric for pair in pairs if pair.torn and pair.p_holm <= LEVEL})
    if torn:
        lines.append(
            f"no winner though p is small, people and the value over all clips disagree: {', '.join(torn)}"
        )
    for other in others:
        apart = _keys(first) ^ _keys(other)
        if apart:
            lines.append(f"{len(apart)} clips and seeds are evaluated in one result only and were left out")
    return lines
