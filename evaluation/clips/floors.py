"""What every table also scores: the true videos as a ceiling, and floors that a generator must pass.

F frame, H row, W column.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from datamodules.batch import blend_label
from evaluation.clips.true_clips import Clips, Generate

# floor -> what its clips share with the true ones, person (0) or emotion (1), and what they are
PARTNERS = {
    "another identity": (1, "clip of another person in the same emotion"),
    "another emotion": (0, "clip of the same person in another emotion"),
}


def ceiling_and_floors(clips: Clips) -> list[tuple[str, str, Generate]]:
    """Name, role and frames of the rows every table carries: the true video, its first picture, another's.

    The floor of another's video shows another person wherever there is one; there is no randomness.

    Raises:
        ValueError: for fewer than two clips.
    """
    other = other_people(clips.identities)

    def still(_: int, truth: Mapping[str, Any], __: int) -> Tensor:
        return truth.get("reference", truth["frames"][0]).expand(len(truth["frames"]), -1, -1, -1)

    return [
        ("real video", "ceiling", lambda _, truth, __: truth["frames"]),
        ("static reference", "floor", still),
        ("shuffled clips", "floor", ShownInstead(clips, other)),
    ]


def isolated_floors(clips: Clips) -> list[tuple[str, str, Generate]]:
    """Floors that each keep something: the clip at another moment, its emotion, its person.

    The first leaves the pictures and moves them half a clip away from the sound. The others show another
    clip, of another person in the same emotion or of the same person in another one, so lips and head are
    another line's too; only where every clip has such a one, emotions as far as `clips` knows them.
    """

    def shifted(_: int, truth: Mapping[str, Any], __: int) -> Tensor:
        return truth["frames"].roll(len(truth["frames"]) // 2, 0)

    floors: list[tuple[str, str, Generate]] = [("sound of another moment", "floor", shifted)]
    for name, others in _partners(clips).items():
        shown = [other for other in others if other is not None]
        if len(shown) == len(others):
            floors.append((name, "floor", ShownInstead(clips, shown)))
    return floors


def missing_floors(clips: Clips) -> dict[str, str]:
    """Name of each of `isolated_floors` that cannot be made -> why."""
    count, reasons = len(clips.keys), {}
    unknown = [key for i, key in enumerate(clips.keys) if _emotion(clips.known(i)) is None]
    for name, others in _partners(clips).items():
        alone = [key for key, other in zip(clips.keys, others, strict=True) if other is None]
        if unknown:
            reasons[name] = f"no emotion is known of {len(unknown)} of {count} clips, as of {unknown[0]!r}"
        elif alone:
            reasons[name] = f"{len(alone)} of {count} clips have no {PARTNERS[name][1]}, as {alone[0]!r}"
    return reasons


def _partners(clips: Clips) -> dict[str, list[int | None]]:
    """Name of a floor -> for each clip the number of the one that is shown instead; None without one."""
    about = [(clips.identities[i], _emotion(clips.known(i))) for i in range(len(clips.keys))]
    return {
        name: [_partner(about, i, same) for i in range(len(about))] for name, (same, _) in PARTNERS.items()
    }


def _emotion(known: Mapping[str, Any]) -> str | None:
    return blend_label(known["blend"]) if "blend" in known else None


def _partner(about: Sequence[tuple[str, str | None]], index: int, same: int) -> int | None:
    """The next clip that shares one of person (0) and emotion (1) and differs in the other."""
    mine, other = about[index], 1 - same
    for step in range(1, len(about)):
        place = (index + step) % len(about)
        theirs = about[place]
        if None not in (mine[1], theirs[1]) and theirs[same] == mine[same] and theirs[other] != mine[other]:
            return place
    return None


class ShownInstead:
    """A `Generate`: another clip's frames, looped to the length of the one they stand for.

    Args:
        clips: of which one stands for another.
        others: for each clip the number of the one that is shown.
    """

    def __init__(self, clips: Clips, others: Sequence[int]) -> None:
        self.clips, self.others = clips, others

    def __call__(self, index: int, truth: Mapping[str, Any], seed: int) -> Tensor:
        frames = self.clips.load(self.others[index])["frames"]
        return frames[torch.arange(len(truth["frames"])) % len(frames)]


def other_people(identities: Sequence[str]) -> list[int]:
    """For each clip the number of another one, of another person wherever there is one.

    Raises:
        ValueError: for fewer than two clips.
    """
    count = len(identities)
    if count < 2:
        raise ValueError("a floor of shuffled clips needs at least two clips")
    first = max(1, count // 3)  # far from similar neighbours
    steps = [*range(first, count), *range(1, first)]
    others = ([(i + step) % count for step in steps] for i in range(count))
    return [
        next((k for k in near if identities[k] != identities[i]), near[0]) for i, near in enumerate(others)
    ]
