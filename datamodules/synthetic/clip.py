"""One synthetic clip, with everything that is true about it.

Identities and voices of the three splits come from disjoint ranges of seeds. F frame, E expert, A action
unit.
"""

from dataclasses import dataclass, replace
from math import comb
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from datamodules.batch import (
    COMPOUNDS,
    EMOTIONS,
    OPTIONAL_TENSORS,
    Sample,
    blend_label,
    check_blend,
    parse_blend,
)
from datamodules.head_motion import head_motion
from datamodules.synthetic.face.controls import Controls
from datamodules.synthetic.face.identity_sampling import sample_identity
from datamodules.synthetic.face.renderer import render
from datamodules.synthetic.performance import perform, portrait, random_action_units, utter
from datamodules.synthetic.text import describe
from datamodules.synthetic.voice import sample_speaker

Split = Literal["train", "validation", "test"]
World = Literal["painted", "head"]

IDENTITIES: dict[str, range] = {
    "train": range(0, 1_000_000),
    "validation": range(1_000_000, 1_100_000),
    "test": range(2_000_000, 2_100_000),
}


@dataclass(frozen=True)
class Shares:
    """How often a random clip shows what; the rest shows random action units without an emotion.

    Args:
        neutral: no emotion.
        basic: one of the six, at 0.4 to 1.
        mixed: two at once: half of them the named compounds.
        regional: one emotion in the upper face and another in the lower.
        held_out: pairs of emotions that never meet in one face, such as `happy+fear`; not all of them.
    """

    neutral: float = 0.12
    basic: float = 0.58
    mixed: float = 0.20
    regional: float = 0.0
    held_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shares = (self.neutral, self.basic, self.mixed, self.regional)
        if min(shares) < 0 or sum(shares) > 1 + 1e-6:
            raise ValueError(f"shares {shares}: expected none below 0 and a sum of at most 1")
        for pair in self.held_out:
            if len(set(pair.split("+"))) != 2 or set(pair.split("+")) - set(EMOTIONS):
                raise ValueError(
                    f"held_out pair {pair!r}: two of {', '.join(EMOTIONS)} joined by + are allowed"
                )

        pairs = {frozenset(pair.split("+")) for pair in self.held_out}
        if len(pairs) == comb(len(EMOTIONS), 2) and self.mixed + self.regional > 0:
            raise ValueError("held_out names every pair of emotions: there is none to mix")

    def allows(self, blend_E: Tensor) -> bool:
        """Whether no pair of emotions in a blend is held out."""
        shown = {name for name, weight in zip(EMOTIONS, blend_E.tolist(), strict=True) if weight > 0}
        return not any(set(pair.split("+")) <= shown for pair in self.held_out)


@dataclass(frozen=True)
class VoiceClip:
    """A sound and its lips, no picture. Lip tracks in [0, 1]; `lips` is rounding, spreading, pressing."""

    waveform: Tensor  # (F * 640,)
    blend: Tensor  # (E,)
    opening: Tensor  # (F,)
    lips: Tensor  # (F, 3)
    pitch: Tensor  # (F,) Hz
    speaker: int


def identity_seed(index: int, split: Split) -> int:
    """The seed of the person number `index` of a split.

    Raises:
        ValueError: if the split is unknown or has no such person.
    """
    if split not in IDENTITIES:
        raise ValueError(f"unknown split {split!r}: allowed are {', '.join(IDENTITIES)}")
    if not 0 <= index < len(IDENTITIES[split]):
        raise ValueError(f"identity {index}: split {split!r} has 0..{len(IDENTITIES[split]) - 1}")
    return IDENTITIES[split][index]


def random_blend(rng: np.random.Generator, shares: Shares = Shares()) -> Tensor | None:
    """What a random clip feels: a blend (E,), one by region (2, E), or None for units without emotion."""
    draw = rng.random()
    if draw < shares.neutral:
        return torch.zeros(len(EMOTIONS))
    if draw < shares.neutral + shares.basic:
        return _one(int(rng.integers(len(EMOTIONS)))) * float(rng.uniform(0.4, 1.0))
    if draw < shares.neutral + shares.basic + shares.mixed:
        mixture = _mixture(rng)
        while not shares.allows(mixture):
            mixture = _mixture(rng)
        return mixture * float(rng.uniform(0.6, 1.0))
    if draw < shares.neutral + shares.basic + shares.mixed + shares.regional:
        regions = _regions(rng)
        while not shares.allows(regions.mean(0)):
            regions = _regions(rng)
        return regions
    return None


def _regions(rng: np.random.Generator) -> Tensor:
    """Two different emotions (2, E), one in the upper face and one in the lower, each at 0.6 to 1."""
    upper, lower = rng.choice(len(EMOTIONS), 2, replace=False)
    strength = torch.from_numpy(rng.uniform(0.6, 1.0, (2, 1))).float()
    return torch.stack([_one(int(upper)), _one(int(lower))]) * strength


def _one(emotion: int) -> Tensor:
    return torch.eye(len(EMOTIONS))[emotion]


def _mixture(rng: np.random.Generator) -> Tensor:
    """Half the time a named compound, else any two emotions in any proportion between 1:1 and 1:3."""
    if rng.random() < 0.5:
        return parse_blend(list(COMPOUNDS)[int(rng.integers(len(COMPOUNDS)))])
    first, second = rng.choice(len(EMOTIONS), 2, replace=False)
    share = float(rng.uniform(0.5, 0.75))
    return share * _one(int(first)) + (1 - share) * _one(int(second))


def synthetic_clip(
    seed: int,
    frames: int = 50,
    size: int = 128,
    identity: int | None = None,
    blend: Tensor | None = None,
    action_units: Tensor | None = None,
    randomisation: float = 0.0,
    reference: Literal["neutral", "any"] = "neutral",
    split: Split = "train",
    shares: Shares = Shares(),
    world: World = "painted",
) -> Sample:
    """Render one clip of the synthetic world; the same arguments give the same clip.

    Args:
        seed: of everything random in the clip.
        frames: length at 25 fps; at least 5.
        size: height and width in pixels.
        identity: number of the person within the split; random by default. Voice and face belong together.
        blend: what is felt, (E,), or (2, E) if the upper and the lower face show different things; random by
            default, and then a tenth of the clips shows random units instead, without `blend`, `label` and
            `text`.
        action_units: an expression (A,) or (F, A) to show; without `blend` the clip has no emotion either.
        randomisation: 0 plain faces to 1 strongly randomised appearance, see `sample_identity`.
        reference: whether the reference picture is neutral or any moment of the person.
        split: `train`, `validation` or `test`: disjoint people and voices; `test` also has held-out wordings.
        shares: of what is drawn where no blend is given.
        world: `painted` is the older one in two dimensions; `head` is the one in three, whose faces are laid
            out flat (`datamodules.face_space`): `frames` and `reference` are those of the layout then, and
            `points` tell where they lay.

    Raises:
        ValueError: if an argument is out of range; names it.
    """
    if split not in IDENTITIES:
        raise ValueError(f"unknown split {split!r}: allowed are {', '.join(IDENTITIES)}")
    rng = np.random.default_rng([seed, IDENTITIES[split].start])
    drawn = int(rng.integers(len(IDENTITIES[split])))
    person = identity_seed(drawn if identity is None else identity, split)
    felt, regions, shown = _what_to_show(rng, blend, action_units, shares)
    acted = np.zeros(len(EMOTIONS)) if felt is None else check_blend(felt).numpy()
    performance = perform(acted, frames, rng, sample_speaker(person), shown, regions)
    still = _reference_controls(rng, reference, shares)
    picture = _painted if world == "painted" else _flat
    sample: Sample = {
        **picture(person, performance.controls, still, rng, size, randomisation),
        "key": f"synthetic-{split}-{seed:08d}",
        "corpus": "synthetic",
        "identity": f"synthetic-{person}",
        "waveform": torch.from_numpy(performance.utterance.waveform),
        "action_units": torch.from_numpy(performance.controls.action_units),
    }
    if felt is not None:
        _tell_emotion(sample, felt, regions, rng, split)
    names = [name for name in (*OPTIONAL_TENSORS, "label", "text") if name in sample]
    sample["provenance"] = dict.fromkeys(names, "synthetic")
    return sample


def _painted(
    person: int, controls: Controls, still: Controls, _: np.random.Generator, size: int, randomisation: float
) -> Sample:
    """Pictures of the world in two dimensions, and what is true of them."""
    face = sample_identity(person, randomisation)
    rendering, portrait_of = render(face, controls, size), render(face, still, size)
    pictures: dict = {
        "frames": rendering.frames,
        "reference": portrait_of.frames[0],
        "landmarks": rendering.landmarks,
        "mouth_mask": rendering.mouth_mask,
        "head_motion": head_motion(rendering.landmarks, portrait_of.landmarks[0]),
    }
    return pictures  # type: ignore[return-value]


def _flat(
    person: int,
    controls: Controls,
    still: Controls,
    rng: np.random.Generator,
    size: int,
    randomisation: float,
) -> Sample:
    """Faces of the world in three dimensions, laid out flat."""
    from datamodules.synthetic.head.clip import flat_clip

    return flat_clip(person, controls, still, rng, size, randomisation)


def _tell_emotion(
    sample: Sample, felt: Tensor, regions: np.ndarray | None, rng: np.random.Generator, split: Split
) -> None:
    """Add what is felt to a clip: blend and label, and a text, or the blends by region."""
    sample["blend"] = felt.float()
    sample["label"] = blend_label(felt)
    if regions is None:
        sample["text"] = describe(felt, rng, "test" if split == "test" else "train")
    else:
        sample["regions"] = torch.from_numpy(regions).float()


def _what_to_show(
    rng: np.random.Generator, blend: Tensor | None, action_units: Tensor | None, shares: Shares
) -> tuple[Tensor | None, np.ndarray | None, np.ndarray | None]:
    """The blend (E,) or None, the blends by region (2, E) or None, and the imposed units or None."""
    units = None if action_units is None else action_units.numpy()
    if blend is None and units is None:
        blend = random_blend(rng, shares)
        units = random_action_units(rng) if blend is None else None
    if blend is None or blend.ndim == 1:
        return blend, None, units
    return blend.mean(0), check_blend(blend, "regions").numpy(), units


def _reference_controls(rng: np.random.Generator, kind: str, shares: Shares) -> Controls:
    if kind not in ("neutral", "any"):
        raise ValueError(f"unknown reference {kind!r}: allowed are neutral, any")
    if kind == "neutral":
        return portrait(np.zeros(len(EMOTIONS)), rng)
    feeling = random_blend(rng, replace(shares, regional=0.0))
    apart = float(rng.uniform(0.2, 0.9)) if rng.random() < 0.4 else 0.0
    return portrait(np.zeros(len(EMOTIONS)) if feeling is None else feeling.numpy(), rng, apart)


def _voice_blend(rng: np.random.Generator) -> Tensor:
    if rng.random() < 0.1:
        return _mixture(rng) * float(rng.uniform(0.6, 1.0))
    emotion = int(rng.integers(len(EMOTIONS) + 1))
    if emotion == len(EMOTIONS):
        return torch.zeros(len(EMOTIONS))
    return _one(emotion) * float(rng.uniform(0.4, 1.0))


def synthetic_voice(
    seed: int,
    frames: int = 50,
    blend: Tensor | None = None,
    speaker: int | None = None,
    split: Split = "train",
) -> VoiceClip:
    """Sound and lips without rendering: what speech networks train on.

    Without a blend, one of the seven classes is drawn evenly (emotions at intensity 0.4 to 1); a tenth are
    pairs.

    Raises:
        ValueError: if an argument is out of range; names it.
    """
    if split not in IDENTITIES:
        raise ValueError(f"unknown split {split!r}: allowed are {', '.join(IDENTITIES)}")
    rng = np.random.default_rng([seed, IDENTITIES[split].start, 1])
    drawn = int(rng.integers(len(IDENTITIES[split])))
    person = identity_seed(drawn if speaker is None else speaker, split)
    blend = _voice_blend(rng) if blend is None else check_blend(blend)
    utterance = utter(blend.numpy(), frames, rng, sample_speaker(person))
    return VoiceClip(
        waveform=torch.from_numpy(utterance.waveform),
        blend=blend.float(),
        opening=torch.from_numpy(utterance.opening),
        lips=torch.from_numpy(np.ascontiguousarray(utterance.lips[:, 2:5])),
        pitch=torch.from_numpy(utterance.pitch),
        speaker=person,
    )
