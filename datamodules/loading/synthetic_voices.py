"""Synthetic voices with the truth about lips and phones. F frame, S sample, L lip track."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.batch import FPS, SAMPLES_PER_FRAME
from datamodules.digest import recipe_digest
from datamodules.loading.drawn_samples import STAGES, DrawnClips
from datamodules.loading.synthetic_cues import cue_blend, synthetic_utterance
from datamodules.synthetic.anybody import Speech, read_by_anybody, spoken_by_anybody
from datamodules.synthetic.performance import Utterance
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.readers import require_flite
from datamodules.synthetic.recording import record
from datamodules.synthetic.script import Script, TimedPhone, articulate, per_frame, waiting_lips
from datamodules.synthetic.voice import augment_sound

TRACKS = ("opening", "rounding", "spreading", "pressing", "jaw")
PHONE_NAMES = tuple(PHONES)
BABBLE = 64  # clips of the pool that others are heard talking in


class SyntheticVoices(DrawnClips):
    """Voices with the truth about lips and phones: `waveform` (S,), `lips` (F, 5), `phone` (F,).

    Training hears the world's own speakers, anybody's voice by the same synthesiser, and, where that is asked
    for, texts that Flite reads aloud. A pool of clips is spoken once and recorded anew in every round, in
    another room, by another microphone, among other noises. Validation and test have speakers of the world,
    of their own, through `augment_sound`.

    Args:
        clips: clips in the pool.
        rounds: how often the pool is gone through in an epoch.
        frames: length of a clip in video frames.
        held_out_clips: clips of validation and of test.
        global_batch: clips per step, over all devices.
        strength: of what recordings do to the sound, in [0, 1].
        world_share: share of the pool that the world's own speakers say.
        read_share: share of the pool that Flite reads aloud; above 0 it must be installed.
        seed: where everything is drawn from.

    Raises:
        ValueError: if shares are below 0 or above 1 together.
        FileNotFoundError: if Flite is asked for and not installed.
    """

    def __init__(
        self,
        clips: int = 2000,
        rounds: int = 4,
        frames: int = 75,
        held_out_clips: int = 128,
        global_batch: int = 16,
        strength: float = 1.0,
        world_share: float = 0.2,
        read_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(clips, rounds, held_out_clips, global_batch)
        if min(world_share, read_share) < 0 or world_share + read_share > 1:
            raise ValueError(
                f"world_share={world_share} and read_share={read_share}: neither may be below 0, nor both "
                "together above 1"
            )
        if read_share > 0:
            require_flite()
        self.frames, self.strength, self.seed = frames, strength, seed
        self.world_share, self.read_share = world_share, read_share
        self.pool: dict[tuple[int, int], dict[str, Tensor]] = {}

    def digest(self) -> str:
        """Digits of the recipe that voices are made by."""
        sizes = [self.clips, self.frames, self.held_out_clips]
        shares = [self.world_share, self.read_share]
        return recipe_digest(["voices", *sizes, self.strength, *shares, self.seed])

    def draw(self, stage: str, index: int) -> dict[str, Tensor]:
        """Clip `index` of a stage: late by some silence now and then, as a recording."""
        number = STAGES[stage][0]
        turn, place = divmod(index, self.clips)
        order = np.random.default_rng([self.seed, number, turn]).permutation(self.clips)
        clip = self._spoken(stage, int(order[place]) if stage == "fit" else index)
        rng = np.random.default_rng([self.seed, number, index, 11])
        late = int(rng.integers(1, self.frames // 2)) if rng.random() < 0.25 else 0
        waveform_S = np.pad(clip["waveform"].numpy(), (late * SAMPLES_PER_FRAME, 0))
        waveform_S = waveform_S[: self.frames * SAMPLES_PER_FRAME].astype(np.float32)
        if stage == "fit":
            heard_S = record(waveform_S, rng, self._somebody, self.strength)
        else:
            heard_S = augment_sound(waveform_S, rng, self.strength)
        silence = {
            "lips": torch.from_numpy(lips_before_speech(late, rng)),
            "phone": torch.full((late,), PHONE_NAMES.index("sil")),
        }
        moved = {name: torch.cat([still, clip[name]])[: self.frames] for name, still in silence.items()}
        return {"waveform": torch.from_numpy(heard_S), **moved}

    def _spoken(self, stage: str, index: int) -> dict[str, Tensor]:
        key = (STAGES[stage][0], index)
        if key not in self.pool:
            rng = np.random.default_rng([self.seed, *key, 5])
            speech = self._speech(stage, rng)
            self.pool[key] = {
                "waveform": torch.from_numpy(speech.waveform).half(),  # the error is inaudible
                "lips": torch.from_numpy(lip_tracks(speech.lips)),
                "phone": phone_classes(speech.script, self.frames),
            }
        return self.pool[key]

    def _speech(self, stage: str, rng: np.random.Generator) -> Utterance | Speech:
        who = rng.random() if stage == "fit" else 0.0
        if stage != "fit" or who < self.world_share:
            return synthetic_utterance(rng, cue_blend(rng), self.frames, STAGES[stage][1])
        if who < self.world_share + self.read_share:
            return read_by_anybody(rng, self.frames)
        return spoken_by_anybody(rng, self.frames)

    def _somebody(self, rng: np.random.Generator) -> NDArray:
        """Another clip's sound, for babble: one of the first few, which cost a first round little."""
        return self._spoken("fit", int(rng.integers(min(self.clips, BABBLE))))["waveform"].numpy()


def lip_tracks(lips_F5: NDArray) -> NDArray[np.float32]:
    """The tracks of `TRACKS` (F, L) in [0, 1], from those of `LIPS`: the opening with closures applied."""
    opening, jaw, rounding, spreading, pressing = lips_F5.T
    tracks = [opening * (1 - pressing), rounding, spreading, pressing, jaw]
    return np.stack(tracks, axis=1).astype(np.float32)


def lips_before_speech(frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Tracks (F, L) of so many frames of silence that speech follows."""
    end = frames / FPS
    script = Script(
        (TimedPhone("sil", 0.0, end, 0.0, 0), TimedPhone("ah", end, end + 0.2, 0.0, 0)), end + 0.2
    )
    return lip_tracks(per_frame(articulate(script, 1.0, waiting_lips(script, rng)).lips, frames))


def phone_classes(script: Script, frames: int) -> Tensor:
    """The phone heard in the middle of each video frame (F,), as an index into `PHONE_NAMES`."""
    ends = np.array([phone.end for phone in script.phones])
    middle_F = (np.arange(frames) + 0.5) * script.seconds / frames
    at_F = np.minimum(np.searchsorted(ends, middle_F, side="right"), len(ends) - 1)
    return torch.tensor([PHONE_NAMES.index(script.phones[at].symbol) for at in at_F])
