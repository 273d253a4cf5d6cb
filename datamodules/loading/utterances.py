"""Recorded utterances by actor folds, to recognise emotion in voices. B clip, S sample, E expert."""

from pathlib import Path

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.batch import SAMPLES_PER_FRAME, parse_blend
from datamodules.corpora.ravdess import EMOTION_NAMES, ravdess_fields, ravdess_files
from datamodules.digest import files_digest
from datamodules.loading.drawn_samples import Drawn, drawn_loader
from datamodules.media.reading import read_sound
from datamodules.synthetic.voice import augment_sound


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

    places = ("folder",)

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
        items = Drawn(self.draw_changed, len(self.train_files) * self.rounds)
        return drawn_loader(items, self.global_batch, self.trainer, training=True, collate=pad_sounds)

    def test_dataloader(self) -> DataLoader:
        items = Drawn(lambda index: self.draw(self.test_files[index]), len(self.test_files))
        return drawn_loader(items, self.global_batch, self.trainer, training=False, collate=pad_sounds)

    def draw(self, path: Path) -> dict[str, Tensor]:
        """One utterance as recorded, without the silence around it."""
        if path not in self.sounds:
            self.sounds[path] = without_silence(read_sound(path))
        label = EMOTION_NAMES[ravdess_fields(path)["emotion"]]
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
