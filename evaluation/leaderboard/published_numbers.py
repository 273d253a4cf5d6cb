"""Numbers that papers printed: a registry with citations, shown beside ours and never ranked with them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from evaluation.reading import read_pairs
from evaluation.validation import Written, checked

FOLDER = Path(str(files("evaluation.leaderboard"))) / "published"


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


def _nonblank(text: str) -> str:
    if not text.strip():
        raise ValueError(f"expected a text, got {text!r}")
    return text.strip()


def _as_printed(value: Any) -> Any:
    if value is None or (isinstance(value, str) and _is_number(value)):
        return value
    raise ValueError(f"{value!r} is no number in quotes, as printed, nor null")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


Text = Annotated[str, AfterValidator(_nonblank)]
Printed = Annotated[str | None, BeforeValidator(_as_printed)]


class TableFile(Written):
    """A table as a file tells it; see `PublishedTable`."""

    protocol: Text
    dataset: Text
    metrics: Annotated[dict[str, Literal["higher", "lower"]], Field(min_length=1)]
    rows: Annotated[dict[str, list[Printed]], Field(min_length=1)]
    note: str | None = None
    units: dict[str, str] | None = None

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        columns = len(self.metrics)
        for method, numbers in self.rows.items():
            if len(numbers) != columns:
                raise ValueError(f"{method}: expected a list of {columns} numbers in quotes, got {numbers!r}")
        if (self.units or {}).keys() - self.metrics.keys():
            raise ValueError(f"units name a metric that is no column; columns are {', '.join(self.metrics)}")
        return self


class PaperFile(Written):
    """The file of a paper."""

    paper: Text
    citation: Text
    read_from: Text
    tables: Annotated[list[TableFile], Field(min_length=1)]


def _read(path: Path) -> list[PublishedTable]:
    file = checked(PaperFile, read_pairs(path, "published numbers"), path.name)
    return [
        PublishedTable(
            paper=file.paper,
            citation=file.citation,
            read_from=file.read_from,
            protocol=table.protocol,
            dataset=table.dataset,
            metrics=table.metrics,
            units=table.units or {},
            rows={method: tuple(numbers) for method, numbers in table.rows.items()},
            note=table.note or "",
        )
        for table in file.tables
    ]
