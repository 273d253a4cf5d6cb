from dataclasses import replace
from pathlib import Path

import pytest
import torch

from datamodules.loading.synthetic_heads import SyntheticClips, SyntheticHeads
from datamodules.synthetic.clip import Shares
from datamodules.synthetic.recipe import Recipe

RECIPE = Recipe(clips=3, frames=6, size=64, voice_frames=8)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    SyntheticClips(RECIPE, folder).build()
    return folder


def opened(cache: Path, **options: int) -> SyntheticClips:
    clips = SyntheticClips(RECIPE, cache, **options)
    clips.open()
    return clips


def test_what_is_cached_is_what_was_made(cache: Path) -> None:
    from datamodules.synthetic.recipe import make_clip

    made, kept = make_clip(RECIPE, 1), opened(cache)[1]
    for name in ("frames", "reference", "waveform", "action_units", "head_motion", "mouth_mask", "landmarks"):
        assert torch.equal(kept[name], made[name]), name  # type: ignore[literal-required]
    assert kept["key"] == made["key"]
    assert ("blend" in kept) == ("blend" in made)
    assert len(kept["voice"]) == 8 * 640


def test_subsets_part_single_emotions_from_all_that_is_mixed(tmp_path: Path) -> None:
    shares = Shares(neutral=0.2, basic=0.3, mixed=0.2, regional=0.2)
    recipe = Recipe(clips=14, frames=5, size=64, voice_frames=0, seed=3, shares=shares)
    SyntheticClips(recipe, tmp_path).build()
    shown: dict[str, set[str]] = {}
    for subset in ("all", "single", "mixed"):
        clips = SyntheticClips(recipe, tmp_path, window=1, length=200, subset=subset)  # type: ignore[arg-type]
        clips.open()
        shown[subset] = {clips[item]["key"] for item in range(200)}
        for sample in (clips[item] for item in range(0, 200, 20)):
            single = "blend" in sample and "regions" not in sample and (sample["blend"] > 0).sum() <= 1
            assert subset == "all" or single == (subset == "single")
    assert shown["single"]
    assert shown["mixed"]
    assert shown["single"].isdisjoint(shown["mixed"])
    assert shown["single"] | shown["mixed"] == shown["all"]
    only = SyntheticClips(replace(recipe, shares=Shares(0.0, 1.0, 0.0)), tmp_path, window=1, subset="mixed")
    only.build()
    with pytest.raises(ValueError, match="subset='mixed': none of the 14 clips belongs to it"):
        only.open()


def test_windows_are_decided_by_seed_and_place(cache: Path) -> None:
    first, again = (opened(cache, window=3, length=40, seed=4) for _ in range(2))
    other = opened(cache, window=3, length=40, seed=5)
    assert all(torch.equal(first[i]["frames"], again[i]["frames"]) for i in range(10))
    assert any(not torch.equal(first[i]["frames"], other[i]["frames"]) for i in range(10))
    assert {first[i]["key"] for i in range(40)} == {opened(cache)[i]["key"] for i in range(3)}
    assert len(first[0]["waveform"]) == 3 * 640


def test_a_window_is_a_cut_of_its_clip(cache: Path) -> None:
    clips = opened(cache)
    whole, cut = clips.clip(2), clips.clip(2, slice(1, 5))
    assert torch.equal(cut["frames"], whole["frames"][1:5])
    assert torch.equal(cut["waveform"], whole["waveform"][640 : 5 * 640])
    assert torch.equal(cut["head_motion"], whole["head_motion"][1:5])


def test_each_window_words_its_emotion_anew(cache: Path) -> None:
    windows = opened(cache, window=1, length=60)
    said: dict[str, set[str]] = {}
    for window in (windows[i] for i in range(60)):
        if "text" in window:
            said.setdefault(window["key"], set()).add(window["text"])
    assert said
    assert all(len(texts) > 5 for texts in said.values())
    assert [windows[i].get("text") for i in range(9)] == [windows[i].get("text") for i in range(9)]


def test_frames_of_a_window_may_lie_apart(cache: Path) -> None:
    clips = opened(cache, window=2, length=60, apart=4)
    whole = {clip["key"]: clip["frames"] for clip in (opened(cache)[i] for i in range(3))}
    distances = set()
    for i in range(60):
        cut = clips[i]
        places = [
            {k for k in range(6) if torch.equal(whole[cut["key"]][k], frame)} for frame in cut["frames"]
        ]
        distances |= {second - first for first in places[0] for second in places[1]}
    assert {1, 2, 3, 4} <= distances
    assert opened(cache, window=6, length=1, apart=9)[0]["frames"].shape[0] == 6
    with pytest.raises(ValueError, match="apart=0"):
        SyntheticClips(RECIPE, cache, window=2, apart=0)


def test_the_expression_is_what_is_held_over_the_whole_clip(cache: Path) -> None:
    from datamodules.action_units import tonic

    clips = opened(cache)
    cut, whole = clips.clip(0, slice(2, 4)), clips.clip(0)
    torch.testing.assert_close(cut["expression"], tonic(whole["action_units"])[2:4])


def test_interrupted_building_goes_on(cache: Path, tmp_path: Path) -> None:
    import numpy as np

    clips = SyntheticClips(RECIPE, tmp_path)
    clips.build()
    done = np.load(clips.folder / "done.npy", mmap_mode="r+")
    done[1] = 0
    (clips.folder / "words" / "000001.json").unlink()
    clips.build()
    clips.open()
    assert torch.equal(clips[1]["frames"], opened(cache)[1]["frames"])


def test_what_is_kept_ahead_comes_with_the_window(cache: Path) -> None:
    clips = opened(cache)
    clips.precompute("latent", lambda s: s["frames"].float().mean((2, 3)), "v1")
    calls = []
    clips.precompute("latent", lambda s: calls.append(s) or s["frames"].float(), "v1")  # type: ignore[func-returns-value]
    assert not calls
    cut = clips.clip(0, slice(2, 5))
    torch.testing.assert_close(cut["latent"], cut["frames"].float().mean((2, 3)), atol=0.2, rtol=1e-3)


def test_a_changed_recipe_is_another_cache() -> None:
    assert Recipe().digest() == Recipe().digest()
    assert Recipe(randomisation=0.5).digest() != Recipe().digest()


def test_bad_sizes_are_one_line(cache: Path) -> None:
    with pytest.raises(ValueError, match="window=9, but cached clips have 6 frames"):
        SyntheticClips(RECIPE, cache, window=9)


def test_batches_follow_the_contract(cache: Path) -> None:
    data = SyntheticHeads(2, 4, RECIPE, RECIPE, cache=str(cache))
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch["frames"].shape == (2, 4, 3, 64, 64)
    assert batch["voice"].shape == (2, 8 * 640)
    assert [len(batch["key"]) for batch in data.val_dataloader()] == [
        1,
        1,
        1,
    ]  # a quarter of two, at least one
    data.val_batch = 2
    assert [len(batch["key"]) for batch in data.val_dataloader()] == [2, 1]
    with pytest.raises(ValueError, match="val_batch must be at least 1, got 0"):
        SyntheticHeads(2, 4, RECIPE, RECIPE, cache=str(cache), val_batch=0)
