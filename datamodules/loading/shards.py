"""Shards on disk: tar files of samples, and the index that lists them and proves them unchanged.

A folder of shards holds `<name>.tar` and `index.json`. The members of a sample share its key. Clips have
`mp4`, `flac`, `png` (the reference), `npz` (landmarks, masks, ...) and `json`; voices have `flac` and
`json`. Nothing is pickled.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from datamodules.whole_files import whole_file

INDEX = "index.json"
SCHEMA = 1


@dataclass(frozen=True)
class SampleRecord:
    """What the index knows of a sample without opening its shard."""

    key: str
    identity: str
    frames: int  # 0 for sound alone
    seconds: float
    label: str
    digest: str  # of its members, wherever they lie
    license: str = ""
    consent: str = ""


@dataclass(frozen=True)
class ShardRecord:
    """One tar file."""

    name: str
    kind: str  # "clip" or "voice"
    sha256: str
    bytes: int
    samples: list[SampleRecord] = field(default_factory=list)


@dataclass(frozen=True)
class ShardIndex:
    """All shards of a folder. `digest` depends on the samples alone: not on time, place or packing."""

    digest: str
    settings: dict
    shards: list[ShardRecord]
    rejected: dict[str, str]  # key of the source or clip: reason
    folder: Path = field(default=Path(), compare=False)

    def of_kind(self, kind: str) -> list[ShardRecord]:
        """Its shards of one kind."""
        return [shard for shard in self.shards if shard.kind == kind and shard.samples]


def shard_record(plain: dict) -> ShardRecord:
    """A shard's record from its plain data."""
    return ShardRecord(**{**plain, "samples": [SampleRecord(**sample) for sample in plain["samples"]]})


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def members_digest(members: dict[str, bytes]) -> str:
    """Hex digest of a sample's members, independent of their order."""
    total = hashlib.sha256()
    for name in sorted(members):
        total.update(f"{name}:{len(members[name])}:".encode())
        total.update(members[name])
    return total.hexdigest()


def data_digest(samples: Iterable[SampleRecord]) -> str:
    """Hex digest of a set of samples, independent of order and packing."""
    lines = sorted(f"{sample.key} {sample.digest}" for sample in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_shard(path: Path, samples: Iterable[tuple[str, dict[str, bytes]]]) -> int:
    """Writes a tar that depends on its content alone (no times, no owners), whole or not at all.

    Args:
        path: The file; its folder must exist.
        samples: Keys and their members by ending.

    Returns:
        Its size in bytes.

    Raises:
        ValueError: if a key repeats, or is no plain name.
    """
    keys: set[str] = set()
    with whole_file(path) as partial, tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        for key, members in samples:
            if key in keys or not key or set(key) & set("./\\\0"):
                raise ValueError(f"{path.name}: {key!r} cannot be a key: it repeats, is empty, or has . or /")
            keys.add(key)
            for ending, data in sorted(members.items()):
                entry = tarfile.TarInfo(f"{key}.{ending}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return path.stat().st_size


def index_content(settings: dict, shards: list[ShardRecord], rejected: dict[str, str]) -> dict:
    """The content of `index.json`."""
    samples = [sample for shard in shards for sample in shard.samples]
    keys = {sample.key for sample in samples}
    if len(keys) != len(samples):
        raise ValueError("two samples have the same key; rename one of their files")
    return {
        "schema": SCHEMA,
        "digest": data_digest(samples),
        "settings": settings,
        "shards": [asdict(shard) for shard in shards],
        "rejected": rejected,
    }


def read_index(folder: Path | str) -> ShardIndex:
    """The index of a folder of shards.

    Raises:
        FileNotFoundError: if there is none; says which command makes one.
        ValueError: if it is damaged, or of another schema.
    """
    path = Path(folder) / INDEX
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no shards here; make them with `moee prepare folder SRC {folder}`")
    try:
        raw = json.loads(path.read_text("utf-8"))
        if raw["schema"] != SCHEMA:
            raise ValueError(f"schema {raw['schema']}, this version reads {SCHEMA}")
        shards = [shard_record(shard) for shard in raw["shards"]]
        return ShardIndex(raw["digest"], raw["settings"], shards, raw["rejected"], Path(folder))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a usable index ({error}); prepare the folder again") from None


def verify(index: ShardIndex) -> list[str]:
    """What is wrong with the files of an index, one line each; empty if all is well."""
    problems = []
    for shard in index.shards:
        path = index.folder / shard.name
        if not path.is_file():
            problems.append(f"{shard.name}: missing")
        elif sha256_of(path) != shard.sha256:
            problems.append(f"{shard.name}: changed since it was written")
    if data_digest(s for shard in index.shards for s in shard.samples) != index.digest:
        problems.append(f"{INDEX}: the data digest does not match its samples")
    return problems


def content_digest(index: ShardIndex) -> str:
    """The index's digest, once every shard is seen to lie there at its full size; `verify` reads them too.

    Raises:
        FileNotFoundError: if a shard is missing.
        ValueError: if a shard has another size, or the index was changed.
    """
    for shard in index.shards:
        path = index.folder / shard.name
        if not path.is_file():
            raise FileNotFoundError(f"{path}: the shard is missing; prepare the folder again")
        if (size := path.stat().st_size) != shard.bytes:
            raise ValueError(
                f"{path}: {size} bytes, not the {shard.bytes} of {INDEX}; prepare the folder again"
            )
    if data_digest(sample for shard in index.shards for sample in shard.samples) != index.digest:
        raise ValueError(
            f"{index.folder / INDEX}: its digest does not match its samples; prepare the folder again"
        )
    return index.digest


def read_members(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Keys and members of a shard in their order.

    Raises:
        FileNotFoundError: if the shard is not there.
        ValueError: if it is damaged or cut off.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the shard is missing; prepare the folder again")
    try:
        key, members = None, {}
        with tarfile.open(path, "r:") as tar:
            for entry in tar:
                name, _, ending = entry.name.partition(".")
                if key is not None and name != key:
                    yield key, members
                    members = {}
                data = tar.extractfile(entry)
                key, members[ending] = name, data.read() if data else b""
        if key is not None:
            yield key, members
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{path}: the shard is damaged ({error}); prepare the folder again") from None
