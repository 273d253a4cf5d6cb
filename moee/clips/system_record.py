"""The record of a system that made videos: the file of `--system`, as `moee foreign` writes it."""

from pathlib import Path

from evaluation.results.system import System


def read_system(path: Path) -> System:
    """A `System` from JSON.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no JSON, has a key that a system has not, or a value of another kind.
    """
    from pydantic import ConfigDict, ValidationError
    from pydantic.dataclasses import dataclass

    from moee.file_models import fault_line
    from moee.files import read_json

    if not path.is_file():
        raise FileNotFoundError(f"no system file {path}")
    content = read_json(path)
    if not isinstance(content, dict) or "name" not in content:
        raise ValueError(f"{path}: expected the record of a system, with a name")
    strict = dataclass(System, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
    try:
        strict(**content)
    except ValidationError as error:
        raise ValueError(f"{path}: {fault_line(error, System)}") from None
    return System(**content)
