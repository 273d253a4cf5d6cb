"""Files are whole or not there, whatever stops the work."""

import pytest

from datamodules.whole_files import whole_file


def test_a_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "a.txt"
    with whole_file(target) as partial:
        partial.write_text("half")
        assert not target.exists()
        partial.write_text("whole")
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_what_was_there_stays_when_the_work_stops(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def stopped() -> None:
        with whole_file(target) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
