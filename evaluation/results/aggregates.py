"""What follows from the rows of a result: value, interval and spread over seeds of every metric.

N row, K entry of sums.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from evaluation.metrics import METRICS, ClipMetric
from evaluation.metrics.sets.distances import SetMetric
from evaluation.results.notes import note_of
from evaluation.results.rows import Row
from evaluation.results.set_features import Features, by_person
from evaluation.runtime.devices import CPU
from evaluation.statistics.intervals import (
    bootstrap,
    cluster_interval,
    jackknife_error,
    normal_quantile,
    number,
    percentile_interval,
    seen_groups,
)
from evaluation.statistics.seed_variance import seed_spread

Estimate = tuple[float | None, float | None]  # a value; the standard error of a distance of sets if wanted


@dataclass(frozen=True)
class Measurements:
    """All that the numbers of a result follow from.

    Args:
        rows: of all clips, failed ones too.
        large: sums that are too many for a row, metric -> (N, K) over the evaluated rows in order.
        features: those that distances of sets rest on, field -> generated and true of the evaluated rows.
        statistics: of the protocol: `level`, `resamples`, `seed` and, where it is not percentile, `interval`.
    """

    rows: Sequence[Row]
    large: Mapping[str, Tensor]
    features: Features
    statistics: Mapping[str, Any]

    def records(self, set_intervals: bool = True, device: torch.device = CPU) -> dict[str, Any]:
        """Metric -> value, interval and what they mean, in the order of `METRICS`.

        Args:
            set_intervals: whether those of distances of sets are wanted, which take longest.
            device: where distances of sets are computed.
        """
        names = {name for row in self.rows for name in row.sums} | self.large.keys()
        return {name: self._record(METRICS[name], set_intervals, device) for name in METRICS if name in names}

    def sums_of(self, name: str) -> tuple[Tensor, list[Row]]:
        """Sums (N, K) of a metric, and the evaluated rows they belong to."""
        rows = [row for row in self.rows if not row.problem]
        if name in self.large:
            return self.large[name], rows
        rows = [row for row in rows if name in row.sums]
        return torch.tensor([row.sums[name] for row in rows], dtype=torch.float64), rows

    def _record(self, kind: type[ClipMetric], set_intervals: bool, device: torch.device) -> dict[str, Any]:
        metric, (sums_NK, rows) = kind(), self.sums_of(kind.name)
        identities = [row.identity for row in rows]
        estimate = self._value(metric, sums_NK, [True] * len(rows), device, set_intervals)
        seeds, by_seed = sorted({row.seed for row in rows}), {}
        if len(seeds) > 1:
            masks = {seed: [row.seed == seed for row in rows] for seed in seeds}
            by_seed = {
                str(seed): self._value(metric, sums_NK, mask, device)[0] for seed, mask in masks.items()
            }
        return {
            "title": kind.title,
            "value": estimate[0],
            "interval": self._interval(metric, sums_NK, identities, estimate),
            "interval_method": f"{self._interval_method(kind)} by identity",
            "n": int((sums_NK != 0).any(1).sum()),
            "n_failed": sum(bool(row.problem) for row in self.rows),
            "failure_policy": "left out and counted",
            "direction": direction(kind),
            "target": kind.target,
            "unit": kind.unit,
            "version": kind.version,
            "aggregation": kind.aggregation,
            "by_seed": by_seed,
            "between_seeds": _deviation(list(by_seed.values())),
            "seed_spread": self._seed_spread(kind.name),
            "details": _details(metric, sums_NK.sum(0), identities) if estimate[0] is not None else {},
            "note": note_of(metric, estimate[0], self.features, identities),
        }

    def _value(
        self,
        metric: ClipMetric,
        sums_NK: Tensor,
        chosen: list[bool],
        device: torch.device,
        spread: bool = False,
    ) -> Estimate:
        """Over the chosen rows; nothing where a distance of sets has too few samples."""
        if not isinstance(metric, SetMetric):
            return number(metric.finish(sums_NK[torch.tensor(chosen, dtype=torch.bool)].sum(0))), None
        rows = [row for row in self.rows if not row.problem]
        sides = self.features[metric.needs[0]]
        members = [(side, row.identity) for side, row, used in zip(sides, rows, chosen, strict=True) if used]
        try:
            value, error = metric.of_people(*by_person(*zip(*members, strict=True)), spread, device)
        except ValueError:
            return None, None
        return number(value), None if error is None else number(error)

    def _seed_spread(self, name: str) -> dict[str, float] | None:
        """Variance of the clips' own values by seed, clip and neither; None without two seeds of one clip."""
        own = [(row, value) for row in self.rows if (value := row.values.get(name)) is not None]
        places = {(row.key, row.seed): value for row, value in own}
        if len(places) < len(own):  # a clip twice with one seed is no repetition to learn from
            return None
        spread = seed_spread(list(places.values()), *zip(*places, strict=True)) if places else None
        return asdict(spread) if spread else None

    def _interval_method(self, kind: type[ClipMetric]) -> str:
        bca = self.statistics.get("interval") == "bca"
        return "BCa bootstrap" if bca and kind.resampling == "bootstrap" else kind.resampling

    def _interval(
        self, metric: ClipMetric, sums_NK: Tensor, identities: list[str], estimate: Estimate
    ) -> list[float] | None:
        value, error = estimate
        plan = self.statistics
        if value is None or seen_groups(sums_NK, identities) < 2:
            return None
        if metric.resampling == "jackknife":
            least = metric.least if isinstance(metric, SetMetric) else 0.0
            if not isinstance(metric, SetMetric):
                error = number(jackknife_error(sums_NK, identities, metric.finish))
            reach = None if error is None else normal_quantile(plan["level"]) * error
            return None if reach is None else [max(least, value - reach), value + reach]
        draws = plan["resamples"], plan["seed"]
        if plan.get("interval") == "bca":
            interval = cluster_interval(sums_NK, identities, metric.finish, *draws, plan["level"])
        else:
            interval = percentile_interval(
                bootstrap(sums_NK, identities, metric.finish, *draws), plan["level"]
            )
        return list(interval) if interval else None


def _details(metric: ClipMetric, total_K: Tensor, identities: list[str]) -> dict[str, object]:
    """What stands beside a value; of a distance of sets also what its interval leaves out."""
    more = metric.jackknife_details(len(set(identities))) if isinstance(metric, SetMetric) else {}
    return metric.details(total_K) | more


def direction(kind: type[ClipMetric]) -> str:
    """`higher`, `lower`, or `target` where a value in between is best."""
    if kind.higher_is_better is None:
        return "target"
    return "higher" if kind.higher_is_better else "lower"


def _deviation(values: list[float | None]) -> float | None:
    """Standard deviation (n - 1) of the values of sampling seeds: the error bar of one run of the sampler."""
    known = [value for value in values if value is not None]
    return statistics.stdev(known) if len(known) > 1 else None
