"""Text, JSON and YAML that people wrote: every encoding that editors leave, one line for what is wrong."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.text import decoded

if TYPE_CHECKING:
    from omegaconf import DictConfig


def read_text(path: Path, what: str = "file") -> str:
    """The text of a file in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Args:
        path: of the file.
        what: it is called where it is missing.

    Raises:
        FileNotFoundError: if it is not there, or a folder.
        UnicodeDecodeError: a `ValueError`, if it is in another encoding.
    """
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"no {what} {path}")
    return decoded(path.read_bytes())


def read_json(path: Path, what: str = "file") -> Any:
    """The content of a JSON file, encoded as `read_text` says.

    Raises:
        FileNotFoundError: if it is not there, or a folder.
        ValueError: in one line with the file's name, for what is no JSON (as NaN), and for a
            name that stands twice in one object, of which plain JSON readers keep the last without a word.
    """
    try:
        return json.loads(read_text(path, what), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    content = dict(pairs)
    if len(content) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return content


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def read_yaml(path: Path, what: str = "file") -> "DictConfig":
    """The `key: value` pairs of a YAML file, encoded as `read_text` says; interpolations stay as written.

    Raises:
        FileNotFoundError: if it is not there, or a folder.
        ValueError: in one line with the file's name, for broken YAML or anything but pairs.
    """
    import io

    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        content = OmegaConf.load(io.StringIO(read_text(path, what)))
    except FileNotFoundError:
        raise
    except (YAMLError, OmegaConfBaseException, ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path} is not readable YAML: {_one_line(error)}") from None
    if not isinstance(content, DictConfig):
        raise ValueError(f"{path} holds a list, expected `key: value` pairs")
    return content


def read_pairs(path: Path, what: str) -> dict[str, Any]:
    """The `key: value` pairs of a YAML file as plain values, interpolations resolved.

    Raises:
        FileNotFoundError: if it is not there, or a folder.
        ValueError: as `read_yaml`, and for an interpolation that leads nowhere.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    pairs = read_yaml(path, f"{what} file")
    try:
        content = OmegaConf.to_container(pairs, resolve=True)
    except OmegaConfBaseException as error:
        raise ValueError(f"{path} is not readable YAML: {_one_line(error)}") from None
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace('in "<file>", line', "in line").split())
