"""Files that are written: whole, or what was there before."""

import json
from pathlib import Path

import pytest

from moee.files import check_writable, write_text


def test_a_file_is_whole_or_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_text(path, json.dumps([1]))
    assert json.loads(path.read_text()) == [1]
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_writable(tmp_path)
