"""Who finds faces: what is named, MediaPipe's file where it is known, otherwise the one that ships."""

from pathlib import Path

import pytest

from moee.monitoring import doctor
from moee.weights import face_finder, registry


@pytest.fixture
def bare(monkeypatch, tmp_path) -> Path:
    """A machine that has fetched nothing."""
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_straight_after_the_install_ours_is_used(bare):
    assert face_finder.finder_file() == registry.SHIPPED_FOLDER / "face-finder.safetensors"
    (finding,) = doctor.check_face_finder()
    assert "the finder that ships" in finding.what


def test_mediapipe_goes_first_where_it_is(bare, monkeypatch):
    find = registry.find
    there = bare / "face_landmarker.task"
    monkeypatch.setattr(registry, "find", lambda name: there if name == face_finder.MEDIAPIPE else find(name))
    assert face_finder.finder_file() == there
    (finding,) = doctor.check_face_finder()
    assert "MediaPipe's landmarker" in finding.what


def test_a_named_file_is_taken_or_missed(bare):
    (bare / "mine.task").touch()
    assert face_finder.finder_file(bare / "mine.task") == bare / "mine.task"
    with pytest.raises(FileNotFoundError, match=r"--detector .*none\.task: no such file"):
        face_finder.finder_file(bare / "none.task")


def test_another_file_under_mediapipes_name_is_refused(bare):
    (bare / "face_landmarker.task").write_bytes(b"else")
    with pytest.raises(ValueError, match="is not the registered face_landmarker"):
        face_finder.finder_file()
    assert list(doctor.check_face_finder()) == []
