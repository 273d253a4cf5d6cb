import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from pydantic import Field

from evaluation.validation import Recorded, Written, checked, unknown, written_like


class Part(Written):
    size: float | None = None
    count: Annotated[int, Field(gt=0)] = 1
    ways: dict[str, Literal["up", "down"]] = Field(default_factory=dict)


class Whole(Written):
    title: str
    parts: list[Part]


class Told(Recorded):
    title: str


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (7, "must be `key: value` pairs, got 7"),
        ({}, "lacks title, parts"),
        ({"titel": "x", "parts": []}, "unknown key 'titel', did you mean 'title'? known are title, parts"),
        ({"title": None, "parts": []}, "title must be a text, got None"),
        ({"title": "x", "parts": {}}, "parts must be a list, got {}"),
        ({"title": "x", "parts": [7]}, "parts[0] must be `key: value` pairs, got 7"),
        ({"title": "x", "parts": [{"size": "big"}]}, "parts[0].size must be a number or null, got 'big'"),
        ({"title": "x", "parts": [{"size": True}]}, "parts[0].size must be a number or null, got True"),
        ({"title": "x", "parts": [{"size": float("nan")}]}, "parts[0].size must be a finite number or null"),
        ({"title": "x", "parts": [{}, {"count": 0}]}, "parts[1].count must be greater than 0, got 0"),
        ({"title": "x", "parts": [{"count": 1.5}]}, "parts[0].count must be a whole number, got 1.5"),
        ({"title": "x", "parts": [{"ways": {"a": "u"}}]}, "parts[0].ways.a is 'u', allowed are up, down"),
        ({"title": "x", "parts": [{"sise": 1}]}, "parts[0]: unknown key 'sise', did you mean 'size'?"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(content, line):
    with pytest.raises(ValueError, match=re.escape(f"f.yaml: {line}")) as caught:
        checked(Whole, content, "f.yaml")
    assert "\n" not in str(caught.value)


def test_what_fits_is_not_converted_and_a_record_may_tell_more():
    whole = checked(Whole, {"title": "x", "parts": [{"size": 2, "ways": {"a": "up"}}]}, "f.yaml")
    assert whole.parts[0] == Part(size=2.0, ways={"a": "up"})
    assert checked(Told, {"title": "x", "later": 1}, "r.json").title == "x"


def test_a_model_of_a_dataclass_has_its_fields():
    @dataclass
    class Thing:
        name: str
        size: float | None = None
        tags: list[str] = field(default_factory=list)

    kind = written_like(Thing)
    assert checked(kind, {"name": "x"}, "f").model_dump() == {"name": "x", "size": None, "tags": []}
    for content, line in (
        ({"nmae": "x"}, "unknown key 'nmae', did you mean 'name'? known are name, size, tags"),
        ({}, "lacks name"),
        ({"name": "x", "tags": [1]}, "tags[0] must be a text, got 1"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"f: {line}")):
            checked(kind, content, "f")


def test_an_unknown_name_lists_few_of_many():
    assert unknown("x9", ["a", "b"]) == "'x9', known are a, b"
    assert unknown("n7", [f"n{i}" for i in range(90)]).endswith("n11, ...")
    assert unknown("x", []) == "'x', known are none"
