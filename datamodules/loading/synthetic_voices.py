"""Synthetic voices with the truth about lips and phones. F frame, S sample, L lip track."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.batch import SAMPLES_PER_FRAME
from datamodules.digest import recipe_digest
from datamodules.loading.drawn_samples import STAGES, DrawnClips
from datamodules.loading.synthetic_cues import cue_blend, synthetic_utterance
from datamodules.synthetic.performance import Utterance
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.voice import augment_sound

TRACKS = ("opening", "rounding", "spreading", "pressing", "jaw")
PHONE_NAMES = tuple(PHONES)


class SyntheticVoices(DrawnClips):
    """Voices with the truth about lips and phones: `waveform` (S,), `lips` (F, 5), `phone` (F,).

    A pool of clips is spoken once and heard again in every round, each time through another room, microphone
    and noise. Validation and test have speakers of their own.

    Args:
        clips: clips in the pool.
        rounds: how often the pool is gone through in an epoch.
        frames: length of a clip in video frames.
        held_out_clips: clips of validation and of test.
        global_batch: clips per step, over all devices.
        strength: of `augment_sound`, in [0, 1].
        seed: where everything is drawn from.
    """

    def __init__(
        self,
        clips: int = 2000,
        rounds: int = 4,
        frames: int = 75,
        held_out_clips: int = 128,
        global_batch: int = 16,
        strength: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(clips, rounds, held_out_clips, global_batch)
        self.frames, self.strength, self.seed = frames, strength, seed
        self.pool: dict[tuple[int, int], dict[str, Tensor]] = {}

    def digest(self) -> str:
        """Digits of the recipe that voices are made by."""
        sizes = [self.clips, self.frames, self.held_out_clips]
        return recipe_digest(["voices", *sizes, self.strength, self.seed])

    def draw(self, stage: str, index: int) -> dict[str, Tensor]:
        """Clip `index` of a stage: late by some silence now and then, through a random channel."""
        number = STAGES[stage][0]
        turn, place = divmod(index, self.clips)
        order = np.random.default_rng([self.seed, number, turn]).permutation(self.clips)
        clip = self._spoken(stage, int(order[place]) if stage == "fit" else index)
        rng = np.random.default_rng([self.seed, number, index, 11])
        late = int(rng.integers(1, self.frames // 2)) if rng.random() < 0.25 else 0
        waveform_S = np.pad(clip["waveform"].numpy(), (late * SAMPLES_PER_FRAME, 0))
        heard_S = augment_sound(
            waveform_S[: self.frames * SAMPLES_PER_FRAME].astype(np.float32), rng, self.strength
        )
        silence = {
            "lips": torch.zeros(late, len(TRACKS)),
            "phone": torch.full((late,), PHONE_NAMES.index("sil")),
        }
        moved = {name: torch.cat([still, clip[name]])[: self.frames] for name, still in silence.items()}
        return {"waveform": torch.from_numpy(heard_S), **moved}

    def _spoken(self, stage: str, index: int) -> dict[str, Tensor]:
        key = (STAGES[stage][0], index)
        if key not in self.pool:
            rng = np.random.default_rng([self.seed, *key, 5])
            utterance = synthetic_utterance(rng, cue_blend(rng), self.frames, STAGES[stage][1])
            self.pool[key] = {
                "waveform": torch.from_numpy(utterance.waveform).half(),  # the error is inaudible
                "lips": torch.from_numpy(lip_tracks(utterance)),
                "phone": phone_classes(utterance, self.frames),
            }
        return self.pool[key]


def lip_tracks(utterance: Utterance) -> NDArray[np.float32]:
    """The tracks of `TRACKS` (F, L) in [0, 1]: the opening with closures applied."""
    _, jaw, rounding, spreading, pressing = utterance.lips.T
    return np.stack([utterance.opening, rounding, spreading, pressing, jaw], axis=1).astype(np.float32)


def phone_classes(utterance: Utterance, frames: int) -> Tensor:
    """The phone heard in the middle of each video frame (F,), as an index into `PHONE_NAMES`."""
    ends = np.array([phone.end for phone in utterance.script.phones])
    middle_F = (np.arange(frames) + 0.5) * utterance.script.seconds / frames
    at_F = np.minimum(np.searchsorted(ends, middle_F, side="right"), len(ends) - 1)
    return torch.tensor([PHONE_NAMES.index(utterance.script.phones[at].symbol) for at in at_F])
