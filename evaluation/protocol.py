"""A protocol: what is measured, by what, after which preparation; named, versioned, hashed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor
from torch.nn import functional as F

from evaluation.metrics import METRICS
from evaluation.reading import read_pairs
from evaluation.validation import Written, checked, unknown

NOT_SQUARE = "the protocol compares square face crops"


@dataclass(frozen=True)
class Protocol:
    """A checked protocol.

    Args:
        name: with the version it makes the tag of a result, such as `embedded-v0`.
        version: raised whenever a number could change.
        description: for people.
        metrics: names of `evaluation.metrics.METRICS` that every result has.
        optional_metrics: names that a result has where their network is supplied.
        extractors: role -> name of the network the protocol was made for.
        optional_extractors: likewise, of networks that only optional metrics need.
        preprocessing: `fps`; `size`, pixels of the square both videos are brought to; `extra_frames`, by
            how many frames two videos may differ in length and still be compared over the shorter one;
            `face_crop: reference`, both videos are cut where the true one shows its face.
        statistics: `level` of intervals, `resamples`, `seed`; `interval`, `percentile` (default) or `bca`.
    """

    name: str
    version: int
    description: str
    metrics: tuple[str, ...]
    optional_metrics: tuple[str, ...]
    extractors: Mapping[str, str]
    optional_extractors: Mapping[str, str]
    preprocessing: Mapping[str, int | str]
    statistics: Mapping[str, float | str]

    @property
    def tag(self) -> str:
        """Name and version, as tables show it."""
        return f"{self.name}-v{self.version}"

    def canonical(self) -> dict[str, object]:
        """Everything that can change a number, metric versions included."""
        named = [*self.metrics, *self.optional_metrics]
        content: dict[str, object] = {
            "name": self.name,
            "version": self.version,
            "metrics": {name: METRICS[name].version for name in named},
            "optional": sorted(self.optional_metrics),
            "extractors": dict(self.extractors),
            "preprocessing": dict(self.preprocessing),
            "statistics": dict(self.statistics),
        }
        if self.optional_extractors:  # older protocols have none and keep their hash
            content["optional_extractors"] = dict(self.optional_extractors)
        return content

    @property
    def digest(self) -> str:
        """sha256 of the canonical content."""
        return digest_of(self.canonical())

    @property
    def preprocessing_digest(self) -> str:
        """sha256 of the preparation alone."""
        return digest_of(dict(self.preprocessing))


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"this version knows no metric {unknown(name, METRICS)}")
    return name


MetricName = Annotated[str, AfterValidator(_known_metric)]
Level = Annotated[float, Field(gt=0, lt=1)]
Resamples = Annotated[int, Field(gt=0, le=100_000)]
Count = Annotated[int, Field(ge=0)]


class PreprocessingFile(Written):
    """Section `preprocessing` of a protocol file; see `Protocol`."""

    fps: Annotated[int, Field(gt=0)] = 25
    size: Annotated[int, Field(gt=0)] = 128
    extra_frames: Count = 2
    # left out videos must be square, and it adds nothing to the hash
    face_crop: Literal["reference"] = "reference"


class StatisticsFile(Written):
    """Section `statistics` of a protocol file; see `Protocol`."""

    level: Level = 0.95
    resamples: Resamples = 2000
    seed: Count = 0
    interval: Literal["percentile", "bca"] = "percentile"  # left out it adds nothing to the hash


class ProtocolFile(Written):
    """A protocol file; see `Protocol`."""

    name: str
    version: int
    metrics: list[MetricName]
    description: str = ""
    optional_metrics: list[MetricName] | None = None
    extractors: dict[str, str] | None = None
    optional_extractors: dict[str, str] | None = None
    preprocessing: PreprocessingFile | None = None
    statistics: StatisticsFile | None = None


def digest_of(content: object) -> str:
    """sha256 of canonical JSON: sorted keys, no spaces, no values that are not numbers."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def tensors_digest(named: Mapping[str, Tensor], names: Sequence[str]) -> str:
    """sha256 of those of the tensors that exist: name, type, shape and content."""
    content = hashlib.sha256()
    for name in names:
        if name in named:
            value = named[name].contiguous()
            content.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            content.update(value.numpy().tobytes())
    return content.hexdigest()


def load_protocol(path: Path) -> Protocol:
    """Read and check a protocol file.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for broken YAML, an unknown key, metric or setting, or a missing name.
    """
    file = checked(ProtocolFile, read_pairs(Path(path), "protocol"), Path(path).name)
    return Protocol(
        name=file.name,
        version=file.version,
        description=file.description,
        metrics=tuple(file.metrics),
        optional_metrics=tuple(file.optional_metrics or ()),
        extractors=file.extractors or {},
        optional_extractors=file.optional_extractors or {},
        preprocessing=_settings(file.preprocessing or PreprocessingFile(), "face_crop"),
        statistics=_settings(file.statistics or StatisticsFile(), "interval"),
    )


def _settings(section: Written, only_if_given: str) -> dict[str, Any]:
    return section.model_dump(exclude={only_if_given} - section.model_fields_set)


def check_video(frames_F3HW: Tensor) -> None:
    """Frames as every preparation takes them.

    Raises:
        ValueError: for anything but uint8 (F, 3, H, W) with at least one frame.
    """
    if frames_F3HW.dtype != torch.uint8 or frames_F3HW.ndim != 4 or frames_F3HW.shape[1] != 3:
        raise ValueError(f"expected uint8 (F, 3, H, W), got {frames_F3HW.dtype} {tuple(frames_F3HW.shape)}")
    if not len(frames_F3HW):
        raise ValueError("the video has no frames")


def prepare(frames_F3HW: Tensor, size: int) -> Tensor:
    """The one path every video takes, real or generated, unless the protocol has a `face_crop`.

    Square 8-bit RGB of `size`, resized bilinearly, antialiased.

    Raises:
        ValueError: for anything but a square uint8 (F, 3, H, H) with at least one frame.
    """
    check_video(frames_F3HW)
    height, width = frames_F3HW.shape[-2:]
    if height != width:
        raise ValueError(f"the video is {width} x {height}, {NOT_SQUARE}")
    if height == size:
        return frames_F3HW
    small = F.interpolate(frames_F3HW.float(), size=(size, size), mode="bilinear", antialias=True)
    return small.round().clamp(0, 255).to(torch.uint8)
