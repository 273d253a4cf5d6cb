"""Which results may share a table, what is best in it, and the table as CSV and Markdown."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.metrics import METRICS
from evaluation.result import ROLES, Result

ORDER = ("ceiling", "system", "floor")


@dataclass(frozen=True)
class Table:
    """Results that may be compared, and what they share.

    Args:
        shared: protocol, data and extractors.
        reason: why it stands apart from the first table; empty for the first.
        results: ceilings, systems, floors; systems best first by the first metric.
        metrics: names of the columns.
    """

    shared: Mapping[str, str]
    reason: str
    results: tuple[Result, ...]
    metrics: tuple[str, ...]


def group(results: Sequence[Result]) -> list[Table]:
    """Tables of results that share protocol, data and extractors.

    Later ones say what differs from the first.
    """
    shares: list[dict[str, str]] = []
    members: list[list[Result]] = []
    for result in results:
        if result.comparable not in shares:
            shares.append(result.comparable)
            members.append([])
        place = members[shares.index(result.comparable)]
        if any(other.system["name"] == result.system["name"] for other in place):
            raise ValueError(
                f"two results of one table are both called {result.system['name']!r}: rename one"
            )
        place.append(result)
    tables = []
    for shared, own in zip(shares, members, strict=True):
        differs = [f"{what} differs ({shares[0][what]} there, {shared[what]} here)" for what in shared]
        reason = "; ".join(
            text for what, text in zip(shared, differs, strict=True) if shared[what] != shares[0][what]
        )
        columns = tuple(name for name in METRICS if any(shown(result, name) is not None for result in own))
        tables.append(Table(shared, reason, tuple(sorted(own, key=lambda r: _place(r, columns))), columns))
    return tables


def _place(result: Result, columns: Sequence[str]) -> tuple[int, float, str]:
    first = cost(result, columns[0]) if columns else None
    return ORDER.index(result.system["role"]), float("inf") if first is None else first, result.system["name"]


def shown(result: Result, name: str) -> float | None:
    """Value of a metric, or None."""
    return result.metrics.get(name, {}).get("value")


def cost(result: Result, name: str) -> float | None:
    """A number that is the lower the better the value is."""
    value = shown(result, name)
    if value is None:
        return None
    kind = METRICS[name]
    if kind.higher_is_better is None:
        return abs(value - (kind.target or 0.0))
    return -value if kind.higher_is_better else value


def best(table: Table, name: str) -> float | None:
    """Value of the best system of a table; None where fewer than two compete."""
    found = [(cost(r, name), shown(r, name)) for r in table.results if r.system["role"] == "system"]
    known = [pair for pair in found if pair[0] is not None]
    return min(known)[1] if len(known) > 1 else None


def blind(table: Table, name: str) -> bool:
    """Whether a metric cannot tell the ceiling from any floor: their intervals overlap."""
    spans: dict[str, list[list[float]]] = {role: [] for role in ROLES}
    for result in table.results:
        value, record = shown(result, name), result.metrics.get(name, {})
        if value is not None:
            spans[result.system["role"]].append(record.get("interval") or [value, value])
    if not spans["ceiling"] or not spans["floor"]:
        return False
    return all(f[0] <= c[1] and c[0] <= f[1] for c in spans["ceiling"] for f in spans["floor"])


def arrow(name: str) -> str:
    """Which way is better."""
    kind = METRICS[name]
    if kind.higher_is_better is None:
        return f"→ {kind.target or 0:g}"
    return "↑" if kind.higher_is_better else "↓"


def text_of(value: float | None) -> str:
    """A number as a table shows it."""
    if value is None:
        return "–"
    digits = 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0: no minus before a zero


def measured_by(table: Table, name: str) -> str:
    """Name of the network a metric rests on; empty where it needs none."""
    for extractor in table.results[0].extractors.values():
        if METRICS[name].needs[0] in extractor["provides"] or name in extractor["provides"]:
            return extractor["name"]
    return ""


def is_embedded(table: Table, name: str) -> bool:
    """Whether a metric rests on a network of ours."""
    extractor = table.results[0].extractors.get(measured_by(table, name))
    return bool(extractor) and not extractor["published"]


def as_csv(tables: Sequence[Table]) -> str:
    """One line per system and metric, with everything needed to make another table."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [
            "table",
            "system",
            "role",
            "metric",
            "value",
            "low",
            "high",
            "n",
            "failed",
            "unit",
            "direction",
            "measured_by",
        ]
    )
    for number, table in enumerate(tables, 1):
        for result in table.results:
            for name in table.metrics:
                record = result.metrics.get(name)
                if record is not None:
                    low, high = record["interval"] or ("", "")
                    system = [
                        number,
                        result.system["name"],
                        result.system["role"],
                        name,
                        record["value"],
                        low,
                        high,
                    ]
                    about = [record["n"], record["n_failed"], record["unit"], record["direction"]]
                    writer.writerow([*system, *about, measured_by(table, name)])
    return stream.getvalue()


def as_markdown(tables: Sequence[Table]) -> str:
    """The tables for a README; the best system of each column is bold."""
    parts = []
    for number, table in enumerate(tables, 1):
        shared = "; ".join(f"{what} {text}" for what, text in table.shared.items())
        heads = [f"{METRICS[name].title} {arrow(name)}" for name in table.metrics]
        lines = [
            f"Table {number}: {shared}.",
            *([f"Apart from table 1: {table.reason}."] if table.reason else []),
            "",
        ]
        lines += [f"| system | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
        for result in table.results:
            role = "" if result.system["role"] == "system" else f" ({result.system['role']})"
            cells = [_markdown_cell(table, result, name) for name in table.metrics]
            lines.append(f"| {result.system['name']}{role} | {' | '.join(cells)} |")
        if any(is_embedded(table, name) for name in table.metrics):
            columns = ", ".join(METRICS[name].title for name in table.metrics if is_embedded(table, name))
            lines += ["", f"Embedded, not the published network: {columns}."]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _markdown_cell(table: Table, result: Result, name: str) -> str:
    value = shown(result, name)
    if value is None:
        return "–"
    wins = result.system["role"] == "system" and value == best(table, name)
    span = result.metrics[name]["interval"]
    return f"{'**' if wins else ''}{text_of(value)}{'**' if wins else ''}" + (
        f" ({text_of(span[0])}–{text_of(span[1])})" if span else ""
    )
