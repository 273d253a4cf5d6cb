"""The main table of a group of results as HTML: sortable columns, intervals, ties, marks."""

from collections.abc import Sequence
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
FEW = 8  # columns that a reader takes in at once; a table of no more needs no choice
# What stands in the first table, of each question the first that a protocol has: do pictures and video look
# real, do lips follow the sound, does the face act as asked, is it the same person, how far is each picture.
HEADLINE = (
    ("fid_clean", "fid_torch", "fid_tf1", "fid_torch_aa", "sharpness", "fid_embedded"),
    ("fvd_squash_16", "fvd_crop_16", "fvd_squash_48", "fvd_crop_48"),
    ("sync_c", "sync_c_embedded"),
    ("lip_correlation", "m_lmd"),
    ("emotion_accuracy", *(f"emotion_accuracy_{who}" for who in ("hsemotion8", "emonet8", "fer2013"))),
    ("au_correlation", "efid_3ddfa", "efid_embedded"),
    ("csim_reference", "csim_frame"),
    ("lpips", "psnr"),
)


def family(name: str) -> str:
    """What a metric looks at, by the folder it is written in."""
    parts = METRICS[name].__module__.split(".")
    other = "Picture" if METRICS[name].of_sets else "Other"  # FID, KID and FVD are made by a loop, in no file
    return next((title for title, folders in FAMILIES.items() if {*folders} & {*parts}), other)


def headline(names: Sequence[str]) -> list[str]:
    """The few columns that are seen first, in the order of `names`; all of them where they are few."""
    if len(names) <= FEW:
        return list(names)
    first = {next((name for name in question if name in names), "") for question in HEADLINE}
    return [name for name in names if name in first] or list(names[:FEW])


@dataclass(frozen=True)
class Column:
    """The head of a metric.

    Args:
        title, arrow, unit: as it shows them.
        meaning: of the arrow, in words.
        hint: what the metric is, in a line.
        first: the order that a first click sorts by, `ascending` or `descending`.
        badges: what a reader has to know of it here, text and kind.
    """

    title: str
    arrow: str
    unit: str
    meaning: str
    hint: str
    first: str
    badges: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cell:
    """A value of a system.

    Args:
        exact: all its digits, for sorting; empty without a value.
        text: as it is shown.
        span: its interval, as it is shown; empty for none.
        standing: `best`, `tied` with the best, or empty.
    """

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
    """The table with what its marks mean; where it is wide, first what matters most, and all on demand."""
    first = headline(table.metrics)
    return render(
        "scores.html.j2",
        {
            "first": _grid(table, first, caption),
            "count": len(table.metrics),
            "families": [] if len(first) == len(table.metrics) else _by_family(table),
            "competes": len(table.systems) > 1,
            "ties": any(table.tied.values()),
            "embedded": EMBEDDED if any(is_embedded(table, name) for name in table.metrics) else "",
            "warnings": _warnings(table),
            "notes": own_notes(table.metrics),
        },
    )


def _by_family(table: Table) -> list[dict[str, object]]:
    """A table for each thing that metrics look at, with all of its metrics."""
    grids = []
    for title in (*FAMILIES, "Other"):
        if names := [name for name in table.metrics if family(name) == title]:
            grids.append(_grid(table, names, f"{title}: {len(names)} of {len(table.metrics)} metrics"))
    return grids


def _grid(table: Table, names: Sequence[str], caption: str) -> dict[str, object]:
    """Some columns of the table with all of its rows."""
    return {
        "caption": caption,
        "columns": [_column(table, name) for name in names],
        "rows": [
            (role, [_row(table, r, names) for r in table.results if _role(r) == role]) for role in ORDER
        ],
    }


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
        first="descending" if kind.higher_is_better else "ascending",
        badges=tuple(badge for badge, applies in marks.items() if applies),
    )


def _row(table: Table, result: Result, names: Sequence[str]) -> SystemRow:
    failed = result.data["failed"]
    words = f"{failed} of {len(result.rows)} clips failed" if failed else ""
    cells = tuple(_cell(table, result, name) for name in names)
    return SystemRow(result.system["name"], _role(result), words, cells)


def _cell(table: Table, result: Result, name: str) -> Cell:
    value, span = shown(result, name), interval(result, name)
    if value is None:
        return Cell()
    reach = f"{text_of(span[0])} to {text_of(span[1])}" if span else ""
    return Cell(repr(value), text_of(value), reach, standing(table, result, name))


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
