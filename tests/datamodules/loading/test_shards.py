"""Shards: the same content gives the same bytes, and damage is noticed."""

import json

import numpy as np
import pytest
import torch

from datamodules.loading.members import clip_members, read_clip
from datamodules.loading.shards import (
    INDEX,
    SampleRecord,
    ShardRecord,
    data_digest,
    index_content,
    members_digest,
    read_index,
    read_members,
    sha256_of,
    verify,
    write_shard,
)
from datamodules.media import clip_codec
from datamodules.preparation.map_shards import Unit, map_shards


def moving(frames: int = 30, size: int = 32) -> torch.Tensor:
    """Smooth frames (F, 3, S, S) uint8 that differ from each other."""
    ramp = torch.arange(size).float()
    wave = torch.stack(
        [torch.sin((ramp + 2 * f) / 5)[None] * torch.cos(ramp / 7)[:, None] for f in range(frames)]
    )
    return (128 + 90 * wave).round().to(torch.uint8)[:, None].repeat(1, 3, 1, 1)


def clip(key: str = "a", identity: str = "p", frames: int = 30):
    return {
        "key": key,
        "corpus": "toy",
        "identity": identity,
        "frames": moving(frames),
        "reference": moving(1)[0],
        "waveform": torch.sin(torch.arange(frames * 640) / 20) * 0.5,
        "label": "happy",
        "blend": torch.tensor([1.0, 0, 0, 0, 0, 0]),
        "landmarks": torch.rand(frames, 68, 2, generator=torch.Generator().manual_seed(0)) * 32,
        "mouth_mask": moving(frames)[:, 0] > 150,
        "provenance": {"label": "corpus"},
    }


def test_blends_by_region_survive_the_shard():
    regions = torch.tensor([[0, 0, 0.8, 0, 0, 0], [0.7, 0, 0, 0, 0, 0]])
    sample = clip(frames=5) | {"regions": regions, "blend": regions.mean(0)}
    whole = read_clip("a", clip_members(sample, {}))
    torch.testing.assert_close(whole["regions"], regions)
    torch.testing.assert_close(whole["blend"], regions.mean(0))


def test_a_clip_survives_the_shard_and_a_window_is_a_part_of_it():
    sample = clip()
    members = clip_members(sample, {"license": "CC0"})
    whole, window = read_clip("a", members), read_clip("a", members, 26, 4)
    error = (whole["frames"].float() - sample["frames"].float()).square().mean()
    assert 10 * torch.log10(255**2 / error) > 38
    assert (whole["waveform"] - sample["waveform"]).abs().max() < 1e-4
    assert torch.equal(whole["reference"], sample["reference"])
    assert torch.equal(whole["mouth_mask"], sample["mouth_mask"])
    assert torch.equal(whole["landmarks"], sample["landmarks"])
    assert torch.equal(whole["blend"], sample["blend"])
    assert "action_units" not in whole
    assert "text" not in whole
    for name in ("frames", "landmarks", "mouth_mask"):
        assert torch.equal(window[name], whole[name][26:30])
    assert torch.equal(window["waveform"], whole["waveform"][26 * 640 : 30 * 640])


def test_equal_input_gives_equal_bytes(tmp_path):
    once, again = (clip_members(clip(), {}) for _ in range(2))
    assert once == again
    write_shard(tmp_path / "x.tar", [("a", once)])
    write_shard(tmp_path / "y.tar", [("a", again)])
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()
    assert list(read_members(tmp_path / "x.tar")) == [("a", dict(sorted(once.items())))]


def test_pickled_arrays_are_refused():
    import io

    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([{}], object))
    with pytest.raises(ValueError, match="damaged"):
        clip_codec.decode_arrays(buffer.getvalue())


@pytest.mark.parametrize("ending", ["mp4", "flac", "png", "npz", "json"])
def test_a_damaged_or_missing_member_is_one_clear_line(ending):
    members = clip_members(clip(frames=4), {})
    for broken in (
        {**members, ending: members[ending][:20]},
        {k: v for k, v in members.items() if k != ending},
    ):
        with pytest.raises(ValueError, match=r"damaged|missing|Expecting|empty|Unterminated"):
            read_clip("a", broken)


@pytest.mark.parametrize("key", ["", "a.b", "a/b", "../a"])
def test_unsafe_keys_are_refused_and_leave_nothing(tmp_path, key):
    with pytest.raises(ValueError, match="cannot be a key"):
        write_shard(tmp_path / "x.tar", [("fine", {"json": b"{}"}), (key, {"json": b"{}"})])
    assert not list(tmp_path.iterdir())


def test_the_data_digest_ignores_order_and_packing():
    samples = [SampleRecord(k, "p", 4, 0.16, "", members_digest({"json": k.encode()})) for k in "abc"]
    assert data_digest(samples) == data_digest(reversed(samples))
    assert data_digest(samples) != data_digest(samples[:2])


def test_an_index_finds_changed_and_missing_shards(tmp_path):
    members = {"json": b"{}"}
    size = write_shard(tmp_path / "clip-00000.tar", [("a", members)])
    record = SampleRecord("a", "p", 4, 0.16, "", members_digest(members))
    shard = ShardRecord("clip-00000.tar", "clip", sha256_of(tmp_path / "clip-00000.tar"), size, [record])
    (tmp_path / INDEX).write_text(json.dumps(index_content({}, [shard], {"b": "silent"})))
    index = read_index(tmp_path)
    assert verify(index) == []
    assert index.rejected == {"b": "silent"}
    with (tmp_path / "clip-00000.tar").open("r+b") as file:
        file.write(b"x")
    assert verify(index) == ["clip-00000.tar: changed since it was written"]
    (tmp_path / "clip-00000.tar").unlink()
    assert verify(index) == ["clip-00000.tar: missing"]
    (tmp_path / INDEX).write_text("{")
    with pytest.raises(ValueError, match="not a usable index"):
        read_index(tmp_path)
    with pytest.raises(FileNotFoundError, match="moee prepare"):
        read_index(tmp_path / "elsewhere")


def double(unit: Unit, out):
    """Writes twice the payload; fails on odd ones."""
    if unit.payload % 2:
        raise ValueError(f"{unit.key}: odd")
    (out / f"{unit.key}.txt").write_text(str(unit.payload * 2))
    return {"files": {f"{unit.key}.txt": len(str(unit.payload * 2))}, "value": unit.payload * 2}


def test_finished_units_are_not_done_again_and_failed_ones_are(tmp_path):
    units = [Unit(f"u{i}", f"d{i}", i) for i in (0, 2, 3)]
    with pytest.raises(ValueError, match="u3: odd"):
        map_shards(double, units, tmp_path)
    stamp = (tmp_path / "u2.txt").stat().st_mtime_ns
    fixed = [*units[:2], Unit("u3", "d4", 4)]
    assert [r["value"] for r in map_shards(double, fixed, tmp_path)] == [0, 4, 8]
    assert (tmp_path / "u2.txt").stat().st_mtime_ns == stamp
    (tmp_path / "u2.txt").write_text("")  # a file that is not whole is made again
    map_shards(double, fixed, tmp_path)
    assert (tmp_path / "u2.txt").read_text() == "4"
    with pytest.raises(ValueError, match="same key"):
        map_shards(double, [units[0], units[0]], tmp_path)
