"""Which systems cannot be told from the best one. N row, G identity, K entry of a row's sums."""

from collections.abc import Sequence

import torch
from torch import Tensor

from evaluation.metrics import METRICS, ClipMetric
from evaluation.result import Result
from evaluation.statistics import (
    bootstrap,
    group_sums,
    jackknife_error,
    normal_quantile,
    percentile_interval,
)

RULE = (
    "Two systems are compared on the clips that both have. Whole people are drawn again, the same for both "
    "({resamples} times; Fréchet distances leave out one person at a time), and a system counts as tied with "
    "the best one where the {level:g} % interval of their difference includes zero. Whether two single "
    "intervals overlap decides nothing. Nothing is corrected for the number of comparisons."
)


def rule(result: Result) -> str:
    """The rule in words, with the numbers of the result's protocol."""
    plan = result.protocol["statistics"]
    return RULE.format(resamples=plan["resamples"], level=100 * plan["level"])


def cost_of(kind: type[ClipMetric], value: Tensor) -> Tensor:
    """A number that is the lower the better the value is; floats work too."""
    if kind.higher_is_better is None:
        return abs(value - (kind.target or 0.0))
    return -value if kind.higher_is_better else value


def tied(systems: Sequence[Result], name: str) -> frozenset[str]:
    """Names of the systems that are not separated from the best of them under a metric, the best left out."""
    kind = METRICS[name]
    known = [s for s in systems if s.metrics.get(name, {}).get("value") is not None]
    if len(known) < 2:
        return frozenset()
    leader = min(known, key=lambda system: cost_of(kind, system.metrics[name]["value"]))
    others = [system for system in known if system is not leader]
    return frozenset(other.system["name"] for other in others if not _separated(leader, other, name))


def _separated(better: Result, worse: Result, name: str) -> bool:
    interval = difference_interval(better, worse, name)
    return interval is not None and interval[1] < 0


def difference_interval(first: Result, second: Result, name: str) -> tuple[float, float] | None:
    """Interval of cost(first) - cost(second) over the clips of both; None for fewer than two people.

    Drawing the same people for both makes it a paired comparison (Davison & Hinkley 1997, section 3.8).
    """
    kind, metric = METRICS[name], METRICS[name]()
    pair_G2K, people = _paired_sums(first, second, name)
    if len(people) < 2:
        return None

    def difference(sums: Tensor) -> Tensor:
        one, other = sums.tensor_split(2, dim=-1)
        return cost_of(kind, metric.finish(one)) - cost_of(kind, metric.finish(other))

    plan = first.protocol["statistics"]
    if metric.resampling == "jackknife":
        reach = normal_quantile(plan["level"]) * jackknife_error(pair_G2K, people, difference)
        middle = float(difference(pair_G2K.sum(0)))
        return None if reach != reach or middle != middle else (middle - reach, middle + reach)
    values = bootstrap(pair_G2K, people, difference, plan["resamples"], plan["seed"])
    return percentile_interval(values, plan["level"])


def _paired_sums(first: Result, second: Result, name: str) -> tuple[Tensor, list[str]]:
    """Sums (G, 2K) of each person, both systems side by side, and who they are."""
    sums, rows = zip(*(result.sums_of(name) for result in (first, second)), strict=True)
    person = {row.key: row.identity for row in rows[0]}
    shared = person.keys() & {row.key for row in rows[1]}
    people = sorted({person[key] for key in shared})
    if not people:
        return torch.zeros(0, 0), []
    totals = []
    for sums_NK, own in zip(sums, rows, strict=True):
        kept = torch.tensor([row.key in shared for row in own])
        totals.append(group_sums(sums_NK[kept].double(), [person[r.key] for r in own if r.key in shared]))
    return torch.cat(totals, dim=1), people
