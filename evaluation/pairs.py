"""What is compared with what: folders of videos, samples in memory, and the ceiling and floor rows.

F frame, H row, W column.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from datamodules.batch import Sample

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")


@dataclass(frozen=True)
class Pair:
    """A generated clip and its truth.

    Args:
        key: of the clip.
        identity: of the person.
        generated: (F, 3, H, W) uint8; None where there is none, and then `problem` says why.
        truth: a `Sample`, or as many of its fields as are known.
        seed: of the sampler.
        problem: why it cannot be evaluated.
    """

    key: str
    identity: str
    generated: Tensor | None
    truth: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    problem: str = ""


def sample_pairs(
    generated: Mapping[str, Tensor] | Iterable[Sample], reference: Iterable[Sample], seed: int = 0
) -> Iterator[Pair]:
    """One pair for each true sample, in their order; a sample nothing was generated for becomes a failure.

    Raises:
        ValueError: if something was generated that has no truth.
    """
    if not isinstance(generated, Mapping):
        generated = {sample["key"]: sample["frames"] for sample in generated}
    used = set()
    for sample in reference:
        key = sample["key"]
        used.add(key)
        made = generated.get(key)
        yield Pair(
            key, sample["identity"], made, sample, seed, "" if made is not None else "nothing was generated"
        )
    stray = sorted(set(generated) - used)
    if stray:
        raise ValueError(f"{len(stray)} generated clips have no reference, the first is {stray[0]!r}")


def folder_pairs(
    generated: Path,
    reference: Path,
    read_video: Callable[[Path], Any],
    about: Mapping[str, Mapping] | None = None,
    seed: int = 0,
    share: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Iterator[Pair]:
    """One pair for each video of `reference`, matched by file stem; only those that `share` picks are read.

    A missing or unreadable video becomes a failure.

    Raises:
        FileNotFoundError: if a folder is missing.
        ValueError: if `reference` holds no videos, a stem twice, or `generated` holds a stem that it has not.
    """
    made, true = videos_in(generated), videos_in(reference)
    if not true:
        raise ValueError(f"{reference} holds no videos ({', '.join(VIDEO_SUFFIXES)})")
    stray = sorted(made.keys() - true.keys())
    if stray:
        raise ValueError(
            f"{len(stray)} videos in {generated} have no counterpart in {reference}, first {stray[0]!r}"
        )
    for stem, path in share(sorted(true.items())):
        known = dict((about or {}).get(stem, {}))
        identity = str(known.pop("identity", stem))
        try:
            known["frames"] = read_video(path).frames
            if stem not in made:
                raise FileNotFoundError("nothing was generated")
            yield Pair(stem, identity, read_video(made[stem]).frames, known, seed)
        except (ValueError, OSError) as error:
            yield Pair(stem, identity, None, known, seed, str(error) or type(error).__name__)


def videos_in(folder: Path) -> dict[str, Path]:
    """Stem -> path of the videos in a folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            if path.stem in found:
                raise ValueError(f"{folder} holds {path.stem!r} twice: {found[path.stem].name}, {path.name}")
            found[path.stem] = path
    return found


def real_pairs(samples: Iterable[Sample]) -> Iterator[Pair]:
    """The ceiling: the true video in place of a generated one."""
    for sample in samples:
        yield Pair(sample["key"], sample["identity"], sample["frames"], sample)


def static_pairs(samples: Iterable[Sample]) -> Iterator[Pair]:
    """A floor: the reference picture, never moving."""
    for sample in samples:
        frozen = sample["reference"].expand_as(sample["frames"])
        yield Pair(sample["key"], sample["identity"], frozen, sample)


def shuffled_pairs(samples: Sequence[Sample]) -> Iterator[Pair]:
    """A floor: the video of another clip, of another person wherever there is one; no randomness.

    Raises:
        ValueError: for fewer than two samples.
    """
    if len(samples) < 2:
        raise ValueError("the shuffled floor needs at least two clips")
    for i, sample in enumerate(samples):
        others = [samples[(i + step) % len(samples)] for step in _steps(len(samples))]
        strangers = [other for other in others if other["identity"] != sample["identity"]]
        yield Pair(sample["key"], sample["identity"], (strangers or others)[0]["frames"], sample)


def _steps(count: int) -> list[int]:
    """Distances to other clips, from about a third of the way round: far from similar neighbours."""
    first = max(1, count // 3)
    return [*range(first, count), *range(1, first)]


# name, role and pairs of the rows every table carries
LIMITS: tuple[tuple[str, str, Callable[[Sequence[Sample]], Iterator[Pair]]], ...] = (
    ("real video", "ceiling", real_pairs),
    ("static reference", "floor", static_pairs),
    ("shuffled clips", "floor", shuffled_pairs),
)
