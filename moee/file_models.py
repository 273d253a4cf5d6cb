"""What users write in files, checked by pydantic; what is wrong becomes one line with its place."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from moee.config_errors import unknown_name

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    ModelT = TypeVar("ModelT", bound=BaseModel)
LONGEST_VALUE = 80  # characters of a value that are shown
EXPECTED = {  # start of pydantic's name of a fault -> what stands there when all is well
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "`key: value` pairs",
    "model": "`key: value` pairs",
    "dataclass": "`key: value` pairs",
}


def checked(
    model: "type[ModelT]", content: object, where: str, context: Mapping[str, object] | None = None
) -> "ModelT":
    """The content of a file as a pydantic model.

    Args:
        model: strict, with `extra="forbid"`.
        content: plain data, as JSON and YAML give it.
        where: the file, and the place in it, for the line.
        context: for the model's own validators.

    Raises:
        ValueError: in one line, see `fault_line`.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(content, context=dict(context or {}))
    except ValidationError as error:
        raise ValueError(f"{where}: {fault_line(error, model)}") from None


def fault_line(error: "ValidationError", model: type) -> str:
    """The first fault: its place, what stands there, what is allowed; of an unknown key the nearest known.

    Args:
        error: of pydantic.
        model: what was wanted.
    """
    faults = error.errors()
    # a misspelt key is also a missing one: that it is unknown says more
    fault = next((fault for fault in faults if _is_unknown_key(fault)), faults[0])
    *above, last = [str(part) for part in fault["loc"]] or [""]
    path = ".".join([*above, last])
    if _is_unknown_key(fault):
        return unknown_name(path, last, _keys_at(model, above))
    if fault["type"] in ("missing", "missing_argument"):
        return f"{path} is missing"
    if fault["type"] == "value_error":
        return ": ".join(part for part in (path, str(fault.get("ctx", {}).get("error"))) if part)
    expected = EXPECTED.get(fault["type"].partition("_")[0])
    wanted = f"expected {expected}" if expected else fault["msg"][:1].lower() + fault["msg"][1:]
    return ": ".join(part for part in (path, f"{wanted}, got {_short(fault['input'])}") if part)


def _is_unknown_key(fault: "ErrorDetails") -> bool:
    return fault["type"] in ("extra_forbidden", "unexpected_keyword_argument")


def _keys_at(model: type, path: Sequence[str]) -> list[str]:
    """Keys of the model that lies at a path within another one; none where no model lies there."""
    keys: Mapping[str, Any] = getattr(model, "model_fields", None) or getattr(
        model, "__dataclass_fields__", {}
    )
    if not path:
        return list(keys)
    inner = getattr(keys.get(path[0]), "annotation", None)
    return _keys_at(inner, path[1:]) if isinstance(inner, type) else []


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
