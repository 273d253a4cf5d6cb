"""Which systems cannot be told from the best one. N row, G identity, K entry of a row's sums."""

from collections.abc import Sequence

import torch
from torch import Tensor

from evaluation.comparison.compare import goodness, paired_sums
from evaluation.metrics import METRICS, ClipMetric
from evaluation.results.result import Result
from evaluation.statistics.intervals import cluster_interval, jackknife_error, normal_quantile, number

RULE = (
    "Two systems are compared on the clips and seeds that both have. Whole people are drawn again, the same "
    "for both ({resamples} times; Fréchet distances leave out one person at a time), and a system counts as "
    "tied with the best one where the {level:g} % interval of their difference includes zero. Only distances "
    "of published networks' features (FID, KID, FVD) are tied where their own two intervals overlap. Nothing "
    "is corrected for the number of comparisons: moee compare does that."
)


def rule(result: Result) -> str:
    """The rule in words, with the numbers of the result's protocol."""
    plan = result.protocol["statistics"]
    return RULE.format(resamples=plan["resamples"], level=100 * plan["level"])


def cost_of(kind: type[ClipMetric], value: Tensor | float) -> Tensor:
    """A number that is the lower the better the value is."""
    return -goodness(torch.as_tensor(value, dtype=torch.float64), kind)


def tied(systems: Sequence[Result], name: str) -> frozenset[str]:
    """Names of the systems that are not separated from the best of them under a metric, the best left out."""
    kind = METRICS[name]
    known = [s for s in systems if s.metrics.get(name, {}).get("value") is not None]
    if len(known) < 2:
        return frozenset()
    leader = min(known, key=lambda system: float(cost_of(kind, system.metrics[name]["value"])))
    others = [system for system in known if system is not leader]
    return frozenset(other.system["name"] for other in others if not _separated(leader, other, name))


def _separated(better: Result, worse: Result, name: str) -> bool:
    if METRICS[name].of_sets:  # their rows are no sums that could be drawn for both
        spans = [result.metrics[name]["interval"] for result in (better, worse)]
        return all(spans) and (spans[0][1] < spans[1][0] or spans[1][1] < spans[0][0])
    interval = difference_interval(better, worse, name)
    return interval is not None and interval[1] < 0


def difference_interval(first: Result, second: Result, name: str) -> tuple[float, float] | None:
    """Interval of cost(first) - cost(second) over the rows of both; None for fewer than two people.

    Drawing the same people for both makes it a paired comparison (Davison & Hinkley 1997, section 3.8).
    """
    kind, metric = METRICS[name], METRICS[name]()
    one_NK, other_NK, people = paired_sums(first, second, metric)
    if len(set(people)) < 2:
        return None
    both_NK = torch.cat([one_NK, other_NK], dim=1)

    def difference(sums: Tensor) -> Tensor:
        one, other = sums.tensor_split(2, dim=-1)
        return cost_of(kind, metric.finish(one)) - cost_of(kind, metric.finish(other))

    plan = first.protocol["statistics"]
    if metric.resampling != "jackknife":
        draws = plan["resamples"], plan["seed"], plan["level"]
        return cluster_interval(both_NK, people, difference, *draws)
    error = number(torch.tensor(jackknife_error(both_NK, people, difference)))
    middle = number(difference(both_NK.sum(0)))
    if error is None or middle is None:
        return None
    reach = normal_quantile(plan["level"]) * error
    return middle - reach, middle + reach
