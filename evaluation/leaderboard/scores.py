"""The main table of a group of results as HTML: sortable columns, intervals, ties, marks."""

from dataclasses import dataclass

from markupsafe import Markup

from evaluation.comparison.tables import (
    ORDER,
    UNLIKE,
    Table,
    arrow,
    blind,
    doubt,
    doubts,
    fooled,
    interval,
    is_embedded,
    shown,
    standing,
    text_of,
)
from evaluation.metrics import METRICS
from evaluation.pages.page import render
from evaluation.results.notes import own_notes
from evaluation.results.result import Result

# Title of a family -> folders of `evaluation/metrics` that its metrics are written in.
FAMILIES = {
    "Picture": ("pictures", "sets"),
    "Motion": ("landmarks", "motion", "action_units", "sync"),
    "Emotion": ("emotion",),
    "Identity": ("identity",),
}
EMBEDDED = "embedded, not the published network"


def family(name: str) -> str:
    """What a metric looks at, by the folder it is written in."""
    parts = METRICS[name].__module__.split(".")
    other = "Picture" if METRICS[name].of_sets else "Other"  # FID, KID and FVD are made by a loop, in no file
    return next((title for title, folders in FAMILIES.items() if {*folders} & {*parts}), other)


@dataclass(frozen=True)
class Column:
    """The head of a metric.

    Args:
        title, arrow, unit: as it shows them.
        meaning: of the arrow, in words.
        hint: what the metric is, in a line.
        family: see `family`.
        first: the order that a first click sorts by, `ascending` or `descending`.
        badges: what a reader has to know of it here, text and kind.
    """

    title: str
    arrow: str
    unit: str
    meaning: str
    hint: str
    family: str
    first: str
    badges: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cell:
    """A value of a system.

    Args:
        family: of its metric.
        exact: all its digits, for sorting; empty without a value.
        text: as it is shown.
        span: its interval, as it is shown; empty for none.
        standing: `best`, `tied` with the best, or empty.
    """

    family: str
    exact: str = ""
    text: str = "–"
    span: str = ""
    standing: str = ""


@dataclass(frozen=True)
class SystemRow:
    """A system's line of the table.

    Args:
        name: of the system.
        role: of it.
        failed: how many of its clips failed, in words; empty for none.
        cells: in the order of the columns.
    """

    name: str
    role: str
    failed: str
    cells: tuple[Cell, ...]


def score_table(table: Table, caption: str) -> Markup:
    """The table with what its marks mean."""
    return render(
        "scores.html.j2",
        {
            "caption": caption,
            "columns": [_column(table, name) for name in table.metrics],
            "rows": [(role, [_row(table, r) for r in table.results if _role(r) == role]) for role in ORDER],
            "competes": len(table.systems) > 1,
            "ties": any(table.tied.values()),
            "embedded": EMBEDDED if any(is_embedded(table, name) for name in table.metrics) else "",
            "warnings": _warnings(table),
            "notes": own_notes(table.metrics),
        },
    )


def _role(result: Result) -> str:
    return result.system["role"]


def _column(table: Table, name: str) -> Column:
    kind = METRICS[name]
    marks = {
        ("embedded", "embedded"): is_embedded(table, name),
        ("unproven weights", "warn"): bool(doubt(table, name)),
        ("cannot tell", "warn"): blind(table, name),
        ("floor wins", "warn"): fooled(table, name),
    }
    meaning = {True: "higher is better", False: "lower is better", None: f"best at {kind.target}"}
    return Column(
        title=kind.title,
        arrow=arrow(name),
        unit=kind.unit,
        meaning=meaning[kind.higher_is_better],
        hint=(kind.__doc__ or "").strip().splitlines()[0],
        family=family(name),
        first="descending" if kind.higher_is_better else "ascending",
        badges=tuple(badge for badge, applies in marks.items() if applies),
    )


def _row(table: Table, result: Result) -> SystemRow:
    failed = result.data["failed"]
    words = f"{failed} of {len(result.rows)} clips failed" if failed else ""
    cells = tuple(_cell(table, result, name) for name in table.metrics)
    return SystemRow(result.system["name"], _role(result), words, cells)


def _cell(table: Table, result: Result, name: str) -> Cell:
    value, span = shown(result, name), interval(result, name)
    if value is None:
        return Cell(family(name))
    reach = f"{text_of(span[0])} to {text_of(span[1])}" if span else ""
    return Cell(family(name), repr(value), text_of(value), reach, standing(table, result, name))


def _warnings(table: Table) -> list[tuple[str, str]]:
    """What to beware of, and of which metrics or rows it is true."""
    warnings = [(reason.capitalize(), titles) for reason, titles in doubts(table).items()]
    for text, applies in (
        ("Cannot tell ceiling from floor here", blind),
        ("A floor beats real video here", fooled),
    ):
        titles = ", ".join(METRICS[name].title for name in table.metrics if applies(table, name))
        warnings += [(text, titles)] if titles else []
    return [*warnings, *((UNLIKE, line) for line in table.unlike)]
