"""What the JSON of a result holds, as pydantic models, so that a strange file is one clear line.

A later version may tell more than is asked for here; only a row has exactly these fields.
"""

import math
from typing import Any

from pydantic import Field, field_validator, model_validator

from evaluation.metrics import METRICS
from evaluation.protocol import Count, Level, MetricName, Resamples
from evaluation.validation import Recorded, Written


class Statistics(Recorded):
    """How intervals were drawn."""

    level: Level
    resamples: Resamples
    seed: Count


class ProtocolRecord(Recorded):
    """By what was measured."""

    tag: str
    sha256: str
    statistics: Statistics


class SystemRecord(Recorded):
    """What made the videos; see `evaluation.results.system`."""

    name: str
    role: str
    checkpoint_sha256: str
    run_signature: str
    seeds: list[int]
    settings: dict[str, Any]
    seconds_per_frame: float | None
    peak_memory_mb: float | None
    tflop_per_frame: float | None = None


class Unmeasured(Recorded):
    """Of a metric: how many clips it could not be computed for, and why."""

    clips: int
    why: str


class DataRecord(Recorded):
    """What was measured; see `evaluation.results.data`."""

    sha256: str
    truth: str
    keys: list[str]
    clips: int
    identities: int
    frames: int
    failed: int
    reference: str = ""
    unmeasured: dict[MetricName, Unmeasured] = Field(default_factory=dict)
    source_rates: dict[str, dict[str, int]] = Field(default_factory=dict)

    @field_validator("source_rates")
    @classmethod
    def _are_rates(cls, rates: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        for side, counts in rates.items():
            for rate in counts:
                if not rate.replace(".", "", 1).isdecimal():
                    raise ValueError(f"{side}: {rate!r} is no rate")
        return rates


class ExtractorRecord(Recorded):
    """A network that measured."""

    name: str
    published: bool
    sha256: str
    provides: list[str]
    doubt: str = ""


class MetricRecord(Recorded):
    """A value over all rows and what stands beside it."""

    value: float | None
    interval: list[float] | None
    n: int
    n_failed: int
    details: dict[str, Any]
    between_seeds: float | None
    note: str = ""


class RowRecord(Written):
    """A `Row`."""

    key: str
    identity: str
    label: str
    seed: int
    frames: int
    problem: str
    values: dict[str, float | None]
    sums: dict[MetricName, list[Any]]

    @model_validator(mode="after")
    def _sums_fit(self) -> "RowRecord":
        for name, sums in self.sums.items():
            width = METRICS[name]().sums.numel()
            if len(sums) != width or not all(map(_is_finite, sums)):
                raise ValueError(
                    f"{self.key}: {name} needs {width} finite sums; measure a result of an older version anew"
                )
        return self


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class CostRecord(Recorded):
    """What evaluating and, where it was timed, generating took."""

    generation_seconds_per_frame: float | None = None
    generation_peak_memory_mb: float | None = None


class SumsFile(Recorded):
    """The file of tensors beside the JSON."""

    name: str
    sha256: str


class ResultRecord(Recorded):
    """A result's whole JSON."""

    protocol: ProtocolRecord
    system: SystemRecord
    data: DataRecord
    extractors: dict[str, ExtractorRecord]
    metrics: dict[MetricName, MetricRecord]
    rows: list[RowRecord]
    environment: dict[str, Any]
    cost: CostRecord
    created: str
    sha256: str
    sums_file: SumsFile | None
