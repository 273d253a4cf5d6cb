"""A protocol: what is measured, by what, after which preparation; named, versioned, hashed."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor
from torch.nn import functional as F
from yaml import YAMLError

from evaluation.metrics import METRICS

KEYS = (
    "name",
    "version",
    "description",
    "metrics",
    "optional_metrics",
    "extractors",
    "optional_extractors",
    "preprocessing",
    "statistics",
)
DEFAULTS = {
    "preprocessing": {"fps": 25, "size": 128, "extra_frames": 2},
    "statistics": {"level": 0.95, "resamples": 2000, "seed": 0},
}
# `statistics.interval`; left out it is percentile and adds nothing to the hash
INTERVALS = ("percentile", "bca")
# `preprocessing.face_crop`; left out videos must be square, and it adds nothing to the hash
FACE_CROPS = ("reference",)
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
    return _checked(read_pairs(Path(path), "protocol"), Path(path).name)


def read_pairs(path: Path, what: str) -> dict[str, object]:
    """The `key: value` pairs of a YAML file.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for broken YAML or anything but pairs; one line with the file's name.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no {what} file {path}")
    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path.name}: expected `key: value` pairs")
    return {str(key): value for key, value in content.items()}


def _checked(content: dict, source: str) -> Protocol:
    _known(content, KEYS, source)
    for key in ("name", "version", "metrics"):
        if key not in content:
            raise ValueError(f"{source}: {key} is missing")
    metrics, optional = (tuple(content.get(key) or ()) for key in ("metrics", "optional_metrics"))
    _known([*metrics, *optional], METRICS, f"{source}: metrics")
    statistics = content.get("statistics") or {}
    preprocessing = content.get("preprocessing") or {}
    _known(preprocessing, (*DEFAULTS["preprocessing"], "face_crop"), f"{source}: preprocessing")
    _known([preprocessing.get("face_crop", "reference")], FACE_CROPS, f"{source}: preprocessing.face_crop")
    _known(statistics, (*DEFAULTS["statistics"], "interval"), f"{source}: statistics")
    _known([statistics.get("interval", "percentile")], INTERVALS, f"{source}: statistics.interval")
    return Protocol(
        name=str(content["name"]),
        version=int(content["version"]),
        description=str(content.get("description", "")),
        metrics=metrics,
        optional_metrics=optional,
        extractors=dict(content.get("extractors") or {}),
        optional_extractors=dict(content.get("optional_extractors") or {}),
        preprocessing=DEFAULTS["preprocessing"] | preprocessing,
        statistics=DEFAULTS["statistics"] | statistics,
    )


def _known(names: Iterable[str], allowed: Collection[str], source: str) -> None:
    for name in names:
        if name not in allowed:
            raise ValueError(f"{source}: unknown {name!r}, known are {', '.join(allowed)}")


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
