"""What a data module says its clips are: their content, not their place."""

import json
import shutil
from pathlib import Path

import pytest

from datamodules import SyntheticCues, SyntheticHeads, SyntheticVoices, TalkingHeadShards, UtteranceFolder
from datamodules.digest import KnowsItsClips
from datamodules.loading.shards import INDEX, SampleRecord, ShardRecord, index_content, sha256_of, write_shard
from datamodules.synthetic.recipe import Recipe


def shards(folder: Path, sound: bytes) -> Path:
    """A folder of one shard with one voice."""
    folder.mkdir()
    size = write_shard(folder / "voice-0.tar", [("one", {"flac": sound})])
    sample = SampleRecord("one", "anna", 0, 1.0, "happy", sound.hex())
    record = ShardRecord("voice-0.tar", "voice", sha256_of(folder / "voice-0.tar"), size, [sample])
    (folder / INDEX).write_text(json.dumps(index_content({}, [record], {})))
    return folder


def test_shards_are_known_by_their_samples(tmp_path: Path) -> None:
    here = shards(tmp_path / "here", b"a")
    moved, other = shutil.copytree(here, tmp_path / "moved"), shards(tmp_path / "other", b"b")
    digests = [TalkingHeadShards(str(folder)).digest() for folder in (here, moved, other)]
    assert digests[0] == digests[1] != digests[2]


def test_shards_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    folder = shards(tmp_path / "x", b"a")
    data = TalkingHeadShards(str(folder))
    with (folder / "voice-0.tar").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match=r"voice-0\.tar: .* bytes, not the .* prepare the folder again"):
        data.digest()
    (folder / "voice-0.tar").unlink()
    with pytest.raises(FileNotFoundError, match=r"voice-0\.tar: the shard is missing"):
        data.digest()


def test_utterances_are_known_by_name_and_content(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="RAVDESS"):
        UtteranceFolder(str(tmp_path)).digest()
    (tmp_path / "03-01-03-01-01-01-01.wav").write_bytes(b"a")
    first = UtteranceFolder(str(tmp_path)).digest()
    assert UtteranceFolder(str(tmp_path), global_batch=2).digest() == first
    (tmp_path / "03-01-03-01-01-01-01.wav").write_bytes(b"b")
    assert UtteranceFolder(str(tmp_path)).digest() != first


@pytest.mark.parametrize(
    ("data", "same", "other"),
    [
        (SyntheticCues("text"), SyntheticCues("text", global_batch=2), SyntheticCues("speech")),
        (SyntheticVoices(), SyntheticVoices(global_batch=2), SyntheticVoices(seed=1)),
        (
            SyntheticHeads(2, 4, Recipe(), Recipe(split="test")),
            SyntheticHeads(4, 8, Recipe(), Recipe(split="test")),
            SyntheticHeads(2, 4, Recipe(), Recipe(split="test", seed=1)),
        ),
    ],
)
def test_synthetic_clips_are_known_by_their_recipe(
    data: KnowsItsClips, same: KnowsItsClips, other: KnowsItsClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.digest() == same.digest() != other.digest()
    before = data.digest()
    monkeypatch.setattr("datamodules.digest.WORLD_VERSION", -1)
    assert data.digest() != before
