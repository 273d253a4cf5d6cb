"""The record of one evaluation: rows first, and aggregates that anyone can recompute from them.

N row, K entry of sums.
"""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from evaluation.metrics import METRICS, ClipMetric
from evaluation.metrics.sets.distances import SetMetric
from evaluation.protocol import digest_of
from evaluation.results.files import (
    SCHEMA_VERSION,
    SECTIONS,
    naming,
    put_tensors,
    read_content,
    read_sums,
)
from evaluation.results.notes import note_of
from evaluation.results.rows import Row
from evaluation.results.schema import check_shape
from evaluation.results.set_features import PREFIX, Features, by_person, packed, unpacked
from evaluation.results.verify import check_result
from evaluation.runtime.devices import CPU
from evaluation.runtime.whole_files import write_whole
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


@dataclass
class Result:
    """Everything that a number in a table rests on; see `design.md`, section 3.

    Args:
        protocol: tag, sha256, statistics and the preparation with its own sha256.
        system: a `System` as plain data.
        data: sha256 of the truth (`exact` or `measured`), keys and counts; see `evaluation.results.data`.
        extractors: name -> published, sha256 of the weights.
        metrics: name -> value, interval and what they mean.
        rows: of all clips, failed ones too.
        environment: library versions and hardware.
        cost: of the evaluation itself.
        created: date and time in UTC; empty until written.
        large: sums that are too many for JSON, metric -> (N, K) over the evaluated rows in order.
        features: those that distances of sets rest on, field -> generated and true of the evaluated rows.
    """

    protocol: dict[str, Any]
    system: dict[str, Any]
    data: dict[str, Any]
    extractors: dict[str, Any]
    rows: list[Row]
    environment: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    large: dict[str, Tensor] = field(default_factory=dict)
    features: Features = field(default_factory=dict)
    checked: str = field(default="", init=False, compare=False)  # the digest that `check_result` found right

    @property
    def tag(self) -> str:
        """Name and version of the protocol."""
        return self.protocol["tag"]

    @property
    def comparable(self) -> dict[str, str]:
        """What two results must share to stand in one table."""
        marks = {
            name: extractor["sha256"][:12] + _settings_mark(extractor)
            for name, extractor in self.extractors.items()
        }
        return {
            "protocol": f"{self.tag} {self.protocol['sha256'][:12]}",
            "data": f"{self.data['sha256'][:12]} ({self.data['truth']} truth)",
            "extractors": ", ".join(f"{name} {mark}" for name, mark in sorted(marks.items())),
        }

    @property
    def seconds_per_frame(self) -> float | None:
        """What a frame took to make: as the system tells it, or as it was timed for this result."""
        told = self.system["seconds_per_frame"]
        return self.cost.get("generation_seconds_per_frame") if told is None else told

    @property
    def peak_memory_mb(self) -> float | None:
        """Of generating, likewise."""
        told = self.system["peak_memory_mb"]
        return self.cost.get("generation_peak_memory_mb") if told is None else told

    @property
    def digest(self) -> str:
        """sha256 of what was found, the same under every clock, folder and machine that rounds alike."""
        content = self._plain()
        return digest_of({name: content[name] for name in SECTIONS if name not in ("environment", "cost")})

    def aggregate(self) -> None:
        """Fill `metrics` from the rows."""
        self.metrics = self.recomputed()

    def recomputed(self, set_intervals: bool = True, device: torch.device = CPU) -> dict[str, Any]:
        """What `metrics` has to be, from the rows alone.

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
        found = self._value(metric, sums_NK, [True] * len(rows), device, set_intervals)
        seeds, by_seed = sorted({row.seed for row in rows}), {}
        if len(seeds) > 1:
            masks = {seed: [row.seed == seed for row in rows] for seed in seeds}
            by_seed = {
                str(seed): self._value(metric, sums_NK, mask, device)[0] for seed, mask in masks.items()
            }
        return {
            "title": kind.title,
            "value": found[0],
            "interval": self._interval(metric, sums_NK, identities, found),
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
            "details": _details(metric, sums_NK.sum(0), identities) if found[0] is not None else {},
            "note": note_of(metric, found[0], self.features, identities),
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
        kept = [(side, row.identity) for side, row, keep in zip(sides, rows, chosen, strict=True) if keep]
        try:
            value, error = metric.of_people(*by_person(*zip(*kept, strict=True)), spread, device)
        except ValueError:
            return None, None
        return number(value), None if error is None else number(error)

    def _seed_spread(self, name: str) -> dict[str, float] | None:
        """Variance of the clips' own values by seed, clip and neither; None without two seeds of one clip."""
        rows = [row for row in self.rows if row.values.get(name) is not None]
        places = {(row.key, row.seed): row.values[name] for row in rows}
        if len(places) < len(rows):  # a clip twice with one seed is no repetition to learn from
            return None
        found = seed_spread(list(places.values()), *zip(*places, strict=True)) if places else None
        return asdict(found) if found else None

    def _interval_method(self, kind: type[ClipMetric]) -> str:
        bca = self.protocol["statistics"].get("interval") == "bca"
        return "BCa bootstrap" if bca and kind.resampling == "bootstrap" else kind.resampling

    def _interval(
        self, metric: ClipMetric, sums_NK: Tensor, identities: list[str], estimate: Estimate
    ) -> list[float] | None:
        value, error = estimate
        plan = self.protocol["statistics"]
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
            found = cluster_interval(sums_NK, identities, metric.finish, *draws, plan["level"])
        else:
            found = percentile_interval(bootstrap(sums_NK, identities, metric.finish, *draws), plan["level"])
        return list(found) if found else None

    def _plain(self) -> dict[str, Any]:
        content = {name: getattr(self, name) for name in SECTIONS} | {
            "rows": [asdict(row) for row in self.rows]
        }
        return {"schema_version": SCHEMA_VERSION, "created": self.created, **content}

    def write(self, path: Path) -> Path:
        """Write the JSON, and beside it the sums that are too many for it; each atomically.

        Raises:
            ValueError: if a number in it is not finite.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = self._plain() | {"sha256": self.digest, "sums_file": None}
        if self.large:
            tensors = self.large | packed(self.features)
            beside = path.with_suffix(".sums.safetensors")
            content["sums_file"] = {"name": beside.name, "sha256": put_tensors(beside, tensors)}
        write_whole(path, json.dumps(content, indent=1, allow_nan=False))
        return path

    @classmethod
    def read(cls, path: Path, set_intervals: bool = True) -> Self:
        """Read and validate: schema, kinds, fingerprints, and whatever follows from the rows.

        Args:
            path: of the JSON.
            set_intervals: as of `check_result`.

        Raises:
            FileNotFoundError: if it is not there.
            ValueError: if it is no result, of another schema, or was changed after it was written.
        """
        path = Path(path)
        content = read_content(path, Row.__dataclass_fields__)
        with naming(path):
            check_shape(content)
        tensors = read_sums(path, content["sums_file"])
        result = cls(
            **{name: content[name] for name in SECTIONS if name != "rows"},
            rows=[Row(**row) for row in content["rows"]],
            created=content["created"],
            large={name: x for name, x in tensors.items() if not name.startswith(PREFIX)},
        )
        with naming(path):
            result.features = unpacked(tensors)
            if result.digest != content["sha256"]:
                raise ValueError("its content does not match its sha256, it was changed after it was written")
            check_result(result, set_intervals)
        return result


def _settings_mark(extractor: dict[str, Any]) -> str:
    """What tells two settings of one network apart; empty for a network without any."""
    return f"/{digest_of(extractor['settings'])[:8]}" if extractor.get("settings") else ""


def _details(metric: ClipMetric, total_K: Tensor, identities: list[str]) -> dict[str, object]:
    """What stands beside a value; of a distance of sets also what its interval leaves out."""
    more = metric.left_out_details(len(set(identities))) if isinstance(metric, SetMetric) else {}
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
