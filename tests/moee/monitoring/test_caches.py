"""`moee cache` lists and removes what can be made again, and nothing else."""

import pytest

from datamodules.loading.synthetic_heads import SyntheticClips
from datamodules.synthetic.recipe import Recipe
from moee.cli import main


@pytest.fixture
def caches(own_folder):
    """A rendered clip, a folder of measured rows, and files that are no cache."""
    clips = SyntheticClips(
        Recipe(clips=1, frames=5, size=64, voice_frames=0), own_folder / "data" / "synthetic"
    )
    clips.build()
    (own_folder / "results" / ".kept").mkdir(parents=True)
    (own_folder / "results" / ".kept" / "row.safetensors").write_bytes(b"x" * 10_000)
    (own_folder / "results" / "mine.json").write_text("{}")
    (own_folder / "data" / "synthetic" / "photographs").mkdir()
    return clips.folder


def test_caches_are_listed_with_their_sizes(caches, capsys):
    assert main(["cache", "list"]) == 0
    out = capsys.readouterr().out
    assert f"data/synthetic/{caches.name}  synthetic clips" in out
    assert "results/.kept  measured videos" in out
    assert "photographs" not in out
    assert "MB in all" in out


def test_only_caches_are_removed(caches, own_folder, capsys):
    assert main(["cache", "clean", "trian"]) == 1
    assert "no cache 'trian'" in capsys.readouterr().err
    assert main(["cache", "clean", caches.name]) == 0
    assert not caches.exists()
    assert (own_folder / "results" / ".kept").exists()
    assert main(["cache", "clean"]) == 0
    assert not (own_folder / "results" / ".kept").exists()
    assert (own_folder / "results" / "mine.json").exists()
    assert (own_folder / "data" / "synthetic" / "photographs").exists()
    assert main(["cache", "list"]) == 0
    assert "0.0 MB in all" in capsys.readouterr().out


def test_another_folder_can_be_named(caches, own_folder, capsys):
    assert main(["cache", "list", "--folder", str(own_folder / "elsewhere")]) == 0
    assert capsys.readouterr().out == "0.0 MB in all\n"
