"""Synthetic clips for training: rendered once into a cache, read back as random windows, to the step.

F frame of a window, G frame of a cached clip, C channel, H row, W column.
"""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.action_units import tonic
from datamodules.batch import (
    SAMPLES_PER_FRAME,
    Sample,
    collate,
)
from datamodules.loading.drawn_samples import per_device
from datamodules.loading.notices import Watch, unwatched
from datamodules.loading.resume import starting_where_training_stands
from datamodules.subsets import Subset, subset_of_blend
from datamodules.synthetic.recipe import ONE_ROW, Recipe, make_clip
from datamodules.synthetic.text import describe
from datamodules.whole_files import whole_file


def _fill(folder: Path, recipe: Recipe, indices: list[int]) -> None:
    """Render clips into the arrays of a cache; a clip counts as done only once everything else is written."""
    torch.set_num_threads(1)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in (*recipe.arrays(), "done")}
    for index in indices:
        sample = make_clip(recipe, index)
        for name in recipe.arrays():
            if name in sample:
                value = sample[name].numpy()  # type: ignore[literal-required]
                arrays[name][index] = np.packbits(value, axis=-1) if name == "mouth_mask" else value
        words = {name: sample.get(name, "") for name in ("key", "identity", "label", "text")}
        words["absent"] = [name for name in recipe.arrays() if name not in sample]
        with whole_file(folder / "words" / f"{index:06d}.json") as partial:
            partial.write_text(json.dumps(words))
        arrays["done"][index] = 1


class SyntheticClips(Dataset[Sample]):
    """Windows of cached synthetic clips, each in words of its own. Item k is decided by `seed` and k alone.

    Args:
        recipe: what the cache holds.
        cache: folder of all caches; this one lies in a folder named by the recipe's digest.
        window: frames of a window; 0 for whole clips in their order.
        length: number of items; whole clips ignore it.
        seed: of the windows.
        apart: largest distance of neighbouring frames in a window, each window draws its own; 1 is video,
            more shows more of a person in few frames.
        subset: which clips windows are taken from, see `Subset`.
    """

    def __init__(
        self,
        recipe: Recipe,
        cache: Path,
        window: int = 0,
        length: int = 0,
        seed: int = 0,
        apart: int = 1,
        subset: Subset = "all",
    ) -> None:
        if not 0 <= window <= recipe.frames:
            raise ValueError(f"window={window}, but cached clips have {recipe.frames} frames")
        if apart < 1:
            raise ValueError(f"apart={apart}: neighbouring frames are at least 1 apart")
        self.recipe, self.window, self.length, self.seed, self.subset = recipe, window, length, seed, subset
        self.widest = max(min(apart, (recipe.frames - 1) // max(window - 1, 1)), 1)
        self.folder = cache / f"{recipe.split}-{recipe.digest()}"
        self.extra: dict[str, np.ndarray] = {}

    def missing(self) -> list[int]:
        """Numbers of the clips that are not rendered yet."""
        path = self.folder / "done.npy"
        return np.flatnonzero(np.load(path) == 0).tolist() if path.is_file() else [*range(self.recipe.clips)]

    def build(self, workers: int = 1, watch: Watch = unwatched) -> None:
        """Render what is missing; safe to interrupt and to call again.

        Args:
            workers: processes.
            watch: told clips done and clips to do in this call.
        """
        (self.folder / "words").mkdir(parents=True, exist_ok=True)
        for name, (shape, kind) in (self.recipe.arrays() | {"done": ((), "u1")}).items():
            path = self.folder / f"{name}.npy"
            if not path.is_file():
                with whole_file(path) as partial:
                    np.lib.format.open_memmap(partial, "w+", kind, (self.recipe.clips, *shape)).flush()
        missing = self.missing()
        pieces = [missing[i : i + 16] for i in range(0, len(missing), 16)]
        if workers < 2 or len(pieces) < 2:
            for number, piece in enumerate(pieces, 1):
                _fill(self.folder, self.recipe, piece)
                watch(min(16 * number, len(missing)), len(missing))
            return
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            rendering = [pool.submit(_fill, self.folder, self.recipe, piece) for piece in pieces]
            for number, piece_done in enumerate(as_completed(rendering), 1):
                piece_done.result()
                watch(min(16 * number, len(missing)), len(missing))

    def open(self) -> None:
        """Map the arrays and read the words."""
        self.arrays = {
            name: np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in self.recipe.arrays()
        }
        paths = [self.folder / "words" / f"{i:06d}.json" for i in range(self.recipe.clips)]
        self.words = [json.loads(path.read_text()) for path in paths]
        self.chosen = [i for i in range(self.recipe.clips) if self.subset in ("all", self.subset_of(i))]
        if self.window and not self.chosen:
            raise ValueError(f"subset={self.subset!r}: none of the {self.recipe.clips} clips belongs to it")

    def subset_of(self, index: int) -> Subset:
        """Where clip `index` belongs: `single` or `mixed`."""
        if {"blend", "regions"} - set(self.words[index]["absent"]) != {"blend"}:
            return "mixed"
        return subset_of_blend(torch.from_numpy(np.array(self.arrays["blend"][index])))

    def precompute(self, name: str, function: Callable[[Sample], Tensor], version: str) -> None:
        """Keep `function(clip)` (half precision) beside each clip under `name`, once for each `version`."""
        path = self.folder / f"{name}-{version}.npy"
        if not path.is_file():
            shape = (self.recipe.clips, *function(self.clip(0)).shape)
            with whole_file(path) as partial:
                rows = np.lib.format.open_memmap(partial, "w+", "f2", shape)
                for index in range(self.recipe.clips):
                    rows[index] = function(self.clip(index)).half().numpy()
                rows.flush()
        self.extra[name] = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return self.length if self.window else self.recipe.clips

    def __getitem__(self, item: int) -> Sample:
        if not self.window:
            return self.clip(item)
        rng = np.random.default_rng([self.seed, item])
        index = self.chosen[int(rng.integers(len(self.chosen)))]
        apart = int(rng.integers(1, self.widest + 1))
        span = (self.window - 1) * apart + 1
        start = int(rng.integers(self.recipe.frames - span + 1))
        sample = self.clip(index, slice(start, start + span, apart))
        if "text" in sample and "blend" in sample:
            sample["text"] = describe(
                sample["blend"], rng, "test" if self.recipe.split == "test" else "train"
            )
        return sample

    def clip(self, index: int, frames: slice = slice(None)) -> Sample:
        """Those frames of clip `index`."""
        words = self.words[index]
        sample: dict = {name: words[name] for name in ("key", "identity")} | {"corpus": "synthetic"}
        sample |= {name: words[name] for name in ("label", "text") if words[name]}
        for name, rows in (self.arrays | self.extra).items():
            if name in words["absent"]:
                continue
            row = rows[index]
            if name == "waveform":
                row = row.reshape(-1, SAMPLES_PER_FRAME)[frames].flatten()
            elif name not in ONE_ROW:
                row = row[frames]
            if name == "mouth_mask":
                row = np.unpackbits(row, axis=-1).view(bool)
            sample[name] = torch.from_numpy(np.array(row))
            if name in self.extra:
                sample[name] = sample[name].float()
        if "action_units" in sample:
            shown = torch.from_numpy(np.array(self.arrays["action_units"][index]))
            sample["expression"] = tonic(shown)[frames]
        names = [name for name in (*self.arrays, "label", "text") if name in sample]
        sample["provenance"] = dict.fromkeys(names, "synthetic")
        return sample  # type: ignore[return-value]


def check_room(folder: Path, needed: int) -> None:
    """Nothing, if the disk of a folder takes so many bytes: arrays that are mapped fail without a word.

    Raises:
        OSError: otherwise; says what to do.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OSError(
            f"{folder}: {needed / 1e9:.1f} GB of synthetic clips do not fit, {free / 1e9:.1f} GB are free: "
            "name another folder (data.init_args.cache), want fewer (data.init_args.train.clips), or remove "
            "old ones with `moee cache clean`"
        )


class SyntheticHeads(L.LightningDataModule):
    """Training windows and whole validation clips of the synthetic world.

    Args:
        global_batch: clips a step, over all devices.
        window: frames of a training window.
        train: what training clips are made of.
        val: what validation clips are made of; another split by default.
        cache: folder for the rendered clips.
        workers: processes that render.
        seed: of the order of windows.
        apart: largest distance of neighbouring frames in a training window.
        val_batch: whole clips at a time in validation, on each device; None is a quarter of the windows.
        subset: clips to train on: `all`, `single` (one emotion or none) or `mixed`; validation sees all.
    """

    places = ("cache",)

    def __init__(
        self,
        global_batch: int,
        window: int,
        train: Recipe,
        val: Recipe,
        cache: str = "data/synthetic",
        workers: int = 2,
        seed: int = 0,
        apart: int = 1,
        val_batch: int | None = None,
        subset: Subset = "all",
    ) -> None:
        super().__init__()
        if val_batch is not None and val_batch < 1:
            raise ValueError(f"val_batch must be at least 1, got {val_batch}")
        self.global_batch, self.window, self.workers = global_batch, window, workers
        self.seed, self.apart, self.val_batch = seed, apart, val_batch
        self.subset: Subset = subset
        self.train_recipe, self.val_recipe, self.cache = train, val, Path(cache)

    def notices(self, devices: int) -> list[str]:
        """How much will be rendered before the first step, and where."""
        lines = []
        for clips in self._caches():
            if missing := len(clips.missing()):
                size = missing * clips.recipe.clip_bytes() / 1e9
                lines.append(
                    f"rendering {missing:,} synthetic clips into {clips.folder} ({size:.1f} GB), once; "
                    "`moee cache` lists and removes them"
                )
        return lines

    def render(self, watch: Watch = unwatched) -> None:
        """Render what is not in the cache yet.

        Raises:
            OSError: before the first clip, if the disk has no room for them.
        """
        caches = self._caches()
        counts = [len(clips.missing()) for clips in caches]
        needed = sum(n * clips.recipe.clip_bytes() for n, clips in zip(counts, caches, strict=True))
        check_room(self.cache, needed)
        rendered, total = 0, sum(counts)
        for clips, count in zip(caches, counts, strict=True):
            clips.build(self.workers, lambda done, _, before=rendered: watch(before + done, total))
            rendered += count

    def _caches(self) -> list[SyntheticClips]:
        return [SyntheticClips(recipe, self.cache) for recipe in (self.train_recipe, self.val_recipe)]

    def prepare_data(self) -> None:
        """Render what is not in the cache yet."""
        self.render()

    def setup(self, stage: str | None = None) -> None:
        """Open the caches."""
        self.train = SyntheticClips(
            self.train_recipe, self.cache, self.window, 1 << 40, self.seed, self.apart, self.subset
        )
        self.val = SyntheticClips(self.val_recipe, self.cache)
        self.train.open()
        self.val.open()

    def keep_ahead(self, name: str, function: Callable[[Sample], Tensor], version: str) -> None:
        """Keep what frozen parts make of every clip; see `SyntheticClips.precompute`."""
        for clips in (self.train, self.val):
            clips.precompute(name, function, version)

    def digest(self) -> str:
        """Digits of the training recipe and of the validation recipe."""
        return f"{self.train_recipe.digest()}-{self.val_recipe.digest()}"

    def train_dataloader(self) -> DataLoader[Sample]:
        """Windows from where training stands, so that a resumed run sees what an uninterrupted one would."""
        trainer = self.trainer
        steps = (
            trainer.max_steps * trainer.accumulate_grad_batches
            if trainer and trainer.max_steps > 0
            else 1_000_000
        )
        sampler = starting_where_training_stands(steps * self.global_batch, self.global_batch, trainer)
        size = per_device(self.global_batch, trainer)
        return DataLoader(self.train, size, sampler=sampler, collate_fn=collate, drop_last=True)

    def val_dataloader(self) -> DataLoader[Sample]:
        """Whole clips, in order."""
        size = self.val_batch or max(per_device(self.global_batch, self.trainer) // 4, 1)
        return DataLoader(self.val, size, collate_fn=collate)
