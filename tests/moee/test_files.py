"""Files that users wrote: any encoding that editors leave, one line for what is no JSON."""

import json
from pathlib import Path

import pytest

from moee.files import check_writable, read_json, read_text, write_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"über": [1, "ß"]}', encoding=encoding)
    assert read_json(path) == {"über": [1, "ß"]}
    assert read_text(path).startswith("{")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "Expecting property name"),
        (b"", "Expecting value"),
        (b"[" * 100_000, "recursion depth"),
        ('{"ä": 1}'.encode("latin-1"), "codec can't decode byte"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' stands there twice"),
    ],
)
def test_what_is_no_json_is_one_line_with_the_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path} is not JSON: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")


def test_a_file_is_whole_or_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_text(path, json.dumps([1]))
    assert read_json(path) == [1]
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_writable(tmp_path)
