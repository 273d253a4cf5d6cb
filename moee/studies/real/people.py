"""Does a talking head act on real people? Judged by MediaPipe's points, which no network of ours has met.

F frame, P point of the mesh, E emotion, N person. Portraits speak one voice in seven emotions; true clips'
first frames speak their own sound.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.batch import EMOTIONS, FPS, NEUTRAL, SAMPLES_PER_FRAME, parse_blend
from datamodules.media.folders import sound_beside
from datamodules.media.reading import read_sound, read_video
from evaluation.extractors.faces.mesh import FaceMesh
from evaluation.signals.facs_movements import emotion_sums, facs_movements, shown
from evaluation.statistics.intervals import bootstrap, number, percentile_interval, ratio
from lightning_modules.interfaces import EmotionCue
from moee.console import Tell, Watch, silent, unwatched
from moee.generation.generator import LoadedGenerator
from moee.generation.idle_motion import NaturalMotion, still_motion
from moee.generation.portrait import Portrait, open_portrait, portrait_in
from moee.studies.real.lips import agreement, seen_opening

SECONDS = 1.6  # of the voice that portraits speak
EVERY = 4  # frames of a portrait's clip that are looked at
LEAST_SIDE = 512  # pixels that frames are enlarged to, at least


@dataclass
class RealPeople:
    """What was measured.

    Args:
        sums: of movements (N, E asked, E read): per cent of the eye distance, less the neutral clip's.
        people: names of the portraits.
        own, other, deviation: (C,) a clip: correlation of its lips with the true ones, mean correlation with
            other clips' true ones, and the ratio of the two standard deviations.
        clips: their names.
        sharpness: (N,) of the face in neutral clips against the portrait's, at equal size.
    """

    sums: Tensor
    people: list[str]
    own: Tensor
    other: Tensor
    deviation: Tensor
    clips: list[str]
    sharpness: Tensor
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Tensor:
        """Whether each asked emotion shows (N, E)."""
        return shown(self.sums).diagonal(dim1=1, dim2=2) >= 1

    @property
    def told_apart(self) -> Tensor:
        """Whether it shows and no other shows more (N, E)."""
        return self.seen & (shown(self.sums).argmax(2) == torch.arange(len(EMOTIONS)))

    def rows(self) -> Iterator[tuple[str, float, float, float]]:
        """Name, value and 95 % interval over people, or clips, of every line."""
        measures = {
            "emotion seen": self.seen.double().mean(1),
            "emotion told apart": self.told_apart.double().mean(1),
            **{f"  {name} seen": self.seen[:, i].double() for i, name in enumerate(EMOTIONS)},
            **{f"  {name} told apart": self.told_apart[:, i].double() for i, name in enumerate(EMOTIONS)},
            **{f"  {name} moves, % of eyes": self.sums[:, i, i] for i, name in enumerate(EMOTIONS)},
            "sharpness against the portrait": self.sharpness,
            "lips, own sound, r": self.own,
            "lips, other clips, r": self.other,
            "lips, deviation ratio": self.deviation,
        }
        for name, values_N in measures.items():
            known = values_N[torch.isfinite(values_N)].double()
            if len(known):
                low, high = _interval(known)
                yield name, float(known.mean()), low, high

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "rows": [
                {"name": name, "value": value, "low": number(low), "high": number(high)}
                for name, value, low, high in self.rows()
            ],
            "people": self.people,
            "clips": self.clips,
            "left_out": self.left_out,
        }


def _interval(values_N: Tensor) -> tuple[float, float]:
    if len(values_N) < 2:  # one person says nothing of others
        return float("nan"), float("nan")
    names = [str(i) for i in range(len(values_N))]
    sums = torch.stack([values_N, torch.ones_like(values_N)], 1)
    return percentile_interval(bootstrap(sums, names, ratio)) or (float("nan"), float("nan"))


def mesh_of(finder: FaceMesh, frames_F3HW: Tensor, who: str) -> Tensor:
    """Points (F, 478, 2) in enlarged frames, NaN where there is no face."""
    scale = max(LEAST_SIDE / frames_F3HW.shape[-2], 1.0)
    size = [round(side * scale) for side in frames_F3HW.shape[-2:]]
    large = torch.nn.functional.interpolate(frames_F3HW.float(), size, mode="bicubic", antialias=True)
    return finder.find(large.round().clamp(0, 255).to(torch.uint8), who).mesh


def mean_movements(finder: FaceMesh, frames_F3HW: Tensor, who: str) -> Tensor:
    """Mean places (M,) of what FACS moves over every fourth frame with a face."""
    mesh = mesh_of(finder, frames_F3HW[::EVERY], who)
    return facs_movements(mesh[torch.isfinite(mesh).all(-1).all(-1)]).mean(0)


def sharpness(picture_3HW: Tensor, box: tuple[slice, slice]) -> float:
    """Mean absolute Laplacian of the grey levels in a box."""
    grey = picture_3HW.float().mean(0)[None, None]
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    return float(torch.nn.functional.conv2d(grey, kernel, padding=1)[0, 0][box].abs().mean())


@dataclass
class RealBench:
    """A generator, and who looks at what it makes of real people.

    Args:
        generator: the network.
        finder: MediaPipe's points.
        settings: steps, seed and emotion strength, as in `Generator.animate`.
    """

    generator: LoadedGenerator
    finder: FaceMesh
    settings: dict[str, Any]

    def frames(self, portrait: Portrait, sound_S: Tensor, emotion: str, still: bool = False) -> Tensor:
        """A clip (F, 3, S, S) of a portrait."""
        chunks = self.generator.network.animate(
            portrait.reference,
            sound_S,
            EmotionCue(label=parse_blend(emotion)[None]),
            head_motion=still_motion if still else NaturalMotion(self.settings.get("seed", 0)),
            points=portrait.points,
            **self.settings,
        )
        return torch.cat(list(chunks))

    def expressions(self, portrait: Portrait, sound_S: Tensor, who: str) -> tuple[Tensor, float]:
        """Sums (E asked, E read) of a portrait, and how sharp its neutral clip is."""
        neutral = self.frames(portrait, sound_S, NEUTRAL)
        rest = mean_movements(self.finder, neutral, who)
        moved = [
            mean_movements(self.finder, self.frames(portrait, sound_S, emotion), who) - rest
            for emotion in EMOTIONS
        ]
        side = portrait.reference.shape[-1]
        face = (slice(round(0.25 * side), round(0.8 * side)), slice(round(0.25 * side), round(0.75 * side)))
        sharp = torch.tensor([sharpness(frame, face) for frame in neutral[::EVERY]]).mean()
        return emotion_sums(torch.stack(moved)), float(sharp) / max(sharpness(portrait.reference, face), 1e-6)


def first_voice(clips: Sequence[Path]) -> Tensor:
    """The first 1.6 seconds (S,) of the first clip in which there is something to hear.

    Raises:
        ValueError: if there is none.
    """
    for path in clips:
        try:
            heard = read_sound(sound_beside(path) or path)[: round(SECONDS * FPS) * SAMPLES_PER_FRAME]
        except ValueError:
            continue  # named when its own turn comes
        if len(heard) and bool(heard.abs().max() > 0):
            return heard
    raise ValueError(f"none of {len(clips)} clips has sound in its first {SECONDS:g} seconds")


def measure_real_people(
    bench: RealBench,
    portraits: Sequence[Path],
    clips: Sequence[Path],
    watch: Watch = unwatched,
    tell: Tell = silent,
) -> RealPeople:
    """Everything, portrait by portrait and clip by clip; what cannot be measured is named and left out.

    Args:
        bench: who makes and who looks.
        portraits: pictures with one face each.
        clips: videos with sound of one speaking face each; the first one's voice is what portraits speak.
        watch: told how far the work is.
        tell: told what is left out.

    Raises:
        ValueError: if nothing could be measured.
    """
    total, left_out = len(portraits) + len(clips), dict[str, str]()
    voice = first_voice(clips)
    size, sums, sharp, people = bench.generator.network.size, [], [], []
    for done, path in enumerate(portraits, 1):
        try:
            each, sharper = bench.expressions(open_portrait(path, size), voice, path.name)
        except ValueError as error:
            left_out[path.name] = str(error)
            tell(f"left out: {error}")
        else:
            sums.append(each)
            sharp.append(sharper)
            people.append(path.stem)
        watch(done, total)
    if not sums:
        raise ValueError(f"none of {len(portraits)} portraits could be measured")
    true, made = _lip_tracks(bench, clips, left_out, lambda done: watch(len(portraits) + done, total), tell)
    names = list(true)
    own = [agreement(made[name], true[name]) for name in names]
    other = [_mean([agreement(made[m], true[n]) for m in names if m != n]) for n in names]
    spread = [_spread(made[n]) / max(_spread(true[n]), 1e-9) for n in names]
    lips = torch.tensor([own, other, spread], dtype=torch.float64)
    return RealPeople(
        torch.stack(sums), people, lips[0], lips[1], lips[2], names, torch.tensor(sharp), left_out
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _spread(track_F: Tensor) -> float:
    known = track_F[torch.isfinite(track_F)]
    return float(known.std(correction=0)) if len(known) else float("nan")


def _lip_tracks(
    bench: RealBench, clips: Sequence[Path], left_out: dict[str, str], watch: Any, tell: Tell
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Lips of true clips and of what is made of their first frame and sound, by name."""
    true, made, size = dict[str, Tensor](), dict[str, Tensor](), bench.generator.network.size
    for done, path in enumerate(clips, 1):
        try:
            clip = read_video(path, sound=sound_beside(path))
            frames, sound = clip.frames, clip.waveform
            if sound is None:
                raise ValueError(f"{path.name}: no sound, and none of its name beside it")
            if not bool(sound.abs().max() > 0):
                raise ValueError(f"{path.name}: its sound is silence")
            portrait = portrait_in(frames[0], size, path.name)
            made[path.stem] = seen_opening(
                bench.frames(portrait, sound, NEUTRAL, still=True), bench.finder, path.name
            )
            true[path.stem] = seen_opening(frames, bench.finder, path.name)
        except ValueError as error:
            left_out[path.name] = str(error)
            made.pop(path.stem, None)
            tell(f"left out: {error}")
        watch(done)
    return true, made
