"""Sound-only and text-only data for the encoders.

B clip, F frame, S sample, E expert, A action unit, L lip track.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.action_units import prototype
from datamodules.batch import COMPOUNDS, EMOTIONS, MODALITIES, NEUTRAL, SAMPLES_PER_FRAME, parse_blend
from datamodules.loading.digest import files_digest, recipe_digest
from datamodules.loading.resume import starting_where_training_stands
from datamodules.media.reading import read_sound
from datamodules.synthetic.clip import IDENTITIES, Split
from datamodules.synthetic.performance import Utterance, utter
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.text import describe
from datamodules.synthetic.voice import augment_sound, sample_speaker

TRACKS = ("opening", "rounding", "spreading", "pressing", "jaw")
PHONE_NAMES = tuple(PHONES)
STAGES: dict[str, tuple[int, Split]] = {
    "fit": (0, "train"),
    "validate": (1, "validation"),
    "test": (2, "test"),
}
RAVDESS_EMOTIONS = {
    1: NEUTRAL,
    2: NEUTRAL,
    3: "happy",
    4: "sad",
    5: "angry",
    6: "fear",
    7: "disgust",
    8: "surprise",
}
RAVDESS_PARTS = ("modality", "channel", "emotion", "intensity", "sentence", "repetition", "actor")

Draw = Callable[[int], dict[str, Any]]


class Drawn(Dataset):
    """Samples that are made when asked for, each from its own number alone."""

    def __init__(self, draw: Draw, size: int) -> None:
        self.draw, self.size = draw, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self.draw(index)


class SyntheticVoices(L.LightningDataModule):
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
        super().__init__()
        self.clips, self.rounds, self.frames, self.held_out_clips = clips, rounds, frames, held_out_clips
        self.global_batch, self.strength, self.seed = global_batch, strength, seed
        self.pool: dict[tuple[int, int], dict[str, Tensor]] = {}

    def digest(self) -> str:
        """Digits of the recipe that voices are made by."""
        return recipe_digest(
            ["voices", self.clips, self.frames, self.held_out_clips, self.strength, self.seed]
        )

    def train_dataloader(self) -> DataLoader:
        return self._loader("fit", self.clips * self.rounds)

    def val_dataloader(self) -> DataLoader:
        return self._loader("validate", self.held_out_clips)

    def test_dataloader(self) -> DataLoader:
        return self._loader("test", self.held_out_clips)

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

    def _loader(self, stage: str, size: int) -> DataLoader:
        return loader(self, Drawn(lambda index: self.draw(stage, index), size), training=stage == "fit")

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


class SyntheticCues(L.LightningDataModule):
    """One modality's cues with their blends, for `EmotionRecognition`: `cue` and `blend` (E,).

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
        super().__init__()
        if modality not in MODALITIES:
            raise ValueError(f"unknown modality {modality!r}: known are {', '.join(MODALITIES)}")
        self.modality, self.clips, self.rounds, self.held_out_clips = modality, clips, rounds, held_out_clips
        self.frames, self.global_batch, self.strength, self.seed = frames, global_batch, strength, seed
        self.pool: dict[tuple[int, int], Tensor] = {}

    def digest(self) -> str:
        """Digits of the recipe that cues are made by."""
        sizes = [self.clips, self.frames, self.held_out_clips]
        return recipe_digest(["cues", self.modality, *sizes, self.strength, self.seed])

    def train_dataloader(self) -> DataLoader:
        return self._loader("fit", self.clips * self.rounds)

    def val_dataloader(self) -> DataLoader:
        return self._loader("validate", self.held_out_clips)

    def test_dataloader(self) -> DataLoader:
        return self._loader("test", self.held_out_clips)

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
            return {
                "cue": describe(blend_E, channel, "train" if stage == "fit" else "test"),
                "blend": blend_E,
            }
        if key not in self.pool:
            spoken = synthetic_utterance(rng, blend_E, self.frames, STAGES[stage][1]).waveform
            self.pool[key] = torch.from_numpy(spoken).half()
        heard_S = augment_sound(self.pool[key].float().numpy(), channel, self.strength)
        return {"cue": torch.from_numpy(heard_S), "blend": blend_E}

    def _loader(self, stage: str, size: int) -> DataLoader:
        return loader(self, Drawn(lambda index: self.draw(stage, index), size), training=stage == "fit")


class UtteranceFolder(L.LightningDataModule):
    """RAVDESS utterances by actor folds: `cue` (B, S) padded with silence to the longest, `blend` (B, E).

    Calm counts as neutral. The actors in the order of their numbers are cut into `folds` runs of equal
    length; run `fold` is tested on, the others train. There is no validation set: nothing is chosen by
    looking at held-out actors.

    Args:
        folder: FLAC or WAV files that carry RAVDESS names (`03-01-EE-II-SS-RR-AA`).
        fold: 0 up to `folds` - 1.
        folds: in how many parts the actors are cut.
        rounds: how often the utterances are gone through in an epoch, each time changed otherwise.
        global_batch: utterances per step, over all devices.
        strength: of `augment_sound`, in [0, 1].
        speed: largest factor of playing faster or slower, which moves pitch, formants and tempo together.
        seed: of the changes and the order.
    """

    def __init__(
        self,
        folder: str,
        fold: int = 0,
        folds: int = 4,
        rounds: int = 1,
        global_batch: int = 16,
        strength: float = 0.5,
        speed: float = 1.12,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= fold < folds:
            raise ValueError(f"fold={fold}, but folds={folds}: expected 0 to {folds - 1}")
        if speed < 1:
            raise ValueError(f"speed={speed}, expected at least 1 (no change)")
        self.folder, self.fold, self.folds, self.rounds = folder, fold, folds, rounds
        self.global_batch, self.strength, self.speed, self.seed = global_batch, strength, speed, seed
        self.train_files: list[Path] = []
        self.test_files: list[Path] = []
        self.sounds: dict[Path, Tensor] = {}

    def digest(self) -> str:
        """Of the folder's utterances, by name and content."""
        return files_digest(ravdess_files(self.folder))

    def setup(self, stage: str) -> None:
        files = ravdess_files(self.folder)
        actors = sorted({ravdess_fields(path)["actor"] for path in files})
        if len(actors) < self.folds:
            raise ValueError(f"{self.folder}: {len(actors)} actors do not fill folds={self.folds}")
        edges = [len(actors) * part // self.folds for part in (self.fold, self.fold + 1)]
        held_out = set(actors[edges[0] : edges[1]])
        self.test_files = [path for path in files if ravdess_fields(path)["actor"] in held_out]
        self.train_files = [path for path in files if path not in set(self.test_files)]

    def train_dataloader(self) -> DataLoader:
        draw = Drawn(self.draw_changed, len(self.train_files) * self.rounds)
        return loader(self, draw, training=True, collate_fn=pad_sounds)

    def test_dataloader(self) -> DataLoader:
        draw = Drawn(lambda index: self.draw(self.test_files[index]), len(self.test_files))
        return DataLoader(draw, batch_size=per_device(self), collate_fn=pad_sounds)

    def draw(self, path: Path) -> dict[str, Tensor]:
        """One utterance as recorded, without the silence around it."""
        if path not in self.sounds:
            self.sounds[path] = without_silence(read_sound(path))
        label = RAVDESS_EMOTIONS[ravdess_fields(path)["emotion"]]
        return {"cue": self.sounds[path], "blend": parse_blend(label)}

    def draw_changed(self, index: int) -> dict[str, Tensor]:
        """Training utterance `index` in its round's shuffled order, at another speed and in another room."""
        turn, place = divmod(index, len(self.train_files))
        order = np.random.default_rng([self.seed, turn]).permutation(len(self.train_files))
        sample = self.draw(self.train_files[order[place]])
        rng = np.random.default_rng([self.seed, index, 11])
        sound_S = play_at(sample["cue"].numpy(), self.speed ** rng.uniform(-1, 1))
        sound_S = augment_sound(sound_S, rng, self.strength)
        return {"cue": torch.from_numpy(sound_S), "blend": sample["blend"]}


def loader(data: Any, items: Dataset, training: bool, collate_fn: Callable | None = None) -> DataLoader:
    """Batches of a data module in order; training begins where its trainer stands.

    Training leaves a last short batch out where there is at least one whole one.
    """
    size = per_device(data)
    whole = training and len(items) >= data.global_batch  # type: ignore[arg-type]
    sampler = None
    if whole:
        sampler = starting_where_training_stands(len(items), data.global_batch, data.trainer)  # type: ignore[arg-type]
    return DataLoader(items, size, sampler=sampler, collate_fn=collate_fn, drop_last=whole)


def per_device(data: Any) -> int:
    """Clips per step on one device of the trainer that a data module hangs on.

    Raises:
        ValueError: if the global batch does not divide over the devices.
    """
    devices = data.trainer.world_size if data.trainer else 1
    if data.global_batch < devices or data.global_batch % devices:
        raise ValueError(f"global_batch={data.global_batch} does not divide over {devices} devices")
    return data.global_batch // devices


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


def shown_action_units(blend_E: Tensor, rng: np.random.Generator, frames: int) -> Tensor:
    """A face that shows the blend (F, A): its prototype with one person's gains and a coder's error."""
    prototype_A = prototype(blend_E).numpy()
    gain_A = np.clip(rng.lognormal(0, 0.15, prototype_A.shape), 0.6, 1.5)
    error_FA = rng.normal(0, 0.04, (frames, *prototype_A.shape))
    return torch.from_numpy(np.clip(prototype_A * gain_A + error_FA, 0, 1).astype(np.float32))


def play_at(sound_S: NDArray, speed: float) -> NDArray[np.float32]:
    """The sound played `speed` times as fast, by linear interpolation."""
    places = np.arange(int(len(sound_S) / speed)) * speed
    return np.interp(places, np.arange(len(sound_S)), sound_S).astype(np.float32)


def without_silence(sound_S: Tensor, below_loudest: float = 45.0) -> Tensor:
    """The sound from its first to its last video frame within `below_loudest` decibels of the loudest."""
    padded = torch.nn.functional.pad(sound_S, (0, -len(sound_S) % SAMPLES_PER_FRAME))
    power_F = padded.unflatten(0, (-1, SAMPLES_PER_FRAME)).square().mean(dim=1)
    heard = (power_F >= power_F.max() * 10 ** (-below_loudest / 10)).nonzero()[:, 0]
    return sound_S[int(heard[0]) * SAMPLES_PER_FRAME : (int(heard[-1]) + 1) * SAMPLES_PER_FRAME]


def pad_sounds(samples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Batch of sounds of different lengths: silence behind, to whole video frames."""
    longest = max(len(sample["cue"]) for sample in samples)
    length = -(-longest // SAMPLES_PER_FRAME) * SAMPLES_PER_FRAME
    cues = [torch.nn.functional.pad(sample["cue"], (0, length - len(sample["cue"]))) for sample in samples]
    return {"cue": torch.stack(cues), "blend": torch.stack([sample["blend"] for sample in samples])}


def ravdess_files(folder: str) -> list[Path]:
    """Sound files with RAVDESS names, sorted.

    Raises:
        FileNotFoundError: if the folder is missing or has none.
    """
    path = Path(folder).expanduser()
    files = sorted(p for p in path.glob("*") if p.suffix in (".flac", ".wav") and len(p.stem.split("-")) == 7)
    if not files:
        raise FileNotFoundError(f"{folder}: no FLAC or WAV with RAVDESS names (03-01-EE-II-SS-RR-AA) there")
    return files


def ravdess_fields(path: Path) -> dict[str, int]:
    """The seven numbers of a RAVDESS name by what they mean (Livingstone & Russo 2018).

    Raises:
        ValueError: if the name has another form or an unknown emotion.
    """
    try:
        fields = dict(zip(RAVDESS_PARTS, map(int, path.stem.split("-")), strict=True))
    except ValueError:
        raise ValueError(f"{path.name}: not a RAVDESS name (seven numbers joined by -)") from None
    if fields["emotion"] not in RAVDESS_EMOTIONS:
        raise ValueError(f"{path.name}: emotion {fields['emotion']}, expected 1 to {len(RAVDESS_EMOTIONS)}")
    return fields  # type: ignore[return-value]
