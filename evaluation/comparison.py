"""Results against each other on the same clips and seeds: who wins, by how much, how surely.

A system is judged by its value on all clips of a person, one person one vote. K entry of sums, N row, G person.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evaluation.metrics import METRICS, ClipMetric
from evaluation.paired import Effect, effect, holm, smallest_p
from evaluation.result import Result, number
from evaluation.statistics import (
    bca_interval,
    bootstrap,
    group_sums,
    jackknife_error,
    jackknife_values,
    normal_quantile,
    sign_flip_test,
)

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
        better: name of the system that wins at 5 % of the whole family; empty where none does.
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

    def record(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self) | {"unit": METRICS[self.metric].unit, "title": METRICS[self.metric].title}


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
            results.append(Result.read(Path(path)))
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


def compare(results: Sequence[Result], names: Sequence[str] | None = None) -> list[Comparison]:
    """The first result against each of the others, metric by metric; Holm's correction over all of it.

    Args:
        results: two or more of one protocol, data and extractors.
        names: of the systems; their own where not given.

    Raises:
        ValueError: for fewer than two results, results that differ in what they must share, or without a clip
            and seed in common.
    """
    if len(results) < 2:
        raise ValueError("a comparison needs at least two results")
    names = list(names or [result.system["name"] for result in results])
    found: list[Comparison] = []
    for result, name in zip(results[1:], names[1:], strict=True):
        problems = differences(results[0], result, name)
        if problems:
            raise ValueError("not comparable: " + "; ".join(problems))
        found += [pair for pair in _all_metrics(results[0], result, names[0], name) if pair]
    adjusted = holm([pair.p for pair in found])
    return [_judged(pair, p) for pair, p in zip(found, adjusted, strict=True)]


def _all_metrics(first: Result, second: Result, *names: str) -> list[Comparison | None]:
    if not _keys(first.rows) & _keys(second.rows):
        raise ValueError(f"{names[0]} and {names[1]} have no evaluated clip and seed in common")
    shared = [name for name in METRICS if name in first.metrics and name in second.metrics]
    return [_one_metric(METRICS[name](), first, second, *names) for name in shared]


def _keys(rows: Sequence) -> set[tuple[str, int]]:
    return {(row.key, row.seed) for row in rows if not row.problem}


def paired_sums(first: Result, second: Result, metric: ClipMetric) -> tuple[Tensor, Tensor, list[str]]:
    """Sums (N, K) of both and the identity of each row, over the clips and seeds both have a value for."""
    sides = [
        {
            (row.key, row.seed): (sums, row.identity)
            for sums, row in zip(*result.sums_of(metric.name), strict=True)
        }
        for result in (first, second)
    ]
    shared = [
        place
        for place in sorted(sides[0].keys() & sides[1].keys())
        if all(bool((side[place][0] != 0).any()) for side in sides)
    ]
    width = metric.sums.shape[0]
    stacked = [
        torch.stack([side[place][0] for place in shared]) if shared else torch.zeros(0, width)
        for side in sides
    ]
    return stacked[0].double(), stacked[1].double(), [sides[0][place][1] for place in shared]


def goodness(values: Tensor, kind: type[ClipMetric]) -> Tensor:
    """Values (...) turned so that more is better: signed by direction, or minus the distance to the target."""
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
    )


def _difference_interval(
    metric: ClipMetric, both_NK: Tensor, people: list[str], plan: dict
) -> tuple[tuple[float, float] | None, str]:
    """Interval of the difference of the aggregates, both systems drawn together."""
    half = both_NK.shape[1] // 2

    def difference(sums: Tensor) -> Tensor:
        return metric.finish(sums[..., :half]) - metric.finish(sums[..., half:])

    method = "jackknife" if metric.resampling == "jackknife" else "BCa bootstrap"
    if len(set(people)) < 2:
        return None, method
    value = float(difference(both_NK.sum(0)))
    if metric.resampling == "jackknife":
        reach = normal_quantile(plan["level"]) * jackknife_error(both_NK, people, difference)
        return ((value - reach, value + reach) if math.isfinite(reach) else None), method
    values_B = bootstrap(both_NK, people, difference, plan["resamples"], plan["seed"])
    left_out_G = jackknife_values(both_NK, people, difference)
    return bca_interval(values_B, value, left_out_G, plan["level"]), method


def _judged(pair: Comparison, p_holm: float) -> Comparison:
    winner = ""
    if p_holm <= LEVEL and pair.effect.mean:
        winner = pair.first if pair.effect.mean > 0 else pair.second
    return Comparison(**{**pair.__dict__, "p_holm": p_holm, "better": winner})


def cautions(pairs: Sequence[Comparison], first: Result, others: Sequence[Result]) -> list[str]:
    """What a reader has to know before believing the table: too few people, clips left out."""
    lines = []
    people = max((pair.effect.groups for pair in pairs), default=0)
    if pairs and smallest_p(people) * len(pairs) > LEVEL:
        lines.append(
            f"{people} people and {len(pairs)} tests: no difference could reach {LEVEL:g} after correction"
        )
    for other in others:
        apart = _keys(first.rows) ^ _keys(other.rows)
        if apart:
            lines.append(f"{len(apart)} clips and seeds are evaluated in one result only and were left out")
    return lines
