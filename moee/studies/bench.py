"""Held-out synthetic people, a network that makes them move, and the judges that look. F frame, E expert."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS, CLASSES, EMOTIONS, Sample
from datamodules.synthetic.clip import synthetic_clip
from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.embedded.judge import Judge
from lightning_modules.interfaces import EmotionCue
from moee.clips.truth import truth_of
from moee.console import Watch, unwatched
from moee.generation.generator import Generator
from moee.studies.gate_probe import GateProbe
from moee.weights.modules import locate_weights

FIRST_SEED = 800_000  # of the clips; people and speakers come from the test split
INTENSITY = 0.9  # of an emotion where a study does not ask for doses
ItemT = TypeVar("ItemT")


def load_judges(judge: str = "judge", identity: str = "judge-identity") -> tuple[Judge, IdentityJudge]:
    """The embedded judges, by the names or files of their weights.

    Raises:
        FileNotFoundError: if weights are missing.
    """
    return Judge.load(locate_weights(judge)), IdentityJudge.load(locate_weights(identity))


def check_least(name: str, number: int, least: int = 1) -> None:
    """Refuse too small a number of an option.

    Raises:
        ValueError: with the option's name.
    """
    if number < least:
        raise ValueError(f"--{name} {number}: at least {least} is needed")


@dataclass
class Bench:
    """What every study works on.

    Args:
        network: the generator, in evaluation mode.
        judge: of emotions, action units and lips.
        identity: of faces.
        clips: held-out people.
        frames: of a clip.
        seeds: sampling seeds.
        steps: of the sampler.
        watch: told how far the work is.
    """

    network: Generator
    judge: Judge
    identity: IdentityJudge
    clips: int
    frames: int
    seeds: int
    steps: int
    watch: Watch = unwatched

    def clip(
        self, index: int, blend: Tensor | None = None, frames: int = 0, units: Tensor | None = None
    ) -> Sample:
        """The true clip of person number `index`, calm unless told."""
        shown_E = torch.zeros(len(EMOTIONS)) if blend is None and units is None else blend
        length, size = frames or self.frames, self.network.size
        return synthetic_clip(
            FIRST_SEED + index, length, size, index, blend=shown_E, action_units=units, split="test"
        )

    def animate(
        self, clip: Sample, cue: EmotionCue, seed: int, probe: GateProbe | None = None, still: bool = False
    ) -> Tensor:
        """Frames (F, 3, H, W) of a clip's person and sound; its head motion, or none where it is `still`."""
        chunks = self.network.animate(
            clip["reference"],
            clip["waveform"],
            cue,
            head_motion=None if still else truth_of(clip, "head_motion"),
            seed=seed,
            steps=self.steps,
        )
        return torch.cat(list(chunks if probe is None else probe.watch(chunks)))

    def look(self, frames: Tensor) -> dict[str, Tensor]:
        """What the judges see: class probabilities and intensities as means of the clip, lips per frame."""
        measured = self.judge.measure(frames)
        return {
            "emotions": measured["emotion"].mean(0),
            "action units": measured["action_units"].mean(0),
            "lip track": measured["lip_opening"],
            "identity": self.identity.measure(frames)["identity"].mean(0),
        }

    def counted(self, items: Iterable[ItemT], count: int) -> Iterator[ItemT]:
        """The items, telling `watch` after each."""
        for done, item in enumerate(items, 1):
            yield item
            self.watch(done, count)

    @property
    def has_experts(self) -> bool:
        """Whether the network has a mixture of the six experts to look into."""
        return getattr(getattr(self.network, "mixture", None), "experts", 0) == len(EMOTIONS)

    @property
    def knows_regions(self) -> bool:
        """Whether a label may ask for one emotion in the upper face and another in the lower."""
        encoders = getattr(self.network, "emotion_encoders", {})
        return "label" in encoders and encoders["label"].regional


def copy_with_sound(clip: Sample, waveform_S: Tensor) -> Sample:
    """The same person and picture with another sound (S,) at 16 kHz."""
    other = clip.copy()
    other["waveform"] = waveform_S
    return other


def blend_of(emotion: str, intensity: float = INTENSITY) -> Tensor:
    """A blend (E,) of one emotion; neutral is all zeros."""
    return torch.tensor([intensity * (name == emotion) for name in EMOTIONS])


def label_cue(blend_E: Tensor) -> EmotionCue:
    """A cue by label alone."""
    return EmotionCue(label=blend_E[None])


def probability(measured: dict[str, Tensor], emotion: str) -> float:
    """Of a class, as the judge saw it in a clip."""
    return float(measured["emotions"][CLASSES.index(emotion)])


def unit_alone(place: int, intensity: float) -> Tensor:
    """Intensities (A,) with one action unit and no other."""
    units = torch.zeros(len(ACTION_UNITS))
    units[place] = intensity
    return units
