"""What is compared with what: folders of videos, samples in memory, what a network makes, and the limits.

F frame, H row, W column.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any
from unicodedata import normalize

import torch
from torch import Tensor

from datamodules.batch import Sample, blend_label
from evaluation.clips.errors import about_file, reason

RATE = "fps_source"  # what a video that was read tells of its file: frames a second
VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")


# floor -> what its clips share with the true ones, person (0) or emotion (1), and what they are
PARTNERS = {
    "another identity": (1, "clip of another person in the same emotion"),
    "another emotion": (0, "clip of the same person in another emotion"),
}


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
        rates: frames a second of the generated and the true file, before they were converted; None where
            unknown, or where there is no file.
        own_face: the generated video is another clip's, so that its face is where that clip has it.
    """

    key: str
    identity: str
    generated: Tensor | None
    truth: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    problem: str = ""
    rates: tuple[float | None, float | None] = (None, None)
    own_face: bool = False


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
    return clips_of_files(_some_videos(folder), read_video, about or {})


def clips_of_files(
    files: Mapping[str, Path],
    read_video: Callable[[Path], Any],
    about: Mapping[str, Mapping],
    portraits: Mapping[str, Path] | None = None,
    read_image: Callable[[Path], Tensor] | None = None,
) -> Clips:
    """Videos by key in order of the keys, as `clips_of_folder`; portraits become `reference`."""
    keys, portraits = sorted(files), portraits or {}

    def known(index: int) -> dict[str, Any]:
        return {name: x for name, x in about.get(keys[index], {}).items() if name != "identity"}

    def load(index: int) -> dict[str, Any]:
        key = keys[index]
        with about_file(files[key]):
            video = read_video(files[key])
        told = {"waveform": getattr(video, "waveform", None), RATE: getattr(video, RATE, None)}
        given = {name: x for name, x in told.items() if x is not None}
        if read_image and key in portraits:
            with about_file(portraits[key]):
                given["reference"] = read_image(portraits[key])
        return known(index) | {"frames": video.frames, "file": files[key].name} | given

    return Clips(keys, [str(about.get(key, {}).get("identity", key)) for key in keys], load, known)


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
                yield Pair(key, identity, None, clips.known(index), seed, reason(error))
            continue
        for seed in seeds:
            made, problem = None, ""
            try:
                made = make(index, truth, seed)
            except (ValueError, OSError) as error:
                problem = reason(error)
            rate = make.rates.get(index) if isinstance(make, FinishedVideos) else None
            shown = isinstance(make, ShownInstead)
            yield Pair(key, identity, made, truth, seed, problem, (rate, truth.get(RATE)), shown)


class FinishedVideos:
    """A `Make` that reads what was made before, and keeps the frame rates of the files.

    Args:
        find: number of a clip and seed -> its file; None where nothing was generated.
        read_video: reads one file.
    """

    def __init__(self, find: Callable[[int, int], Path | None], read_video: Callable[[Path], Any]) -> None:
        self.find, self.read_video = find, read_video
        self.rates: dict[int, float | None] = {}

    def __call__(self, index: int, truth: Mapping[str, Any], seed: int) -> Tensor:
        self.rates.pop(index, None)
        path = self.find(index, seed)
        if path is None:
            raise FileNotFoundError("nothing was generated")
        with about_file(path):
            video = self.read_video(path)
        self.rates[index] = getattr(video, RATE, None)
        return video.frames


def videos_made(generated: Path, clips: Clips, read_video: Callable[[Path], Any]) -> FinishedVideos:
    """Finished videos, matched by file stem.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no videos, a stem twice, or one that no true clip has.
    """
    made = _some_videos(generated)
    stray = sorted(made.keys() - set(clips.keys))
    if stray:
        raise ValueError(f"{len(stray)} videos in {generated} have no counterpart, the first is {stray[0]!r}")
    return FinishedVideos(lambda index, _: made.get(clips.keys[index]), read_video)


def _some_videos(folder: Path) -> dict[str, Path]:
    found = videos_in(folder)
    if not found:
        raise ValueError(f"{folder} holds no videos ({', '.join(VIDEO_SUFFIXES)})")
    return found


def videos_in(folder: Path) -> dict[str, Path]:
    """Stem -> path of the videos in a folder; hidden files, such as half-written ones, are none.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it is a file, holds a stem twice, or a name that no result could be published with.
    """
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(f"{folder} is a file: name the folder it lies in")
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith("."):
            continue
        if not path.name.isprintable():
            raise ValueError(
                f"{folder} holds {path.name!a}: a name must be printable, rename it on both sides"
            )
        key = stem(path.name)
        if key in found:
            raise ValueError(f"{folder} holds {key!r} twice: {found[key].name}, {path.name}")
        found[key] = path
    return found


def stem(name: str) -> str:
    """Name without its ending, composed: an accented letter is one sign, wherever a file was copied from."""
    return normalize("NFC", PurePath(name).stem)


def limits(clips: Clips) -> list[tuple[str, str, Make]]:
    """Name, role and frames of the rows every table carries: the true video, its first picture, another's.

    The floor of another's video shows another person wherever there is one; there is no randomness.

    Raises:
        ValueError: for fewer than two clips.
    """
    other = strangers(clips.identities)

    def still(_: int, truth: Mapping[str, Any], __: int) -> Tensor:
        return truth.get("reference", truth["frames"][0]).expand(len(truth["frames"]), -1, -1, -1)

    return [
        ("real video", "ceiling", lambda _, truth, __: truth["frames"]),
        ("static reference", "floor", still),
        ("shuffled clips", "floor", ShownInstead(clips, other)),
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
    for name, others in _partners(clips).items():
        if None not in others:
            floors.append((name, "floor", ShownInstead(clips, others)))  # type: ignore[arg-type]
    return floors


def floors_not_made(clips: Clips) -> dict[str, str]:
    """Name of each of `isolated_limits` that cannot be made -> why."""
    count, found = len(clips.keys), {}
    unknown = [key for i, key in enumerate(clips.keys) if _emotion(clips.known(i)) is None]
    for name, others in _partners(clips).items():
        alone = [key for key, other in zip(clips.keys, others, strict=True) if other is None]
        if unknown:
            found[name] = f"no emotion is known of {len(unknown)} of {count} clips, as of {unknown[0]!r}"
        elif alone:
            found[name] = f"{len(alone)} of {count} clips have no {PARTNERS[name][1]}, as {alone[0]!r}"
    return found


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
    """A `Make`: another clip's frames, looped to the length of the one they stand for.

    Args:
        clips: of which one stands for another.
        others: for each clip the number of the one that is shown.
    """

    def __init__(self, clips: Clips, others: Sequence[int]) -> None:
        self.clips, self.others = clips, others

    def __call__(self, index: int, truth: Mapping[str, Any], seed: int) -> Tensor:
        frames = self.clips.load(self.others[index])["frames"]
        return frames[torch.arange(len(truth["frames"])) % len(frames)]


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
