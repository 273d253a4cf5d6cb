"""Prepared clips for training: a folder of shards as a LightningDataModule."""

from pathlib import Path

import lightning as L

from datamodules.loading.clip_stream import ClipLoader, ClipStream, StreamPlan
from datamodules.loading.notices import about_labels, labels_outside
from datamodules.loading.shards import ShardIndex, content_digest, read_index
from datamodules.loading.stages import ErrorPolicy, Split, split_samples
from datamodules.subsets import Subset


class TalkingHeadShards(L.LightningDataModule):
    """Batches of windows of equal length from a folder that `moee prepare` made.

    People are either trained on or validated on. Order and windows depend on the seed alone, and a run that
    is resumed within an epoch sees exactly the batches that an uninterrupted one would have seen.

    Args:
        folder: Shards and their `index.json`.
        global_batch: Clips over all devices; must be a multiple of their number.
        window: Frames of a training or validation clip; None takes whole clips.
        workers: Processes per device, 0 to 2; fewer are used where there are fewer shards.
        buffer: Clips among which the order is mixed, in memory as compressed bytes.
        seed: Of order and windows.
        validation_share: About this share of the people is kept for validation; 0 keeps nobody.
        errors: `raise` stops at a broken sample, `count` leaves out up to 5 %.
        subset: Clips to train on, by their label: `all`, `single` (one emotion or neutral) or `mixed`.

    Raises:
        FileNotFoundError: if there are no shards in `folder`.
        ValueError: if an argument does not fit the data; says which.
    """

    places = ("folder",)

    def __init__(
        self,
        folder: str,
        global_batch: int = 8,
        window: int | None = None,
        workers: int = 2,
        buffer: int = 256,
        seed: int = 0,
        validation_share: float = 0.1,
        errors: ErrorPolicy = "raise",
        subset: Subset = "all",
    ):
        super().__init__()
        self.save_hyperparameters()
        self.index: ShardIndex = read_index(Path(folder))

    def digest(self) -> str:
        """Of the samples, wherever they lie and however they are packed; their shards must be whole."""
        return content_digest(self.index)

    def notices(self, devices: int) -> list[str]:
        """Emotions that are none of ours, and workers that have no shard to read."""
        samples = (sample for shard in self.index.of_kind("clip") for sample in shard.samples)
        lines = about_labels(labels_outside(samples))
        asked, used = self.hparams["workers"], self._workers(devices)
        if used < asked:
            lines.append(
                f"{self.index.folder}: {self._training_shards()} shards to train on for {devices} devices: "
                f"{used} worker{'s' * (used != 1)} per device instead of data.init_args.workers={asked}"
            )
        return lines

    def _training_shards(self) -> int:
        clips, share = self.index.of_kind("clip"), self.hparams["validation_share"]
        return len(split_samples(clips, share, "train", self.hparams["subset"]))

    def _workers(self, devices: int) -> int:
        """As many as asked for, if each has a shard of its own; at least one, unless none is asked for."""
        return min(self.hparams["workers"], max(self._training_shards() // devices, 1))

    def loader(self, split: Split, rank: int = 0, world: int = 1) -> ClipLoader:
        """The loader of one device."""
        hp = self.hparams
        if hp["global_batch"] < 1 or hp["global_batch"] % world:
            raise ValueError(f"global_batch={hp['global_batch']} does not divide over {world} devices")
        plan = StreamPlan(
            split=split,
            batch=hp["global_batch"] // world,
            window=hp["window"],
            workers=self._workers(world),
            rank=rank,
            world=world,
            seed=hp["seed"],
            buffer=hp["buffer"],
            validation_share=hp["validation_share"],
            errors=hp["errors"],
            subset=hp["subset"],
        )
        return ClipLoader(ClipStream(self.index, plan))

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def train_dataloader(self) -> ClipLoader:
        return self.loader("train", *self._place())

    def val_dataloader(self) -> ClipLoader | list:
        if self.hparams["validation_share"] == 0:
            return []
        return self.loader("validation", *self._place())
