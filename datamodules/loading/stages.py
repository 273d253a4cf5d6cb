"""Stages of the data pipeline: pure functions of their arguments and a seed, iterator to iterator."""

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np

from datamodules.loading.shards import SampleRecord, ShardRecord
from datamodules.subsets import Subset, subset_of_label

T = TypeVar("T")
Split = Literal["train", "validation"]
ErrorPolicy = Literal["raise", "count"]


def hashed(*parts: object) -> int:
    """A number below 2^64 that depends on the parts alone, in every process and on every machine."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big")


def validation_identities(identities: Iterable[str], share: float) -> set[str]:
    """The people kept for validation: about `share` of them, chosen by a hash of the name alone.

    A person stays on their side when others join the corpus. If the hash chooses nobody, the one nearest to
    being chosen is taken, and somebody is always left for training.

    Raises:
        ValueError: if `share` is outside [0, 1), or there are fewer than two people to share out.
    """
    if not 0 <= share < 1:
        raise ValueError(f"validation_share={share}: must be at least 0 and below 1")
    ranked = sorted(set(identities), key=lambda name: (hashed("identity", name), name))
    if share == 0:
        return set()
    if len(ranked) < 2:
        raise ValueError(
            f"validation_share={share} needs two or more people, the shards have {len(ranked)}: set it "
            "(data.init_args.validation_share) to 0"
        )
    chosen = [name for name in ranked if hashed("identity", name) < share * 2**64]
    return set(chosen[: len(ranked) - 1] or ranked[:1])


def permuted(items: Sequence[T], *seed: object) -> list[T]:
    """All items in an order that the seed decides."""
    order = np.random.default_rng(hashed("order", *seed)).permutation(len(items))
    return [items[i] for i in order]


def own_part(items: Sequence[T], part: int, parts: int) -> list[T]:
    """Every `parts`-th item from `part` on: over all parts each item belongs to exactly one."""
    return list(items[part::parts])


def buffered_shuffle(items: Iterable[T], size: int, *seed: object) -> Iterator[T]:
    """The items in an order mixed within `size` neighbours, using memory for no more than these."""
    rng = np.random.default_rng(hashed("buffer", *seed))
    buffer: list[T] = []
    for item in items:
        buffer.append(item)
        if len(buffer) >= size:
            pick = int(rng.integers(len(buffer)))
            buffer[pick], buffer[-1] = buffer[-1], buffer[pick]
            yield buffer.pop()
    yield from (buffer[i] for i in rng.permutation(len(buffer)))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items; the last may be shorter."""
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def window_start(frames: int, length: int | None, *seed: object) -> int:
    """Where a window of `length` frames begins in a clip: drawn by the seed, or in the middle without one.

    Raises:
        ValueError: if the clip is shorter than the window.
    """
    if length is None:
        return 0
    if length > frames:
        raise ValueError(f"a window of {length} frames is wanted, the clip has {frames}")
    if not seed:
        return (frames - length) // 2
    return int(np.random.default_rng(hashed("window", *seed)).integers(frames - length + 1))


def split_samples(
    shards: Sequence[ShardRecord], share: float, split: Split, subset: Subset = "all"
) -> list[tuple[ShardRecord, list[SampleRecord]]]:
    """Shards with their samples of one split and subset; shards that hold none of it are left out."""
    held_out = validation_identities((s.identity for shard in shards for s in shard.samples), share)
    wanted = [
        (shard, [s for s in shard.samples if (s.identity in held_out) == (split == "validation")])
        for shard in shards
    ]
    if subset != "all":
        wanted = [
            (shard, [s for s in samples if subset_of_label(s.label) == subset]) for shard, samples in wanted
        ]
    return [(shard, samples) for shard, samples in wanted if samples]


def read_shard(path: str) -> Iterator[dict]:
    """Raw samples of a shard in their order, by webdataset: `__key__`, `__url__` and members as bytes.

    Raises:
        FileNotFoundError: if the shard is not there.
        ValueError: if it cannot be read to its end; what lies before the damage comes first.
    """
    os.environ.setdefault(
        "WDS_SECURE", "1"
    )  # before the import: nothing is unpickled, no path is a shell command
    from webdataset.tariterators import group_by_keys, tar_file_expander

    with open(path, "rb") as stream:
        try:
            yield from group_by_keys(tar_file_expander([{"url": path, "stream": stream}]))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ValueError(str(error.args[0]) if error.args else type(error).__name__) from None


def members_of(raw: dict) -> dict[str, bytes]:
    """The members of a raw sample without webdataset's own fields."""
    return {name: data for name, data in raw.items() if not name.startswith("__")}
