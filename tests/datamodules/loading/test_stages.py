"""The stages: shuffles are permutations, parts partition, people stay on one side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.loading.shards import SampleRecord, ShardRecord
from datamodules.loading.stages import (
    batches,
    buffered_shuffle,
    own_part,
    permuted,
    split_samples,
    validation_identities,
    window_start,
)

counts = st.integers(0, 60)


@given(counts, st.integers(1, 20), st.integers())
@settings(max_examples=40, deadline=None)
def test_shuffles_are_permutations_that_the_seed_decides(count, size, seed):
    items = list(range(count))
    for shuffle in (lambda *s: permuted(items, *s), lambda *s: list(buffered_shuffle(items, size, *s))):
        assert sorted(shuffle(seed)) == items
        assert shuffle(seed) == shuffle(seed)


def test_another_seed_or_epoch_is_another_order():
    orders = {tuple(permuted(range(30), seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert len({tuple(buffered_shuffle(range(30), 8, seed)) for seed in range(5)}) == 5


@given(counts, st.integers(1, 7))
@settings(max_examples=30, deadline=None)
def test_parts_partition(count, parts):
    dealt = [own_part(range(count), part, parts) for part in range(parts)]
    assert sorted(x for part in dealt for x in part) == list(range(count))
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


@given(counts, st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_batches_keep_order_and_everything(count, size):
    groups = list(batches(range(count), size))
    assert [x for group in groups for x in group] == list(range(count))
    assert all(len(group) == size for group in groups[:-1])


@given(st.sets(st.integers(0, 500).map(str), min_size=2, max_size=40), st.floats(0.01, 0.9))
@settings(max_examples=40, deadline=None)
def test_both_sides_have_people(people, share):
    kept = validation_identities(people, share)
    assert kept
    assert kept < people


def test_people_stay_on_their_side_when_others_join():
    people = [f"actor_{i}" for i in range(400)]
    few, many = validation_identities(people[:200], 0.2), validation_identities(people, 0.2)
    assert few == many & set(people[:200])
    assert 0.12 < len(many) / 400 < 0.28
    assert validation_identities(people, 0) == set()
    with pytest.raises(ValueError, match="two or more people"):
        validation_identities(["one"], 0.1)
    with pytest.raises(ValueError, match="validation_share"):
        validation_identities(people, 1.0)


@given(st.integers(1, 80), st.integers(1, 80), st.integers())
@settings(max_examples=40, deadline=None)
def test_windows_lie_in_the_clip(frames, length, seed):
    if length > frames:
        with pytest.raises(ValueError, match="the clip has"):
            window_start(frames, length, seed)
    else:
        assert 0 <= window_start(frames, length, seed) <= frames - length
        assert window_start(frames, length) == (frames - length) // 2
        assert window_start(frames, None, seed) == 0


def test_subsets_go_by_the_label():
    labels = ("happy", "neutral", "angrily_disgusted", "amused", "")
    samples = [SampleRecord(f"k{i}", f"p{i}", 6, 0.24, label, "") for i, label in enumerate(labels)]
    shards = [
        ShardRecord("a.tar", "clip", "", 0, samples[:2]),
        ShardRecord("b.tar", "clip", "", 0, samples[2:]),
    ]
    single = split_samples(shards, 0.0, "train", "single")
    assert [(shard.name, [s.label for s in chosen]) for shard, chosen in single] == [
        ("a.tar", ["happy", "neutral"])
    ]
    assert [shard.name for shard, _ in split_samples(shards, 0.0, "train", "mixed")] == ["b.tar"]
    assert len(split_samples(shards, 0.0, "train")) == 2
