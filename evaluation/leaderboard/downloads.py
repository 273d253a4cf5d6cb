"""The tables as CSV, Markdown, LaTeX and JSON. A name from a result is text in each of them, never markup."""

import csv
import io
import json
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from evaluation.comparison.tables import (
    UNLIKE,
    Table,
    arrow,
    blind,
    doubt,
    doubts,
    fooled,
    interval,
    is_embedded,
    measured_by,
    shown,
    standing,
    text_of,
)
from evaluation.leaderboard.admission import Refusal
from evaluation.leaderboard.scores import headline
from evaluation.metrics import METRICS
from evaluation.results.aggregates import direction
from evaluation.results.result import Result

COLUMNS = ("table", "system", "role", "metric", "value", "low", "high", "n", "failed", "unit", "direction")
MORE_COLUMNS = ("measured_by", "standing", "protocol", "data", "result_sha256", "doubt")
LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "–": "--"},
    **{"↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\rightarrow$", "≈": r"$\approx$"},
}
LATEX_NEEDS = r"% Needs \usepackage{array,booktabs}"
LATEX_COLUMNS = 4  # metrics of one `tabular`, which then fits the text width of a page
LATEX_NAMES = r">{\raggedright\arraybackslash}p{.25\linewidth}"  # long names go on below
LATEX_HEAD = 11  # letters of a line of a column's head
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(tables: Sequence[Table]) -> str:
    """One line per system and metric, with everything needed to make another table."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*COLUMNS, *MORE_COLUMNS))
    for number, table in enumerate(tables, 1):
        for result in table.results:
            for name in table.metrics:
                if name in result.metrics:
                    writer.writerow(_csv_row(number, table, result, name))
    return stream.getvalue()


def _csv_row(number: int, table: Table, result: Result, name: str) -> list[Any]:
    kind, record = METRICS[name], result.metrics[name]
    low, high = interval(result, name) or ("", "")
    row = [number, result.system["name"], result.system["role"], name, record["value"], low, high]
    row += [record["n"], record["n_failed"], kind.unit, direction(kind), measured_by(table, name)]
    row += [standing(table, result, name), table.shared["protocol"], table.shared["data"], result.digest]
    row += [doubt(table, name)]
    return [_cell_text(cell) if isinstance(cell, str) else cell for cell in row]


def _cell_text(text: str) -> str:
    """Spreadsheets run a cell that starts with one of these signs as a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def as_markdown(tables: Sequence[Table]) -> str:
    """The tables for a README; the best system of each column is bold, ≈ marks those tied with it."""
    return "\n\n".join(_markdown(number, table) for number, table in enumerate(tables, 1)) + "\n"


def _markdown(number: int, table: Table) -> str:
    shared = "; ".join(f"{what} {text}" for what, text in table.shared.items())
    lines = [f"Table {number}: {_markdown_text(shared)}."]
    lines += [f"Apart from table 1: {_markdown_text(table.reason)}."] if table.reason else []
    heads = [f"{METRICS[name].title} {arrow(name)}" for name in table.metrics]
    lines += ["", f"| system | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    for result in table.results:
        cells = [_plain_cell(table, result, name, "**{}**") for name in table.metrics]
        lines.append(f"| {_markdown_text(_name(result))} | {' | '.join(cells)} |")
    for note in _notes(table):
        lines += ["", _markdown_text(note)]
    return "\n".join(lines)


def _notes(table: Table) -> list[str]:
    """What a reader has to know, a sentence each."""
    marked = {
        "Embedded, not the published network": is_embedded,
        "Cannot tell ceiling from floor here": blind,
        "A floor beats real video here": fooled,
    }
    notes = ["Bold is best, ≈ cannot be told from it."] if len(table.systems) > 1 else []
    for note, applies in marked.items():
        titles = ", ".join(METRICS[name].title for name in table.metrics if applies(table, name))
        notes += [f"{note}: {titles}."] if titles else []
    notes += [f"{reason.capitalize()}: {titles}." for reason, titles in doubts(table).items()]
    return [*notes, *(f"{UNLIKE}: {line}." for line in table.unlike)]


def _name(result: Result) -> str:
    role = result.system["role"]
    return result.system["name"] + ("" if role == "system" else f" ({role})")


def _plain_cell(table: Table, result: Result, name: str, bold: str) -> str:
    value, span, stands = shown(result, name), interval(result, name), standing(table, result, name)
    text = bold.format(text_of(value)) if stands == "best" else text_of(value)
    text = f"≈ {text}" if stands == "tied" else text
    return f"{text} ({text_of(span[0])}–{text_of(span[1])})" if span and value is not None else text


def _markdown_text(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|!#~])", r"\\\1", text)


def as_latex(tables: Sequence[Table]) -> str:
    """For `booktabs` and `array`: a few metrics each, so that none is wider than a page, what matters first.

    Above each stands as comments what belongs into its caption.
    """
    texts = [_latex(number, table) for number, table in enumerate(tables, 1)]
    return "\n\n".join([LATEX_NEEDS, *texts]) + "\n"


def _latex(number: int, table: Table) -> str:
    first = headline(table.metrics)
    names = [*first, *(name for name in table.metrics if name not in first)]
    parts = [names[start : start + LATEX_COLUMNS] for start in range(0, len(names), LATEX_COLUMNS)]
    comments = [
        f"% Table {number}: {_latex_text(what)} {_latex_text(text)}" for what, text in table.shared.items()
    ]
    comments += [f"% {_latex_text(note)}" for note in _notes(table)]
    tabulars = [
        f"% Table {number}, part {place} of {len(parts)}\n{_tabular(table, part)}"
        for place, part in enumerate(parts, 1)
    ]
    return "\n".join(comments) + "\n" + "\n\n".join(tabulars)


def _tabular(table: Table, names: Sequence[str]) -> str:
    heads = [_latex_head(f"{METRICS[name].title} {arrow(name)}") for name in names]
    lines = [rf"\begin{{tabular}}{{{LATEX_NAMES}{'r' * len(heads)}}}", r"\toprule"]
    lines += [" & ".join(["System", *heads]) + r" \\", r"\midrule"]
    for result in table.results:
        cells = [_latex_cell(table, result, name) for name in names]
        lines.append(" & ".join([_latex_text(_name(result)), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _latex_head(text: str) -> str:
    """The head of a column in lines of a few letters."""
    lines = [_latex_text(line) for line in textwrap.wrap(text, LATEX_HEAD, break_long_words=False)]
    stacked = r"\\".join(lines)
    return lines[0] if len(lines) == 1 else rf"\shortstack[r]{{{stacked}}}"


def _latex_cell(table: Table, result: Result, name: str) -> str:
    """The value, and its interval small below it."""
    value, span, stands = shown(result, name), interval(result, name), standing(table, result, name)
    text = _latex_text(f"≈ {text_of(value)}" if stands == "tied" else text_of(value))
    text = rf"\textbf{{{text}}}" if stands == "best" else text
    if value is None or not span:
        return text
    return rf"\shortstack[r]{{{text}\\{{\scriptsize {text_of(span[0])}--{text_of(span[1])}}}}}"


def _latex_text(text: str) -> str:
    return "".join(LATEX.get(sign, sign) for sign in text)


def as_json(tables: Sequence[Table], refused: Sequence[Refusal] = ()) -> str:
    """Everything that the page shows in numbers."""
    content = {
        "schema_version": 1,
        "tables": [_plain_table(table) for table in tables],
        "refused": [{"source": refusal.source, "reason": refusal.reason} for refusal in refused],
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _plain_table(table: Table) -> dict[str, Any]:
    columns = [
        {
            **{"name": name, "title": METRICS[name].title, "unit": METRICS[name].unit},
            **{"direction": direction(METRICS[name]), "target": METRICS[name].target},
            **{"measured_by": measured_by(table, name), "embedded": is_embedded(table, name)},
            "doubt": doubt(table, name),
            "cannot_tell_ceiling_from_floor": blind(table, name),
            "floor_beats_ceiling": fooled(table, name),
        }
        for name in table.metrics
    ]
    rows = [
        {
            "system": result.system,
            "result_sha256": result.digest,
            "created": result.created,
            "values": {
                name: _plain_value(table, result, name) for name in table.metrics if name in result.metrics
            },
        }
        for result in table.results
    ]
    about = {"shared": dict(table.shared), "apart_because": table.reason, "unlike": list(table.unlike)}
    return about | {"metrics": columns, "rows": rows}


def _plain_value(table: Table, result: Result, name: str) -> dict[str, Any]:
    record = result.metrics[name]
    shared = {key: record[key] for key in ("value", "interval", "n", "n_failed")}
    return shared | {"standing": standing(table, result, name)}
