"""A few synthetic clips as the shards that `moee prepare` makes."""

import json
from pathlib import Path

from datamodules.batch import parse_blend
from datamodules.loading.members import clip_members
from datamodules.loading.shards import (
    INDEX,
    SampleRecord,
    ShardRecord,
    index_content,
    members_digest,
    sha256_of,
    write_shard,
)
from datamodules.synthetic.clip import synthetic_clip


def write_tiny_shards(folder: Path, people: int = 2, frames: int = 6, label: str = "happy") -> Path:
    """One shard with a clip of each person; a label that is no emotion of ours stays a word."""
    packed, records = [], []
    for number in range(people):
        sample = synthetic_clip(40 + number, frames, 128, identity=40 + number, blend=parse_blend("happy"))
        if label != "happy":
            sample.pop("blend")
        sample["label"], sample["identity"], sample["corpus"] = label, f"person{number}", "tiny"
        members, key = clip_members(sample, {}), f"clip{number}"
        packed.append((key, members))
        records.append(
            SampleRecord(key, f"person{number}", frames, frames / 25, label, members_digest(members))
        )
    folder.mkdir(parents=True, exist_ok=True)
    name = "clip-00000.tar"
    size = write_shard(folder / name, packed)
    record = ShardRecord(name, "clip", sha256_of(folder / name), size, records)
    (folder / INDEX).write_text(json.dumps(index_content({}, [record], {})))
    return folder
