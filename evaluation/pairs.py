"""What is compared with what: folders of videos, samples in memory, what a network makes, and the limits.

F frame, H row, W column.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.batch import Sample, blend_label

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


@dataclass(frozen=True)
class Clips:
    """True clips, each loaded when it is asked for.

    Args:
        keys: of the clips.
        identities: of their people.
        load: number of a clip -> a `Sample`, or as many of its fields as are known; a ValueError or OSError
            of it is the clip's failure.
        known: what is known of a clip that cannot be loaded.
    """

    keys: Sequence[str]
    identities: Sequence[str]
    load: Callable[[int], Mapping[str, Any]]
    known: Callable[[int], Mapping[str, Any]] = lambda _: {}


Make = Callable[[int, Mapping[str, Any], int], Tensor]  # number, truth and seed -> frames (F, 3, H, W) uint8


class Timed:
    """A `Make` that tells what it took.

    Args:
        make: the network that is timed.
        peak_memory_mb: of the process that generates; None where unknown.
    """

    def __init__(self, make: Make, peak_memory_mb: float | None = None) -> None:
        self.make, self.peak_memory_mb = make, peak_memory_mb
        self.seconds, self.frames = 0.0, 0

    def __call__(self, index: int, truth: Mapping[str, Any], seed: int) -> Tensor:
        start = time.perf_counter()
        made = self.make(index, truth, seed)
        self.seconds += time.perf_counter() - start
        self.frames += len(made)
        return made


def clips_of_samples(samples: Sequence[Sample]) -> Clips:
    """Samples in memory."""
    return Clips([s["key"] for s in samples], [s["identity"] for s in samples], samples.__getitem__)


def clips_of_folder(
    folder: Path, read_video: Callable[[Path], Any], about: Mapping[str, Mapping] | None = None
) -> Clips:
    """The videos of a folder in order of their names, with their sound as `waveform` where they have one.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no videos, or a stem twice.
    """
    found = videos_in(folder)
    if not found:
        raise ValueError(f"{folder} holds no videos ({', '.join(VIDEO_SUFFIXES)})")
    stems, about = sorted(found), about or {}

    def known(index: int) -> dict[str, Any]:
        return {name: x for name, x in about.get(stems[index], {}).items() if name != "identity"}

    def load(index: int) -> dict[str, Any]:
        video = read_video(found[stems[index]])
        sound = getattr(video, "waveform", None)
        told = {"frames": video.frames, "file": found[stems[index]].name}
        return known(index) | told | ({} if sound is None else {"waveform": sound})

    return Clips(stems, [str(about.get(stem, {}).get("identity", stem)) for stem in stems], load, known)


def pairs_of(
    clips: Clips,
    make: Make,
    seeds: Sequence[int] = (0,),
    share: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Iterator[Pair]:
    """One pair for each clip that `share` picks and each seed; what cannot be read or made is a failure."""
    for index in share(range(len(clips.keys))):
        key, identity = clips.keys[index], clips.identities[index]
        try:
            truth: Mapping[str, Any] = clips.load(index)
        except (ValueError, OSError) as error:
            for seed in seeds:
                yield Pair(key, identity, None, clips.known(index), seed, _reason(error))
            continue
        for seed in seeds:
            try:
                yield Pair(key, identity, make(index, truth, seed), truth, seed)
            except (ValueError, OSError) as error:
                yield Pair(key, identity, None, truth, seed, _reason(error))


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def videos_made(generated: Path, clips: Clips, read_video: Callable[[Path], Any]) -> Make:
    """Finished videos, matched by file stem.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds a stem twice, or one that no true clip has.
    """
    made = videos_in(generated)
    stray = sorted(made.keys() - set(clips.keys))
    if stray:
        raise ValueError(f"{len(stray)} videos in {generated} have no counterpart, the first is {stray[0]!r}")

    def frames(index: int, _: Mapping[str, Any], __: int) -> Tensor:
        if clips.keys[index] not in made:
            raise FileNotFoundError("nothing was generated")
        return read_video(made[clips.keys[index]]).frames

    return frames


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


def limits(clips: Clips) -> list[tuple[str, str, Make]]:
    """Name, role and frames of the rows every table carries: the true video, its first picture, another's.

    The floor of another's video shows another person wherever there is one; there is no randomness.

    Raises:
        ValueError: for fewer than two clips.
    """
    other = strangers(clips.identities)

    def still(_: int, truth: Mapping[str, Any], __: int) -> Tensor:
        return truth.get("reference", truth["frames"][0]).expand_as(truth["frames"])

    return [
        ("real video", "ceiling", lambda _, truth, __: truth["frames"]),
        ("static reference", "floor", still),
        ("shuffled clips", "floor", _shown_instead(clips, other)),
    ]


def isolated_limits(clips: Clips) -> list[tuple[str, str, Make]]:
    """Floors that each keep something: the clip at another moment, its emotion, its person.

    The first leaves the pictures and moves them half a clip away from the sound. The others show another
    clip, of another person in the same emotion or of the same person in another one, so lips and head are
    another line's too; only where every clip has such a one, emotions as far as `clips` knows them.
    """

    def shifted(_: int, truth: Mapping[str, Any], __: int) -> Tensor:
        return truth["frames"].roll(len(truth["frames"]) // 2, 0)

    floors: list[tuple[str, str, Make]] = [("sound of another moment", "floor", shifted)]
    about = [(clips.identities[i], _emotion(clips.known(i))) for i in range(len(clips.keys))]
    for name, same in (("another identity", 1), ("another emotion", 0)):
        others = [_partner(about, i, same) for i in range(len(about))]
        if all(other is not None for other in others):
            floors.append((name, "floor", _shown_instead(clips, others)))  # type: ignore[arg-type]
    return floors


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


def _shown_instead(clips: Clips, others: Sequence[int]) -> Make:
    """Another clip's frames, looped to the length of the one they stand for."""

    def another(index: int, truth: Mapping[str, Any], _: int) -> Tensor:
        frames = clips.load(others[index])["frames"]
        return frames[torch.arange(len(truth["frames"])) % len(frames)]

    return another


def strangers(identities: Sequence[str]) -> list[int]:
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
