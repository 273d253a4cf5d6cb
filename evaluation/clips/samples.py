"""Clips and pairs that lie in memory. F frame, H row, W column."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from torch import Tensor

from datamodules.batch import Sample
from evaluation.clips.pair import Pair
from evaluation.clips.true_clips import Clips


def clips_of_samples(samples: Sequence[Sample]) -> Clips:
    """Samples in memory."""
    return Clips([s["key"] for s in samples], [s["identity"] for s in samples], samples.__getitem__)


def sample_pairs(
    generated: Mapping[str, Tensor] | Iterable[Sample], reference: Iterable[Sample], seed: int = 0
) -> Iterator[Pair]:
    """One pair for each true sample, in their order; a sample nothing was generated for becomes a failure.

    Raises:
        ValueError: if something was generated that has no truth.
    """
    if isinstance(generated, Mapping):
        frames_of = cast("Mapping[str, Tensor]", generated)
    else:
        frames_of = {sample["key"]: sample["frames"] for sample in generated}
    used: set[str] = set()
    for sample in reference:
        key = sample["key"]
        used.add(key)
        frames = frames_of.get(key)
        yield Pair(
            key,
            sample["identity"],
            frames,
            sample,
            seed,
            "" if frames is not None else "nothing was generated",
        )
    stray = sorted(set(frames_of) - used)
    if stray:
        raise ValueError(f"{len(stray)} generated clips have no reference, the first is {stray[0]!r}")
