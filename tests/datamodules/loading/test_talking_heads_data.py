"""The data module over shards: everything once, the same again, and exactly on from the middle."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from datamodules.loading import clip_stream
from datamodules.loading.clip_stream import ClipLoader, ClipStream, StreamPlan
from datamodules.loading.members import clip_members
from datamodules.loading.shards import (
    INDEX,
    SampleRecord,
    ShardRecord,
    index_content,
    members_digest,
    read_index,
    sha256_of,
    write_shard,
)
from tests.datamodules.loading.test_shards import clip

PLAN = StreamPlan("train", batch=2, window=4, workers=0, buffer=5, validation_share=0.3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four shards with 24 clips of 12 people."""
    out, shards = tmp_path_factory.mktemp("shards"), []
    base = clip_members(clip(frames=6), {})
    for number in range(4):
        packed, records = [], []
        for i in range(6):
            key, person = f"k{number}{i}", f"p{(number * 6 + i) // 2}"
            about = {**json.loads(base["json"]), "identity": person}
            members = {**base, "json": json.dumps(about).encode()}
            packed.append((key, members))
            records.append(SampleRecord(key, person, 6, 0.24, "happy", members_digest(members)))
        name = f"clip-{number:05d}.tar"
        size = write_shard(out / name, packed)
        shards.append(ShardRecord(name, "clip", sha256_of(out / name), size, records))
    (out / INDEX).write_text(json.dumps(index_content({}, shards, {})))
    return out


def loader(folder, **changes) -> ClipLoader:
    return ClipLoader(ClipStream(read_index(folder), replace(PLAN, **changes)))


def signature(batch) -> tuple:
    return (*batch["key"], float(batch["landmarks"].sum()))


def test_an_epoch_is_a_permutation_of_the_training_clips(folder):
    train = loader(folder)
    first, second = ([key for batch in train for key in batch["key"]] for _ in range(2))
    assert len(first) == len(set(first)) == len(train) * 2
    assert first != second
    assert len(set(first) | set(second)) <= train.stream.total
    again = loader(folder)
    assert [key for batch in again for key in batch["key"]] == first
    other = loader(folder, seed=1)
    assert [key for batch in other for key in batch["key"]] != first


def test_training_and_validation_share_nobody_and_miss_nobody(folder):
    people = {}
    for split in ("train", "validation"):
        people[split] = {name for batch in loader(folder, split=split, batch=1) for name in batch["identity"]}
    assert not people["train"] & people["validation"]
    assert len(people["train"] | people["validation"]) == 12


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_and_workers_partition_the_validation_clips(folder, world):
    seen = []
    for rank in range(world):
        own = loader(folder, split="validation", rank=rank, world=world)
        groups = [batch["key"] for batch in own]
        assert len(groups) == len(own)
        seen += [key for group in groups for key in group]
    assert len(seen) == len(set(seen)) == own.stream.total


def test_ranks_make_equally_many_batches_from_different_shards(folder):
    ranks = [loader(folder, batch=1, rank=rank, world=2) for rank in (0, 1)]
    keys = [[key for batch in rank for key in batch["key"]] for rank in ranks]
    assert len(keys[0]) == len(keys[1]) == len(ranks[0])
    assert not set(keys[0]) & set(keys[1])


@pytest.mark.parametrize(("stop", "errors"), [(1, "raise"), (3, "raise"), (3, "count")])
def test_resuming_within_an_epoch_equals_going_on(folder, stop, errors):
    straight = loader(folder, errors=errors)
    whole = [signature(batch) for _ in range(2) for batch in straight]
    broken_off = loader(folder, errors=errors)
    steps = iter(broken_off)
    seen = [signature(next(steps)) for _ in range(stop)]
    state = json.loads(json.dumps(broken_off.state_dict()))  # plain data only
    resumed = loader(folder, errors=errors)
    resumed.load_state_dict(state)
    seen += [signature(batch) for _ in range(2) for batch in resumed]
    assert seen == whole
    assert len(resumed) == len(straight)


@pytest.mark.slow
def test_workers_deliver_in_order_and_resume_exactly(folder):
    straight = loader(folder, workers=2)
    whole = [signature(batch) for batch in straight]
    assert len(whole) == len(straight)
    broken_off = loader(folder, workers=2)
    steps = iter(broken_off)
    seen = [signature(next(steps)) for _ in range(3)]
    resumed = loader(folder, workers=2)
    resumed.load_state_dict(broken_off.state_dict())
    assert seen + [signature(batch) for batch in resumed] == whole
    both = [key for batch in loader(folder, split="validation", workers=2) for key in batch["key"]]
    assert both == [key for batch in loader(folder, split="validation") for key in batch["key"]]


def test_another_plan_or_other_data_cannot_be_resumed(folder):
    state = loader(folder).state_dict()
    with pytest.raises(ValueError, match="resume needs seed=0"):
        loader(folder, seed=3).load_state_dict(state)
    with pytest.raises(ValueError, match="the data changed"):
        loader(folder).load_state_dict({**state, "digest": "0" * 64})


def test_batches_follow_the_contract(folder):
    batch = next(iter(loader(folder)))
    assert batch["frames"].shape == (2, 4, 3, 32, 32)
    assert batch["waveform"].shape == (2, 4 * 640)
    assert batch["mouth_mask"].shape == (2, 4, 32, 32)
    assert batch["present"]["landmarks"].all()
    assert not batch["present"]["action_units"].any()


def test_bad_plans_are_refused_in_one_line(folder):
    cases = {
        "want 8: use fewer workers": {"world": 4, "workers": 2, "batch": 1},
        "make it smaller": {"batch": 500},
        "clips have 6 frames": {"window": 7},
        "0 to 2 a device": {"workers": 3},
        "known are raise, count": {"errors": "ignore"},
    }
    for message, changes in cases.items():
        with pytest.raises(ValueError, match=message):
            loader(folder, **changes)


def broken_copy(folder, target, spoil):
    """The shards again, with `spoil(number, key, members)` applied to every sample, under the old index."""
    from datamodules.loading.shards import read_members

    index = read_index(folder)
    for number, shard in enumerate(index.shards):
        samples = [(key, spoil(number, key, members)) for key, members in read_members(folder / shard.name)]
        write_shard(target / shard.name, [(key, members) for key, members in samples if members is not None])
    shards = [ShardRecord(s.name, s.kind, s.sha256, s.bytes, s.samples) for s in index.shards]
    content = index_content(index.settings, shards, {})
    assert content["shards"][0] == asdict(shards[0])
    (target / INDEX).write_text(json.dumps(content))
    return target


def test_a_broken_sample_is_named_with_its_shard(folder, tmp_path, monkeypatch):
    wanted = loader(folder).stream.shards[0][1][0].key
    spoilt = broken_copy(folder, tmp_path, lambda _, key, m: {**m, "mp4": b"no"} if key == wanted else m)
    with pytest.raises(ValueError, match=rf"clip-0000\d\.tar: {wanted}: the video is damaged"):
        list(loader(spoilt))
    monkeypatch.setattr(clip_stream, "MOST_BROKEN", 0.3)  # one of few clips, met once a pass
    counting = loader(spoilt, errors="count")
    assert wanted not in {key for batch in counting for key in batch["key"]}
    assert counting.broken >= 1


def test_missing_samples_and_cut_shards_are_noticed(folder, tmp_path):
    wanted = loader(folder).stream.shards[0][1][0].key
    lost = broken_copy(folder, tmp_path, lambda _, key, m: None if key == wanted else m)
    with pytest.raises(ValueError, match=f"{wanted}: the shard does not hold it"):
        list(loader(lost))
    for path in lost.glob("*.tar"):
        path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(ValueError, match="the shard is damaged"):
        list(loader(lost))


def test_counting_ends_when_too_much_is_broken(folder, tmp_path):
    spoilt = broken_copy(folder, tmp_path, lambda _, key, m: {**m, "mp4": b"no"})
    with pytest.raises(ValueError, match=r"clips are broken|no readable clip"):
        list(loader(spoilt, errors="count"))


@pytest.mark.slow
def test_lightning_resumes_within_an_epoch(folder, tmp_path):
    import lightning as L

    from datamodules.loading.talking_heads import TalkingHeadShards

    class Recorder(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight, self.seen = torch.nn.Parameter(torch.zeros(())), []

        def training_step(self, batch, _):
            self.seen.append(signature(batch))
            return self.weight * batch["landmarks"].mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def fit(steps, start=None):
        model = Recorder()
        data = TalkingHeadShards(
            str(folder), global_batch=2, window=4, workers=0, buffer=5, validation_share=0.3
        )
        trainer = L.Trainer(
            max_steps=steps,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
        )
        trainer.fit(model, data, ckpt_path=start, weights_only=True if start else None)
        trainer.save_checkpoint(tmp_path / f"{steps}.ckpt")
        return model.seen

    whole, first = fit(11), fit(3)
    assert first + fit(11, tmp_path / "3.ckpt") == whole
