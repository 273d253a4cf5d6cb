"""A wrong file is one line: the place, what stands there, what is allowed."""

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from moee.file_models import checked


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    size: int
    rate: float = 1.0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    inner: Inner
    seeds: list[int] = []
    loud: bool = False
    notes: dict[str, str] = {}

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        if len(name) > 3:
            raise ValueError(f"at most 3 letters, got {name!r}")
        return name


GOOD = {"name": "abc", "inner": {"size": 3}}


def test_what_fits_comes_back() -> None:
    outer = checked(Outer, GOOD | {"seeds": [1, 2], "inner": {"size": 3, "rate": 2}}, "f")
    assert (outer.inner.rate, outer.seeds) == (2.0, [1, 2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nane": "x"}, "nane: did you mean 'name'? known are inner, loud, name, notes, seeds"),
        ({"inner": {"size": 3, "sise": 4}}, "inner.sise: did you mean 'size'? known are rate, size"),
        ({"inner": {}}, "inner.size is missing"),
        ({"name": 3}, "name: expected a text, got 3"),
        ({"name": "abcd"}, "name: at most 3 letters, got 'abcd'"),
        ({"seeds": 3}, "seeds: expected a list, got 3"),
        ({"seeds": [1, "2"]}, "seeds.1: expected a whole number, got '2'"),
        ({"loud": "yes"}, "loud: expected true or false, got 'yes'"),
        ({"notes": []}, "notes: expected `key: value` pairs, got []"),
        ({"inner": 3}, "inner: expected `key: value` pairs, got 3"),
        (
            {"inner": {"size": 3, "rate": "x" * 200}},
            "inner.rate: expected a number, got '" + "x" * 76 + "...",
        ),
    ],
)
def test_what_does_not_is_one_line(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=r"^a file: ") as caught:
        checked(Outer, GOOD | change, "a file")
    assert str(caught.value) == f"a file: {said}"


def test_a_misspelt_key_goes_before_the_missing_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'inner'"):
        checked(Outer, {"name": "abc", "innner": {"size": 3}}, "f")
    with pytest.raises(ValueError, match=r"^f: expected `key: value` pairs, got \[1\]$"):
        checked(Outer, [1], "f")
