"""Features of clips that distances of sets rest on: how they are grouped, and how they lie in a file.

N clip, V sample of a clip, D width.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Sides = tuple[Tensor, Tensor]  # generated and true (V, D)
Features = dict[str, list[Sides]]  # field of `Measured` -> one entry a clip
PREFIX = "features/"


def as_tensors(field: str, made: Tensor, true: Tensor) -> dict[str, Tensor]:
    """The entry of one clip as named tensors.

    Raises:
        ValueError: for features that are not finite: the clip has failed, the others stand.
    """
    for side, features in (("generated", made), ("true", true)):
        if not torch.isfinite(features).all():
            raise ValueError(f"{field} of the {side} video holds values that are no numbers")
    return {f"{PREFIX}{field}/made": made, f"{PREFIX}{field}/true": true}


def collected(clips: Sequence[Mapping[str, Tensor]]) -> Features:
    """Entries of many clips, from `as_tensors` among other tensors."""
    names = sorted({name for clip in clips for name in clip if name.startswith(PREFIX)})
    fields = sorted({name[len(PREFIX) :].rpartition("/")[0] for name in names})
    return {
        field: [(clip[f"{PREFIX}{field}/made"], clip[f"{PREFIX}{field}/true"]) for clip in clips]
        for field in fields
    }


def packed(features: Features) -> dict[str, Tensor]:
    """All clips of a field in one tensor a side, and how many samples each has."""
    tensors = {}
    for field, clips in features.items():
        sides = zip(("made", "true"), zip(*clips, strict=True), strict=True)
        tensors |= {f"{PREFIX}{field}/{side}": torch.cat(parts) for side, parts in sides}
        tensors[f"{PREFIX}{field}/counts"] = torch.tensor([[len(x) for x in clip] for clip in clips])
    return tensors


def unpacked(tensors: Mapping[str, Tensor]) -> Features:
    """Inverse of `packed`; other tensors are left alone.

    Raises:
        ValueError: if the counts do not fit the samples.
    """
    features: Features = {}
    for name, counts in tensors.items():
        if not (name.startswith(PREFIX) and name.endswith("/counts")):
            continue
        place = name.removesuffix("/counts")
        made, true = (tensors.get(f"{place}/{side}", torch.zeros(0, 0)) for side in ("made", "true"))
        if [len(made), len(true)] != counts.sum(0).tolist():
            raise ValueError(
                f"{name}: {counts.sum(0).tolist()} samples counted, {len(made)} and {len(true)} kept"
            )
        parts = (x.split(column.tolist()) for x, column in zip((made, true), counts.mT, strict=True))
        features[place.removeprefix(PREFIX)] = list(zip(*parts, strict=True))
    return features


def by_person(clips: Sequence[Sides], identities: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
    """Generated and true features of each person, people in sorted order."""
    people: dict[str, list[Sides]] = {}
    for clip, identity in zip(clips, identities, strict=True):
        people.setdefault(identity, []).append(clip)
    grouped = [people[name] for name in sorted(people)]
    made, true = ([_joined([clip[side] for clip in group]) for group in grouped] for side in (0, 1))
    return made, true


def _joined(parts: list[Tensor]) -> Tensor:
    """A person of one clip is no copy: these are the largest tensors of an evaluation."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)
