"""Clips from shards as batches, in an order that seed, epoch, rank and worker decide.

Training: shards are dealt out anew each epoch to ranks and workers, and every rank makes the same number of
batches; one whose shards run dry goes through them again. Validation: every clip once, over all ranks.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count, islice

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from datamodules.batch import Sample, TalkingHeadBatch, collate
from datamodules.loading.members import describe, read_clip
from datamodules.loading.shards import SampleRecord, ShardIndex, ShardRecord
from datamodules.loading.stages import (
    ErrorPolicy,
    Split,
    batches,
    buffered_shuffle,
    members_of,
    own_part,
    permuted,
    read_shard,
    split_samples,
    window_start,
)
from datamodules.subsets import Subset

MOST_WORKERS = 2
MOST_BROKEN = 0.05  # share of broken samples above which counting them is no longer honest
BROKEN_AFTER = 20  # samples before the share means anything


@dataclass(frozen=True)
class StreamPlan:
    """Everything that decides which clip comes when. `batch` counts clips of one rank."""

    split: Split
    batch: int
    window: int | None
    workers: int
    rank: int = 0
    world: int = 1
    seed: int = 0
    buffer: int = 256
    validation_share: float = 0.1
    errors: ErrorPolicy = "raise"
    subset: Subset = "all"

    def __post_init__(self) -> None:
        if self.batch < 1 or self.buffer < 1:
            raise ValueError(f"batch={self.batch}, buffer={self.buffer}: each must be at least 1")
        if not 0 <= self.workers <= MOST_WORKERS:
            raise ValueError(
                f"workers={self.workers}: 0 to {MOST_WORKERS} a device, two keep one device busy"
            )
        if self.errors not in ("raise", "count"):
            raise ValueError(f"errors={self.errors!r}: known are raise, count")


class ClipStream(IterableDataset):
    """Batches of one rank from batch `start` of an epoch on; made afresh in every worker.

    Args:
        index: Of a folder of shards.
        plan: What comes when.

    Raises:
        ValueError: if there are too few clips or shards for the plan, or clips shorter than its window.
    """

    def __init__(self, index: ShardIndex, plan: StreamPlan):
        self.index, self.plan = index, plan
        self.epoch, self.start = 0, 0
        subset = plan.subset if plan.split == "train" else "all"
        self.shards = split_samples(index.of_kind("clip"), plan.validation_share, plan.split, subset)
        self.total = sum(len(samples) for _, samples in self.shards)
        # One slot a worker, visible to all processes: how many samples were read, and how many were broken.
        self.counts = torch.zeros(max(plan.workers, 1), 2, dtype=torch.int64).share_memory_()
        self._check()

    def _check(self) -> None:
        plan, readers = self.plan, self.plan.world * max(self.plan.workers, 1)
        place = f"{self.index.folder}: {self.total} clips for {plan.split}"
        if plan.split == "train" and self.total < plan.batch * plan.world:
            raise ValueError(
                f"{place}, a global batch of {plan.batch * plan.world} needs as many: make it smaller "
                "(data.init_args.global_batch)"
            )
        if plan.split == "train" and len(self.shards) < readers:
            raise ValueError(
                f"{place} lie in {len(self.shards)} shards, but {plan.world} devices x "
                f"{max(plan.workers, 1)} workers want {readers}: use fewer workers, or prepare more data"
            )
        shortest = min(
            (s for _, samples in self.shards for s in samples), key=lambda s: s.frames, default=None
        )
        if plan.window is not None and shortest is not None and not 1 <= plan.window <= shortest.frames:
            raise ValueError(f"window={plan.window}: clips have {shortest.frames} frames ({shortest.key})")

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch."""
        if self.plan.split == "train":
            return self.total // (self.plan.batch * self.plan.world)
        own = len(range(self.plan.rank, self.total, self.plan.world))
        return -(-own // self.plan.batch)

    def __iter__(self) -> Iterator[TalkingHeadBatch]:
        info = get_worker_info()
        slot, workers = (info.id, info.num_workers) if info else (0, 1)
        # The loader asks worker 0 first; after a resume that one must hand out batch `start`.
        worker = (slot + self.start) % workers
        before = len(range(worker, self.start, workers))
        wanted = len(range(worker, len(self), workers)) - before
        groups = self._training(worker, workers, slot, before) if self.plan.split == "train" else None
        if groups is None:
            groups = islice(self._validation(worker, workers, slot), before, None)
        yield from (collate(group) for group in islice(groups, wanted))

    def _training(self, worker: int, workers: int, slot: int, before: int) -> Iterator[list[Sample]]:
        raw = self._endless(worker, workers, slot)
        skipped = before * self.plan.batch
        if (
            self.plan.errors == "raise"
        ):  # nothing is left out, so that what was handed out need not be decoded
            return batches(self._decoded(islice(raw, skipped, None), slot), self.plan.batch)
        return batches(islice(self._decoded(raw, slot), skipped, None), self.plan.batch)

    def _endless(self, worker: int, workers: int, slot: int) -> Iterator[dict]:
        plan = self.plan
        readers, reader = plan.world * workers, plan.rank * workers + worker
        for turn in count():
            dealt = permuted(
                self.shards, plan.seed, self.epoch
            )  # equal in all turns: each keeps its own shards
            own = permuted(own_part(dealt, reader, readers), plan.seed, self.epoch, turn)
            good = int(self.counts[slot, 0] - self.counts[slot, 1])
            yield from buffered_shuffle(
                self._raw(own, slot), plan.buffer, plan.seed, self.epoch, turn, plan.rank, worker
            )
            if int(self.counts[slot, 0] - self.counts[slot, 1]) == good and plan.errors == "count":
                raise ValueError(
                    f"{self.index.folder}: no readable clip in {', '.join(s.name for s, _ in own)}"
                )

    def _validation(self, worker: int, workers: int, slot: int) -> Iterator[list[Sample]]:
        """Every `workers`-th batch of the clips of this rank from `worker` on, in the order of the index."""
        plan = self.plan
        clips = [(shard, sample) for shard, samples in self.shards for sample in samples]
        groups = own_part(list(batches(own_part(clips, plan.rank, plan.world), plan.batch)), worker, workers)
        chosen: dict[str, tuple[ShardRecord, list[SampleRecord]]] = {}
        for shard, sample in (pair for group in groups for pair in group):
            chosen.setdefault(shard.name, (shard, []))[1].append(sample)
        yield from batches(self._decoded(self._raw(list(chosen.values()), slot), slot), plan.batch)

    def _raw(self, shards: list[tuple[ShardRecord, list[SampleRecord]]], slot: int) -> Iterator[dict]:
        """Raw samples of the wanted keys; one that the shard lacks against its index is a broken sample."""
        for shard, samples in shards:
            path = str(self.index.folder / shard.name)
            missing = {sample.key for sample in samples}
            reason: object = "the shard does not hold it"
            try:
                for raw in read_shard(path):
                    if raw["__key__"] in missing:
                        missing.remove(raw["__key__"])
                        yield raw
            except (ValueError, OSError) as error:
                reason = f"the shard is damaged ({error})"
            for key in sorted(missing):
                self.counts[slot, 0] += 1
                self._broken(slot, path, key, reason)

    def _decoded(self, raws: Iterator[dict], slot: int) -> Iterator[Sample]:
        for raw in raws:
            key = raw["__key__"]
            self.counts[slot, 0] += 1
            try:
                sample = self._decode(key, members_of(raw))
            except ValueError as error:
                self._broken(slot, raw["__url__"], key, error)
            else:
                yield sample

    def _decode(self, key: str, members: dict[str, bytes]) -> Sample:
        plan = self.plan
        seed = (plan.seed, self.epoch, key) if plan.split == "train" else ()
        start = window_start(describe(members).get("frames", 0), plan.window, *seed)
        return read_clip(key, members, start, plan.window)

    def _broken(self, slot: int, shard: str, key: str, error: object) -> None:
        if self.plan.errors == "raise":
            raise ValueError(f"{shard}: {key}: {error}") from None
        self.counts[slot, 1] += 1
        read, broken = self.counts[slot].tolist()
        if read >= BROKEN_AFTER and broken > MOST_BROKEN * read:
            raise ValueError(
                f"{broken} of {read} clips are broken, the last is {key} in {shard}: {error}"
            ) from None


class ClipLoader:
    """A sized loader over a `ClipStream` that a checkpoint can hold: with its state it goes on exactly there.

    Each pass is the next epoch. Lightning saves and loads the state of such loaders with its own.
    """

    def __init__(self, stream: ClipStream):
        self.stream = stream
        self._epoch, self._done = -1, 0  # _done batches of _epoch were handed out
        self._resumed = False

    def __len__(self) -> int:
        return len(self.stream)

    def __iter__(self) -> Iterator[TalkingHeadBatch]:
        go_on = self._resumed and self._done < len(self)
        if not go_on:
            self._epoch, self._done = self._epoch + 1, 0
        self._resumed = False
        self.stream.epoch, self.stream.start = self._epoch, self._done
        loader = DataLoader(
            self.stream,
            batch_size=None,  # the stream makes batches
            num_workers=self.stream.plan.workers,
            pin_memory=torch.cuda.is_available(),
        )
        for batch in loader:
            self._done += 1
            yield batch

    @property
    def broken(self) -> int:
        """Samples left out so far because they could not be read (`errors: count`)."""
        return int(self.stream.counts[:, 1].sum())

    def state_dict(self) -> dict:
        """Epoch, batches handed out, and what must not change in between."""
        plan = {name: value for name, value in asdict(self.stream.plan).items() if name != "rank"}
        return {"epoch": self._epoch, "done": self._done, "plan": plan, "digest": self.stream.index.digest}

    def load_state_dict(self, state: dict) -> None:
        """Goes on where the state was taken.

        Raises:
            ValueError: if the data or the plan is another than then; names what differs.
        """
        now = self.state_dict()
        if state["digest"] != now["digest"]:
            raise ValueError(
                f"{self.stream.index.folder}: the data changed since the checkpoint "
                f"({state['digest'][:12]}, now {now['digest'][:12]}): resume with the same shards"
            )
        for name, value in state["plan"].items():
            if now["plan"].get(name) != value:
                raise ValueError(
                    f"resume needs {name}={value} as in the checkpoint, it is {now['plan'].get(name)}"
                )
        self._epoch, self._done, self._resumed = state["epoch"], state["done"], True
