"""The record of one evaluation: rows first, and aggregates that anyone can recompute from them.

N row, K entry of sums.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from evaluation.protocol import digest_of
from evaluation.results.aggregates import Measurements
from evaluation.results.files import (
    SCHEMA_VERSION,
    SECTIONS,
    naming,
    put_tensors,
    read_content,
    read_sums,
)
from evaluation.results.rows import Row
from evaluation.results.set_features import PREFIX, Features, packed, unpacked
from evaluation.results.verify import check_claims
from evaluation.runtime.devices import CPU
from evaluation.runtime.whole_files import write_whole


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
    checked: str = field(default="", init=False, compare=False)  # the digest that `verify` found right

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
        of_system = self.system["seconds_per_frame"]
        return self.cost.get("generation_seconds_per_frame") if of_system is None else of_system

    @property
    def peak_memory_mb(self) -> float | None:
        """Of generating, likewise."""
        of_system = self.system["peak_memory_mb"]
        return self.cost.get("generation_peak_memory_mb") if of_system is None else of_system

    @property
    def digest(self) -> str:
        """sha256 of what was found, the same under every clock, folder and machine that rounds alike."""
        content = self._plain()
        return digest_of({name: content[name] for name in SECTIONS if name not in ("environment", "cost")})

    @property
    def measurements(self) -> Measurements:
        """What its numbers follow from."""
        return Measurements(self.rows, self.large, self.features, self.protocol["statistics"])

    def aggregate(self) -> None:
        """Fill `metrics` from the rows."""
        self.metrics = self.recomputed()

    def recomputed(self, set_intervals: bool = True, device: torch.device = CPU) -> dict[str, Any]:
        """What `metrics` has to be, from the rows alone.

        Args:
            set_intervals: whether those of distances of sets are wanted, which take longest.
            device: where distances of sets are computed.
        """
        return self.measurements.records(set_intervals, device)

    def sums_of(self, name: str) -> tuple[Tensor, list[Row]]:
        """Sums (N, K) of a metric, and the evaluated rows they belong to."""
        return self.measurements.sums_of(name)

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
            set_intervals: as of `verify`.

        Raises:
            FileNotFoundError: if it is not there.
            ValueError: if it is no result, of another schema, or was changed after it was written.
        """
        path = Path(path)
        content = read_content(path)
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
            result.verify(set_intervals)
        return result

    def verify(self, set_intervals: bool = True) -> None:
        """Check that everything which follows from the rows does; what was found right is not checked again.

        Args:
            set_intervals: whether the intervals of distances of sets are computed again too, which takes many
                times as long as their values do. Only who does not use them may leave them be.

        Raises:
            ValueError: naming what does not follow, what is claimed and what the rows give.
        """
        digest = self.digest
        if self.checked == digest:  # what was read is not measured a second time on its way to a page
            return
        check_claims(self.data, self.metrics, self.measurements, set_intervals)
        if set_intervals:
            self.checked = digest


def _settings_mark(extractor: dict[str, Any]) -> str:
    """What tells two settings of one network apart; empty for a network without any."""
    return f"/{digest_of(extractor['settings'])[:8]}" if extractor.get("settings") else ""
