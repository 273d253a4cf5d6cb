"""Files that people wrote: any encoding that editors leave, one line for what cannot be read."""

import json
from pathlib import Path

import pytest

from evaluation.reading import read_json, read_pairs, read_text, read_yaml

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"über": [1, "ß"]}', encoding=encoding)
    assert read_json(path) == {"über": [1, "ß"]}
    assert read_text(path).startswith("{")
    path.write_text("über: [1, ß]\n2: b", encoding=encoding)
    assert read_pairs(path, "thing") == {"über": [1, "ß"], "2": "b"}
    assert read_yaml(path) == {"über": [1, "ß"], 2: "b"}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"{", "Expecting property name"),
        (b"", "Expecting value"),
        (b"[" * 100_000, "recursion depth"),
        (b"9" * 5000, "4300 digits"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        ('{"ä": 1}'.encode("latin-1"), "codec can't decode byte"),
        (b'\xff\xfe"', "codec can't decode byte"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' stands there twice"),
    ],
)
def test_what_is_no_json_is_one_line_with_the_file(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=line) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path} is not JSON: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: [", "is not readable YAML: .* in line 2, column 1$"),
        (b"a: 1\na: 2", "is not readable YAML: .*duplicate key"),
        (b"a: [1\x00]", "is not readable YAML: "),
        (b"\xff", "is not readable YAML: .*codec can't decode byte"),
        (b"\xff\xfea", "is not readable YAML: .*codec can't decode byte"),
        (b"[" * 100_000, "is not readable YAML: "),
        (b"7", "is not readable YAML: "),
        (b"[7]", "expected `key: value` pairs"),
        (b"a: ${nowhere}", "is not readable YAML: .*nowhere"),
    ],
)
def test_what_is_no_yaml_is_one_line_with_the_file(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=line) as caught:
        read_pairs(path, "thing")
    assert str(caught.value).startswith(f"{path} ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_named_as_what_it_is(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileNotFoundError, match=f"no result file {path}"):
            read_json(path, "result file")
        with pytest.raises(FileNotFoundError, match=f"no thing file {path}"):
            read_pairs(path, "thing")
        with pytest.raises(FileNotFoundError, match=f"no file {path}"):
            read_text(path)


def test_an_empty_yaml_file_has_no_pairs_and_interpolations_stay_until_they_are_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("")
    assert read_pairs(path, "thing") == {}
    path.write_text("a: 1\nb: ${a}")
    assert read_pairs(path, "thing") == {"a": 1, "b": 1}
    path.write_text("b: ${elsewhere}")
    assert list(read_yaml(path)) == ["b"]
    path.write_text(json.dumps({"json": "is YAML too"}))
    assert read_pairs(path, "thing") == {"json": "is YAML too"}
