"""The content of files that people write or read back: checked by a pydantic model, refused in one line.

A line names the place in the file (`tables[0].metrics.FID`), what stands there and what is allowed.
"""

from collections.abc import Iterable
from dataclasses import MISSING, fields
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

SHOWN_NAMES, LONGEST_VALUE = 12, 80
KINDS = {
    **{"string_type": "a text", "bool_type": "true or false", "list_type": "a list"},
    **{"int_type": "a whole number", "int_from_float": "a whole number"},
    **{"float_type": "a number", "finite_number": "a finite number"},
    **dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "`key: value` pairs"),
}
Place = tuple[int | str, ...]  # keys and positions that lead to a value
ModelT = TypeVar("ModelT", bound=BaseModel)


class Written(BaseModel):
    """Something that a person writes: nothing is converted, and a key that nobody reads is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Recorded(BaseModel):
    """Something that a version of this suite wrote: nothing is converted, a later one may tell more."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


def checked(kind: type[ModelT], content: object, source: str) -> ModelT:
    """The content as a model.

    Args:
        kind: a `Written` or a `Recorded`.
        content: as JSON or YAML gives it.
        source: of the content, such as the name of its file; stands before the line.

    Raises:
        ValueError: in one line, for the first thing wrong.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{source}: {problem(error, kind)}") from None


def written_like(kind: type) -> type[Written]:
    """A `Written` with the fields of a dataclass: their types and defaults."""
    types = get_type_hints(kind)
    given: dict[str, Any] = {}
    for entry in fields(kind):
        if entry.default_factory is not MISSING:
            given[entry.name] = (types[entry.name], Field(default_factory=entry.default_factory))
        else:
            given[entry.name] = (types[entry.name], ... if entry.default is MISSING else entry.default)
    return create_model(kind.__name__, __base__=Written, **given)


def problem(error: ValidationError, kind: type[BaseModel]) -> str:
    """The line for the first thing wrong; a key that nobody reads comes first, it may explain a missing one.

    Args:
        error: of pydantic.
        kind: the model that was asked for.
    """
    details = error.errors(include_url=False)
    first = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
    place = first["loc"]
    if first["type"] == "extra_forbidden":
        return f"{_at(place[:-1])}unknown key {unknown(str(place[-1]), _known_keys(kind, place[:-1]))}"
    if first["type"] == "missing":
        alike = [detail["loc"] for detail in details if detail["type"] == "missing"]
        names = ", ".join(str(other[-1]) for other in alike if other[:-1] == place[:-1])
        return f"{_path(place[:-1])} lacks {names}".lstrip()
    return _wrong_value(first, place, _annotation(kind, place))


def unknown(name: str, known: Iterable[str]) -> str:
    """A name that is not known, the nearest one that is, and what is known."""
    known = list(known)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f", did you mean {near[0]!r}?" if near else ","
    listed = ", ".join(known[:SHOWN_NAMES]) + (", ..." if len(known) > SHOWN_NAMES else "")
    return f"{name!r}{hint} known are {listed or 'none'}"


def _wrong_value(detail: ErrorDetails, place: Place, annotation: Any) -> str:
    value, or_null = _short(detail["input"]), " or null" if _is_optional(annotation) else ""
    if detail["type"] == "value_error":
        return f"{_at(place)}{detail['ctx']['error']}" if "ctx" in detail else f"{_at(place)}{detail['msg']}"
    if detail["type"] == "literal_error":
        allowed = ", ".join(map(str, get_args(_without_null(annotation))))
        return f"{_path(place)} is {value}, allowed are {allowed}{or_null}".lstrip()
    if detail["type"] in KINDS:
        return f"{_path(place)} must be {KINDS[detail['type']]}{or_null}, got {value}".lstrip()
    demand = detail["msg"][:1].lower() + detail["msg"][1:]
    return f"{_path(place)} {demand.replace('input should', 'must')}, got {value}".lstrip()


def _path(place: Place) -> str:
    """`tables[0].metrics.FID`; nothing for the file itself."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place if step != "[key]")
    return text.removeprefix(".")


def _at(place: Place) -> str:
    return f"{_path(place)}: " if place else ""


def _known_keys(kind: type[BaseModel], place: Place) -> list[str]:
    model = _without_null(_annotation(kind, place))
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _annotation(kind: type[BaseModel], place: Place) -> Any:
    """What a value at a place of a model may be; None where it cannot be told."""
    annotation: Any = kind
    for step in place:
        annotation = _without_null(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(step))
            annotation = field.annotation if field else None
        else:
            annotation = (get_args(annotation) or (None,))[-1]
    return annotation


def _without_null(annotation: Any) -> Any:
    """The annotation itself, of `Annotated` and of `X | None` what stands in it."""
    if get_origin(annotation) is Annotated:
        return _without_null(get_args(annotation)[0])
    if _is_optional(annotation):
        return _without_null(next(choice for choice in get_args(annotation) if choice is not type(None)))
    return annotation


def _is_optional(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType) and type(None) in get_args(annotation)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
