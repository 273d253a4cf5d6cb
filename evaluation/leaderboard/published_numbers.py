"""Numbers that papers printed: a registry with citations, shown beside ours and never ranked with them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

FOLDER = Path(str(files("evaluation.leaderboard"))) / "published"
PAPER_KEYS = ("paper", "citation", "read_from", "tables")
TABLE_KEYS = ("protocol", "dataset", "metrics", "rows")
OPTIONAL_KEYS = ("note", "units")
DIRECTIONS = ("higher", "lower")


@dataclass(frozen=True)
class PublishedTable:
    """One table of a paper, as printed.

    Args:
        paper: short name.
        citation: whom to cite.
        read_from: where the numbers were read.
        protocol: tag of this table alone; no two tables share one.
        dataset: the clips, in the paper's words.
        metrics: name -> `higher` or `lower`, whichever is better, in the order of the columns.
        units: metric -> unit, where it has one.
        rows: method -> numbers as printed; None where the paper gives none or we do not know it.
        note: what a reader must know.
    """

    paper: str
    citation: str
    read_from: str
    protocol: str
    dataset: str
    metrics: Mapping[str, str]
    units: Mapping[str, str]
    rows: Mapping[str, tuple[str | None, ...]]
    note: str = ""


def load_published(folder: Path = FOLDER) -> list[PublishedTable]:
    """The tables of every YAML file in a folder, files in the order of their names.

    Raises:
        FileNotFoundError: if there are none.
        ValueError: for a broken file, a key that is missing or not known, a direction or number that is none,
            rows of another length than the columns, or two tables with one protocol tag.
    """
    paths = sorted(Path(folder).glob("*.yaml"))
    if not paths:
        raise FileNotFoundError(f"no published numbers in {folder}")
    tables = [table for path in paths for table in _read(path)]
    tags = [table.protocol for table in tables]
    twice = sorted({tag for tag in tags if tags.count(tag) > 1})
    if twice:
        raise ValueError(
            f"published numbers: two tables are tagged {twice[0]!r}, each needs a tag of its own"
        )
    return tables


def _read(path: Path) -> list[PublishedTable]:
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from None
    _check_keys(content, PAPER_KEYS, (), path.name)
    if not isinstance(content["tables"], list) or not content["tables"]:
        raise ValueError(f"{path.name}: tables must be a list of at least one")
    about = [_text(content[key], f"{path.name}: {key}") for key in PAPER_KEYS[:-1]]
    return [_table(item, about, path.name) for item in content["tables"]]


def _table(item: Any, about: list[str], source: str) -> PublishedTable:
    _check_keys(item, TABLE_KEYS, OPTIONAL_KEYS, f"{source}: a table")
    tag, dataset = (_text(item[key], f"{source}: {key}") for key in ("protocol", "dataset"))
    metrics, units, rows = item["metrics"], item.get("units") or {}, item["rows"]
    where = f"{source}: {tag}"
    for name, content in (("metrics", metrics), ("rows", rows)):
        if not isinstance(content, dict) or not content:
            raise ValueError(f"{where}: {name} must be `name: value` pairs")
    for name, direction in metrics.items():
        if direction not in DIRECTIONS:
            raise ValueError(f"{where}: {name} is {direction!r}, allowed are {', '.join(DIRECTIONS)}")
    if not isinstance(units, dict) or units.keys() - metrics.keys():
        raise ValueError(f"{where}: units name a metric that is no column; columns are {', '.join(metrics)}")
    found = {str(name): _numbers(values, len(metrics), f"{where}: {name}") for name, values in rows.items()}
    return PublishedTable(*about, tag, dataset, metrics, units, found, str(item.get("note") or ""))


def _numbers(values: Any, count: int, where: str) -> tuple[str | None, ...]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"{where}: expected a list of {count} numbers in quotes, got {values!r}")
    for value in values:
        if value is not None and not (isinstance(value, str) and _is_number(value)):
            raise ValueError(f"{where}: {value!r} is no number in quotes, as printed, nor null")
    return tuple(values)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_keys(content: Any, needed: tuple[str, ...], optional: tuple[str, ...], source: str) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"{source}: expected `key: value` pairs")
    strange = [key for key in content if key not in (*needed, *optional)]
    missing = [key for key in needed if key not in content]
    if strange:
        raise ValueError(f"{source}: unknown key {strange[0]!r}, known are {', '.join((*needed, *optional))}")
    if missing:
        raise ValueError(f"{source}: lacks {', '.join(missing)}")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: expected a text, got {value!r}")
    return value.strip()
