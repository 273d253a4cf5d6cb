"""The questions of `moee score`, one function each. F frame, A action unit, C emotion class."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from datamodules.action_units import tonic
from datamodules.batch import (
    ACTION_UNITS,
    CLASSES,
    COMPOUNDS,
    EMOTIONS,
    SAMPLES_PER_FRAME,
    Sample,
    parse_blend,
)
from datamodules.head_motion import lip_opening
from datamodules.synthetic.clip import synthetic_clip, synthetic_voice
from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.embedded.judge import Judge
from evaluation.metrics.correlation import moment_sums, pearson
from evaluation.metrics.pictures.psnr import psnr_frames
from evaluation.metrics.pictures.texture import flicker_sums, grain_sums
from evaluation.statistics.intervals import bootstrap, percentile_interval
from lightning_modules.interfaces import EmotionCue
from moee.clips.truth import truth_of
from moee.generation.generator import Generator

FIRST_SEED = 900_000  # of the held-out clips; identities and speakers come from the test split
INTENSITY = 0.9
VOICE_FRAMES = 75
Finish = Callable[[Tensor], Tensor]


def ratio(sums_BK: Tensor) -> Tensor:
    """First sum over the second: the mean of a row."""
    return sums_BK[:, 0] / sums_BK[:, 1]


def mean_pearson(sums_BK: Tensor) -> Tensor:
    """Mean over action units of Pearson's r from packed moments (B, A * 6); constant units do not count."""
    return pearson(sums_BK.unflatten(1, (-1, 6))).nanmean(1)


@dataclass
class Score:
    """One line of the table."""

    name: str
    sums: Tensor  # (N, K), a row for each clip and seed
    people: list[str]
    finish: Finish = ratio
    ceiling: float | None = None
    floor: float | None = None
    mistakes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (asked, shown) -> clips

    def value(self) -> float:
        """The aggregate over all clips and seeds."""
        return self.finish(self.sums.sum(0, keepdim=True)).item()

    def interval(self) -> tuple[float, float] | None:
        """95 % by a bootstrap that draws people."""
        return percentile_interval(bootstrap(self.sums, self.people, self.finish))

    def line(self) -> str:
        """As printed."""
        interval = self.interval()
        spread = f"{interval[0]:.3f} .. {interval[1]:.3f}" if interval else "-"
        ends = "".join(f"{x:8.3f}" if x is not None else f"{'-':>8}" for x in (self.ceiling, self.floor))
        line = f"{self.name:44}{self.value():8.3f}  {spread:18}{ends}"
        if not self.mistakes:
            return line
        mistakes = [f"{asked} as {shown} {n}" for (asked, shown), n in self.mistakes.most_common()]
        return f"{line}\n  mistaken: {', '.join(mistakes)}"

    def record(self) -> dict:
        """As written."""
        return {
            "name": self.name,
            "value": self.value(),
            "interval": self.interval(),
            "ceiling": self.ceiling,
            "floor": self.floor,
            "n": len(self.sums),
            "mistakes": [[*pair, number] for pair, number in self.mistakes.most_common()],
        }


class ControlTests:
    """Clips of held-out people, generated again under each kind of control, and what the judges see in them.

    Args:
        network: the generator, in evaluation mode.
        judge, identity: who measures.
        clips, frames, seeds: how much.
        how: the sampling options of `animate`.
    """

    def __init__(
        self,
        network: Generator,
        judge: Judge,
        identity: IdentityJudge,
        clips: int,
        frames: int,
        seeds: int,
        how: Mapping[str, Any],
    ) -> None:
        self.network, self.judge, self.identity = network, judge, identity
        self.count, self.frames, self.seeds, self.how = clips, frames, seeds, how
        self.clips = [self._clip(i) for i in range(clips)]

    def _clip(self, index: int) -> Sample:
        blend = torch.zeros(len(EMOTIONS))
        if (kind := index % len(CLASSES)) < len(EMOTIONS):
            blend[kind] = INTENSITY
        return synthetic_clip(
            FIRST_SEED + index, frames=self.frames, size=self.network.size, blend=blend, split="test"
        )

    def generate(self, clip: Sample, cue: EmotionCue, seed: int, sound: Tensor | None = None) -> Tensor:
        """Frames (F, 3, H, W) of a clip's person with the clip's head motion."""
        sound = clip["waveform"] if sound is None else sound
        motion = truth_of(clip, "head_motion")
        chunks = self.network.animate(
            clip["reference"], sound, cue, head_motion=motion, seed=seed, **self.how
        )
        return torch.cat(list(chunks))

    def rows(self, questions: Sequence[str]) -> Iterator[Score]:
        """The lines of those questions, which are names of methods, one after the other."""
        for question in questions:
            yield from getattr(self, question)()

    def _each(self) -> Iterator[tuple[int, Sample, int]]:
        for index, clip in enumerate(self.clips):
            for seed in range(self.seeds):
                yield index, clip, seed

    def _people(self) -> list[str]:
        return [clip["identity"] for _, clip, _ in self._each()]

    def _class(self, frames: Tensor) -> int:
        return int(self.judge.measure(frames)["emotion"].mean(0).argmax())

    def emotion(self) -> Iterator[Score]:
        """Emotion accuracy by label, by text and by the tone of a voice alone."""
        wanted = [i % len(CLASSES) for i in range(self.count)]
        ceiling = (
            sum(self._class(c["frames"]) == w for c, w in zip(self.clips, wanted, strict=True)) / self.count
        )
        cues: dict[str, Callable[[int, Sample], EmotionCue]] = {
            "label": lambda i, clip: EmotionCue(label=truth_of(clip, "blend")[None]),
            "text": lambda i, clip: EmotionCue(text=clip.get("text")),
            "speech alone": lambda i, clip: EmotionCue(speech=self._voice(i, clip)),
        }
        for name, cue in cues.items():
            pairs = [
                (wanted[i], self._class(self.generate(clip, cue(i, clip), seed)))
                for i, clip, seed in self._each()
            ]
            yield Score(
                f"emotion accuracy by {name}",
                torch.tensor([(float(asked == shown), 1.0) for asked, shown in pairs]),
                self._people(),
                ceiling=ceiling,
                floor=1 / len(CLASSES),
                mistakes=Counter((CLASSES[a], CLASSES[shown]) for a, shown in pairs if a != shown),
            )

    def _voice(self, index: int, clip: Sample) -> Tensor:
        """Three seconds of another speaker in the clip's emotion: nothing but the tone says what is felt."""
        blend = clip.get("blend")
        return synthetic_voice(FIRST_SEED + 10_000 + index, VOICE_FRAMES, blend=blend, split="test").waveform

    def truth(self) -> Iterator[Score]:
        """Clips driven by their own sound, head motion and held action units, against the truth."""
        units, truth_units, lips, sharp, grain, flicker, calm, same, real, other = ([] for _ in range(10))
        embedded = [self.identity.measure(clip["reference"][None])["identity"][0] for clip in self.clips]
        for i, clip, seed in self._each():
            true_units = truth_of(clip, "action_units")
            video = self.generate(clip, EmotionCue(action_units=tonic(true_units)), seed)
            measured, of_truth = self.judge.measure(video), self.judge.measure(clip["frames"])
            units.append(moment_sums(measured["action_units"], true_units).flatten())
            truth_units.append(moment_sums(of_truth["action_units"], true_units).flatten())
            true_opening = lip_opening(truth_of(clip, "landmarks"))
            openings = [side["lip_opening"] for side in (measured, of_truth)]
            lips.append([pearson(moment_sums(opening, true_opening)).item() for opening in openings])
            sharp.append((psnr_frames(video, clip["frames"]).sum().item(), len(video)))
            grain.append(grain_sums(video, clip["frames"]))
            flicker.append(flicker_sums(video, clip["frames"]))
            calm.append(flicker_sums(clip["frames"], clip["frames"]))
            faces = self.identity.measure(video)["identity"]
            same.append(((faces @ embedded[i]).mean().item(), 1.0))
            real.append((self.identity.measure(clip["frames"])["identity"] @ embedded[i]).mean().item())
            other.append((faces @ embedded[(i + 1) % self.count]).mean().item())
        people, best = self._people(), torch.stack(truth_units).sum(0, keepdim=True)
        yield Score(
            "AU correlation by action units",
            torch.stack(units),
            people,
            mean_pearson,
            mean_pearson(best).item(),
            0.0,
        )
        lips_n = torch.tensor([[x, 1.0] for x, _ in lips]).nan_to_num()
        yield Score("lip opening r, own sound", lips_n, people, ceiling=sum(y for _, y in lips) / len(lips))
        yield Score("PSNR, dB", torch.tensor(sharp), people)
        yield Score("grain in flat places, grey levels", torch.stack(grain), people, grain_level, 0.0)
        calmest = ratio(torch.stack(calm).sum(0, keepdim=True)).item()
        yield Score("flicker in still places, grey levels", torch.stack(flicker), people, ceiling=calmest)
        ceiling, floor = (sum(cosines) / len(cosines) for cosines in (real, other))
        yield Score(
            "identity cosine to the portrait",
            torch.tensor(same),
            people,
            ratio,
            ceiling=ceiling,
            floor=floor,
        )

    def shuffled(self) -> Iterator[Score]:
        """Lip opening against the truth when the sound is another clip's: must be near zero."""
        rows = []
        for i, clip, seed in self._each():
            sound = self.clips[(i + 3) % self.count]["waveform"]
            video = self.generate(clip, EmotionCue(label=truth_of(clip, "blend")[None]), seed, sound)
            true_opening = lip_opening(truth_of(clip, "landmarks"))
            opening = self.judge.measure(video)["lip_opening"]
            rows.append((pearson(moment_sums(opening, true_opening)).nan_to_num().item(), 1.0))
        yield Score("lip opening r, shuffled sound", torch.tensor(rows), self._people())

    def units(self, levels: int = 5, people: int = 3) -> Iterator[Score]:
        """Share of single action units whose measured intensity rises at every step of the asked one.

        In silence, means over some people; the ceiling are true renderings of the same people, who speak.
        """
        asked = torch.linspace(0, 1, levels)
        of_network, of_truth = (
            [float(self._rises(unit, asked, show, people)) for unit in range(len(ACTION_UNITS))]
            for show in (self._made_unit, self._true_unit)
        )
        yield Score(
            "single AUs rising monotonically, of 15",
            torch.tensor([[x, 1.0] for x in of_network]),
            [f"AU{u}" for u in ACTION_UNITS],
            ceiling=sum(of_truth) / len(of_truth),
        )

    def _rises(self, unit: int, asked: Tensor, show: Callable[[int, Tensor], Tensor], people: int) -> bool:
        intensity = torch.zeros(len(asked))
        for person in range(min(people, self.count)):
            for place, level in enumerate(asked):
                units = torch.zeros(len(ACTION_UNITS))
                units[unit] = level
                intensity[place] += self.judge.measure(show(person, units))["action_units"][:, unit].mean()
        return bool((intensity.diff() > 0).all())

    def _made_unit(self, person: int, units: Tensor) -> Tensor:
        cue, silence = EmotionCue(action_units=units[None]), torch.zeros(4 * SAMPLES_PER_FRAME)
        portrait = self.clips[person]["reference"]
        return torch.cat(list(self.network.animate(portrait, silence, cue, **self.how)))

    def _true_unit(self, person: int, units: Tensor) -> Tensor:
        clip = synthetic_clip(FIRST_SEED + person, 5, self.network.size, action_units=units, split="test")
        return clip["frames"]

    def palette(self) -> Iterator[Score]:
        """Share of clips whose half happy, half surprised face shows those two above all other classes."""
        yield self._both("happy+surprise both above all others", ["happy:0.5,surprise:0.5"])

    def compounds(self) -> Iterator[Score]:
        """The same over the named compounds in turn."""
        yield self._both("compounds, both parts above all others", list(COMPOUNDS))

    def _both(self, title: str, names: list[str]) -> Score:
        rows, true = [], []
        for index, clip, seed in self._each():
            blend = parse_blend(names[index % len(names)])
            video = self.generate(clip, EmotionCue(label=blend[None]), seed)
            rows.append((self._shows(video, blend), 1.0))
        for index in range(self.count):
            blend = parse_blend(names[index % len(names)])
            clip = synthetic_clip(
                FIRST_SEED + index, self.frames, self.network.size, blend=blend, split="test"
            )
            true.append(self._shows(clip["frames"], blend))
        return Score(title, torch.tensor(rows), self._people(), ceiling=sum(true) / len(true))

    def _shows(self, frames: Tensor, blend: Tensor) -> float:
        """Whether all parts of a blend are seen above everything else."""
        shown = self.judge.measure(frames)["emotion"].mean(0)
        asked = [CLASSES.index(EMOTIONS[i]) for i in blend.nonzero().flatten().tolist()]
        rest = [i for i in range(len(CLASSES)) if i not in asked]
        return float(shown[asked].min() > shown[rest].max())


def grain_level(sums_BK: Tensor) -> Tensor:
    """High-frequency level of flat places above the truth's, grey levels, from `grain_sums`."""
    made, true, number = sums_BK[:, 0], sums_BK[:, 1], sums_BK[:, 2].clamp(min=1)
    return (made / number).sqrt() - (true / number).sqrt()
