"""Synthetic emotion cues of one modality with their blends. F frame, S sample, E expert, A action unit."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.action_units import PROTOTYPES, prototype
from datamodules.batch import ACTION_UNITS, COMPOUNDS, EMOTIONS, MODALITIES, parse_blend
from datamodules.digest import recipe_digest
from datamodules.loading.drawn_samples import STAGES, DrawnClips
from datamodules.synthetic.clip import IDENTITIES, Split
from datamodules.synthetic.performance import Utterance, random_action_units, utter
from datamodules.synthetic.text import describe, describe_units
from datamodules.synthetic.voice import augment_sound, sample_speaker
from datamodules.synthetic.wording.movements import suggested
from datamodules.synthetic.wording.tables import Texts

TEXTS: dict[str, Texts] = {"fit": "train", "validate": "test", "test": "test_words"}
MOVEMENTS = 0.12  # share of the texts that describe facial movements alone


class SyntheticCues(DrawnClips):
    """One modality's cues with their blends, for `EmotionRecognition`: `cue` and `blend` (E,).

    Texts have `action_units` (A,) too; some describe movements alone, and their blend is NaN where the
    movements suggest no emotion. Validation has patterns of sentences that training never uses, test has
    forms of words.

    Args:
        modality: label, text, speech or action_units.
        clips: training clips in an epoch; those of `speech` are spoken once and heard through a new channel
            each round.
        rounds: how often the clips are gone through in an epoch.
        held_out_clips: clips of validation and of test: held-out wordings, speakers, variations.
        frames: length of a voice in video frames.
        global_batch: clips per step, over all devices.
        strength: of `augment_sound`, in [0, 1].
        seed: where everything is drawn from.
    """

    def __init__(
        self,
        modality: str,
        clips: int = 2000,
        rounds: int = 1,
        held_out_clips: int = 256,
        frames: int = 75,
        global_batch: int = 32,
        strength: float = 0.7,
        seed: int = 0,
    ) -> None:
        super().__init__(clips, rounds, held_out_clips, global_batch)
        if modality not in MODALITIES:
            raise ValueError(f"unknown modality {modality!r}: known are {', '.join(MODALITIES)}")
        self.modality, self.frames, self.strength, self.seed = modality, frames, strength, seed
        self.pool: dict[tuple[int, int], Tensor] = {}

    def digest(self) -> str:
        """Digits of the recipe that cues are made by."""
        sizes = [self.clips, self.frames, self.held_out_clips]
        return recipe_digest(["cues", self.modality, *sizes, self.strength, self.seed])

    def draw(self, stage: str, index: int) -> dict[str, Any]:
        """Clip `index` of a stage."""
        key = (STAGES[stage][0], index % self.clips if stage == "fit" else index)
        rng = np.random.default_rng([self.seed, *key, 5])
        blend_E = cue_blend(rng)
        channel = np.random.default_rng([self.seed, key[0], index, 11])
        if self.modality == "label":
            return {"cue": blend_E[None], "blend": blend_E}
        if self.modality == "action_units":
            return {"cue": shown_action_units(blend_E, channel, 8), "blend": blend_E}
        if self.modality == "text":
            return described(blend_E, channel, TEXTS[stage])
        if key not in self.pool:
            spoken = synthetic_utterance(rng, blend_E, self.frames, STAGES[stage][1]).waveform
            self.pool[key] = torch.from_numpy(spoken).half()
        heard_S = augment_sound(self.pool[key].float().numpy(), channel, self.strength)
        return {"cue": torch.from_numpy(heard_S), "blend": blend_E}


def described(blend_E: Tensor, rng: np.random.Generator, split: Texts) -> dict[str, Any]:
    """A text with its blend and the action units (A,) that it describes or that the blend makes."""
    if rng.random() >= MOVEMENTS:
        return {"cue": describe(blend_E, rng, split), "blend": blend_E, "action_units": prototype(blend_E)}
    unit_A = torch.from_numpy(random_action_units(rng)).float()
    units = [unit for unit, amount in zip(ACTION_UNITS, unit_A.tolist(), strict=True) if amount]
    emotion = suggested(units)
    if emotion is None or set(units) - set(PROTOTYPES[emotion]):
        blend_E = torch.full_like(blend_E, torch.nan)
    else:
        blend_E = parse_blend(emotion) * unit_A.max()
    return {"cue": describe_units(unit_A, rng, split), "blend": blend_E, "action_units": unit_A}


def cue_blend(rng: np.random.Generator) -> Tensor:
    """A blend (E,): neutral (1/7), one emotion (4/7), compound or any pair (2/7), intensity 0.35 to 1."""
    kind, intensity = rng.random() * 7, float(rng.uniform(0.35, 1.0))
    blend_E = torch.zeros(len(EMOTIONS))
    if kind < 1:
        return blend_E
    if kind < 5:
        blend_E[int(rng.integers(len(EMOTIONS)))] = intensity
    elif kind < 6:
        blend_E += intensity * parse_blend(sorted(COMPOUNDS)[int(rng.integers(len(COMPOUNDS)))])
    else:
        first, second = rng.choice(len(EMOTIONS), 2, replace=False)
        share = float(rng.uniform(0.3, 0.7))
        blend_E[int(first)], blend_E[int(second)] = intensity * share, intensity * (1 - share)
    return blend_E


def synthetic_utterance(rng: np.random.Generator, blend_E: Tensor, frames: int, split: Split) -> Utterance:
    """Something said by somebody of a split; no speaker is in two."""
    person = IDENTITIES[split][int(rng.integers(len(IDENTITIES[split])))]
    return utter(blend_E.numpy(), frames, rng, sample_speaker(person))


def shown_action_units(blend_E: Tensor, rng: np.random.Generator, frames: int) -> Tensor:
    """A face that shows the blend (F, A): its prototype with one person's gains and a coder's error."""
    prototype_A = prototype(blend_E).numpy()
    gain_A = np.clip(rng.lognormal(0, 0.15, prototype_A.shape), 0.6, 1.5)
    error_FA = rng.normal(0, 0.04, (frames, *prototype_A.shape))
    return torch.from_numpy(np.clip(prototype_A * gain_A + error_FA, 0, 1).astype(np.float32))
