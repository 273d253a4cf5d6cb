"""The main table of a group of results as HTML: sortable columns, intervals, ties, marks."""

from collections.abc import Sequence
from html import escape

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
from evaluation.metrics.sets.expression import ExpressionOfSets
from evaluation.pages.page import aside, badge, data_table
from evaluation.results.notes import own_notes
from evaluation.results.result import Result

FAMILIES = {  # -> folders of `evaluation.metrics`
    "Picture": ("pictures", "sets"),
    "Motion": ("landmarks", "sync", "motion", "action_units"),
    "Emotion": ("emotion",),
    "Identity": ("identity",),
}
EMBEDDED = "embedded, not the published network"


def family(name: str) -> str:
    """What a metric looks at, by the folder it is written in."""
    if issubclass(METRICS[name], ExpressionOfSets):
        return "Motion"  # a distance of sets of expressions, not of pictures
    folder = METRICS[name].__module__.removeprefix("evaluation.metrics.").partition(".")[0]
    other = "Picture" if METRICS[name].of_sets else "Other"  # FID, KID and FVD are made by a loop, in no file
    return next((title for title, folders in FAMILIES.items() if folder in folders), other)


def score_table(table: Table, caption: str) -> str:
    """The table with what its marks mean."""
    first = '<th class="name" scope="col" data-first="ascending"><button type="button">System</button></th>'
    head = "".join(_header(table, name) for name in table.metrics)
    return data_table(caption, first + head, "".join(_body(table, role) for role in ORDER)) + _key(table)


def _body(table: Table, role: str) -> str:
    rows = "".join(_row(table, result) for result in table.results if result.system["role"] == role)
    return f'<tbody class="{role}s">{rows}</tbody>'


def _header(table: Table, name: str) -> str:
    kind = METRICS[name]
    first = "descending" if kind.higher_is_better else "ascending"
    marks = badge("embedded", "embedded") if is_embedded(table, name) else ""
    marks += badge("unproven weights", "warn") if doubt(table, name) else ""
    marks += badge("cannot tell", "warn") if blind(table, name) else ""
    marks += badge("floor wins", "warn") if fooled(table, name) else ""
    hint = (kind.__doc__ or "").strip().splitlines()[0]
    meaning = {True: "higher is better", False: "lower is better", None: f"best at {kind.target}"}
    return (
        f'<th scope="col" data-first="{first}" data-family="{family(name)}" title="{escape(hint)}">'
        f'<button type="button">{escape(kind.title)} '
        f'<span class="arrow" aria-hidden="true">{arrow(name)}</span>'
        f"{aside(meaning[kind.higher_is_better])}</button>"
        f'<span class="unit">{escape(kind.unit)}</span>{marks}</th>'
    )


def _row(table: Table, result: Result) -> str:
    system, failed = result.system, result.data["failed"]
    limit = system["role"] != "system"
    label = " " + badge(system["role"], system["role"]) if limit else ""
    missing = f'<span class="range">{failed} of {len(result.rows)} clips failed</span>' if failed else ""
    name = escape(system["name"])
    cells = "".join(_cell(table, result, metric) for metric in table.metrics)
    searched = "" if limit else f' data-name="{name}"'
    return (
        f'<tr class="{system["role"]}"{searched}>'
        f'<th class="name" scope="row" data-value="{name}">{name}{label}'
        f"{missing}</th>{cells}</tr>"
    )


def _cell(table: Table, result: Result, name: str) -> str:
    value, place = shown(result, name), f'data-family="{family(name)}"'
    if value is None:
        return f'<td {place} data-value="">–</td>'
    stands, span = standing(table, result, name), interval(result, name)
    mark = {
        "best": aside("best: "),
        "tied": f'<span class="mark" aria-hidden="true">≈</span>{aside("tied with the best: ")}',
    }.get(stands, "")
    reach = f'<span class="range">{text_of(span[0])} to {text_of(span[1])}</span>' if span else ""
    kind = f' class="{stands}"' if stands else ""
    return f'<td{kind} {place} data-value="{value!r}">{mark}{text_of(value)}{reach}</td>'


def _key(table: Table) -> str:
    """What the marks mean, each only where it occurs."""
    items = []
    if len(table.systems) > 1:
        items.append('<span class="swatch"></span>best')
        if any(table.tied.values()):
            items.append('<span class="swatch faint"></span>≈ cannot be told from the best')
    if any(is_embedded(table, name) for name in table.metrics):
        items.append(f"{badge('embedded', 'embedded')} measured by networks of ours: {EMBEDDED}")
    lines = [f'<li class="soft">{item}</li>' for item in items]
    lines += [_warned(reason.capitalize(), titles) for reason, titles in doubts(table).items()]
    lines += _warning("Cannot tell ceiling from floor here", [n for n in table.metrics if blind(table, n)])
    lines += _warning("A floor beats real video here", [n for n in table.metrics if fooled(table, n)])
    lines += [_warned(UNLIKE, line) for line in table.unlike]
    lines += [f'<li class="soft">{escape(note)}</li>' for note in own_notes(table.metrics)]
    return f'<ul class="key">{"".join(lines)}</ul>' if lines else ""


def _warning(text: str, names: Sequence[str]) -> list[str]:
    return [_warned(text, ", ".join(METRICS[name].title for name in names))] if names else []


def _warned(text: str, about: str) -> str:
    return f'<li class="soft"><strong class="warn">{text}:</strong> {escape(about)}</li>'
