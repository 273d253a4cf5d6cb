"""Samples drawn by number, and their loaders: what the data modules of voices, cues and utterances share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import lightning as L
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader, Dataset

from datamodules.loading.resume import starting_where_training_stands
from datamodules.synthetic.clip import Split

# Lightning's stage -> the number that seeds its draws, and the split whose people it uses.
STAGES: dict[str, tuple[int, Split]] = {
    "fit": (0, "train"),
    "validate": (1, "validation"),
    "test": (2, "test"),
}

Draw = Callable[[int], dict[str, Any]]


class Drawn(Dataset[dict[str, Any]]):
    """Samples that are made when asked for, each from its own number alone.

    Args:
        draw: makes sample number 0 to `size` - 1.
        size: samples in all.
    """

    def __init__(self, draw: Draw, size: int) -> None:
        self.draw, self.size = draw, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self.draw(index)


class DrawnClips(L.LightningDataModule, ABC):
    """Training, validation and test clips that are made when asked for.

    Args:
        clips: in the training pool.
        rounds: how often the pool is gone through in an epoch.
        held_out_clips: of validation and of test.
        global_batch: clips per step, over all devices.
    """

    def __init__(self, clips: int, rounds: int, held_out_clips: int, global_batch: int) -> None:
        super().__init__()
        self.clips, self.rounds, self.held_out_clips = clips, rounds, held_out_clips
        self.global_batch = global_batch

    @abstractmethod
    def draw(self, stage: str, index: int) -> dict[str, Any]:
        """Clip `index` of one of `STAGES`."""

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        return self._loader("fit", self.clips * self.rounds)

    def val_dataloader(self) -> DataLoader[dict[str, Any]]:
        return self._loader("validate", self.held_out_clips)

    def test_dataloader(self) -> DataLoader[dict[str, Any]]:
        return self._loader("test", self.held_out_clips)

    def _loader(self, stage: str, size: int) -> DataLoader[dict[str, Any]]:
        items = Drawn(lambda index: self.draw(stage, index), size)
        return drawn_loader(items, self.global_batch, self.trainer, training=stage == "fit")


def drawn_loader(
    items: Drawn, global_batch: int, trainer: Trainer | None, training: bool, collate: Callable | None = None
) -> DataLoader[dict[str, Any]]:
    """Batches in order; training begins where its trainer stands.

    Training leaves a last short batch out where there is at least one whole one.

    Args:
        items: what is batched.
        global_batch: samples per step, over all devices.
        trainer: of the data module; None where there is none yet.
        training: whether the order starts at the trainer's step.
        collate: from a list of samples to a batch; PyTorch's own by default.

    Raises:
        ValueError: if the global batch does not divide over the devices.
    """
    size = per_device(global_batch, trainer)
    whole = training and len(items) >= global_batch
    sampler = starting_where_training_stands(len(items), global_batch, trainer) if whole else None
    return DataLoader(items, size, sampler=sampler, collate_fn=collate, drop_last=whole)


def per_device(global_batch: int, trainer: Trainer | None) -> int:
    """Samples per step on one device of a trainer; all of them where there is none yet.

    Raises:
        ValueError: if the global batch does not divide over the devices.
    """
    devices = trainer.world_size if trainer else 1
    if global_batch < devices or global_batch % devices:
        raise ValueError(f"global_batch={global_batch} does not divide over {devices} devices")
    return global_batch // devices
