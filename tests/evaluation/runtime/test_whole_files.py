from pathlib import Path

import pytest

from evaluation.runtime.whole_files import whole_file, write_whole


def test_text_and_bytes_replace_what_was_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "ä")
    write_whole(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_what_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "old")

    def fill_the_disk() -> None:
        with whole_file(tmp_path / "a") as unfinished:
            unfinished.write_text("ne")
            assert unfinished.suffix == ".part"
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fill_the_disk()
    assert (tmp_path / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
