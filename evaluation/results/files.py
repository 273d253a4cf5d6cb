"""A result's two files, JSON and tensors beside it: written whole, read with one line for what is wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from evaluation.reading import read_json
from evaluation.results.schema import ResultRecord
from evaluation.runtime.whole_files import file_digest, whole_file
from evaluation.validation import checked

SCHEMA_VERSION = 1
SECTIONS = ("protocol", "system", "data", "extractors", "metrics", "rows", "environment", "cost")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"{path}: its parts do not fit together: {error}") from None


def read_content(path: Path) -> dict[str, Any]:
    """The content of a result's JSON, as it stands there, once every part of it is of the right kind.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no such file, or of another schema.
    """
    content = read_json(path, "result file")
    if not isinstance(content, dict) or "schema_version" not in content:
        raise ValueError(f"{path} is not a result: it has no schema_version")
    if content["schema_version"] != SCHEMA_VERSION:
        raise ValueError(
            f"{path} has schema {content['schema_version']!r}, this version reads {SCHEMA_VERSION}"
        )
    checked(ResultRecord, content, str(path))
    return content


def read_sums(path: Path, about: Mapping[str, str] | None) -> dict[str, Tensor]:
    """Tensors of the file beside a result; none where it has none.

    Args:
        path: of the JSON.
        about: `name` and `sha256` of that file.

    Raises:
        FileNotFoundError: if it does not lie beside it.
        ValueError: if it is another file than was written, or unreadable.
    """
    if about is None:
        return {}
    beside = path.with_name(Path(about["name"]).name)
    if not beside.is_file():
        raise FileNotFoundError(f"{path} rests on {beside.name}, which does not lie beside it")
    if file_digest(beside) != about["sha256"]:
        raise ValueError(f"{beside} was changed after {path.name} was written")
    try:
        return load_file(beside)
    except SafetensorError as error:
        raise ValueError(f"{beside} is not a readable safetensors file: {error}") from None


def put_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write named tensors whole or not at all, straight from where they lie; the file's sha256."""
    with whole_file(path) as unfinished:
        save_file({name: x.contiguous() for name, x in sorted(tensors.items())}, unfinished)
    return file_digest(path)
