"""What `moee evaluate` prints of a result."""

from collections.abc import Sequence

from evaluation.result import Result


def summary(result: Result) -> list[str]:
    """One line for each metric: name, value, interval, unit."""
    lines = []
    for record in result.metrics.values():
        value, interval = record["value"], record["interval"]
        shown = "-" if value is None else f"{value:.4g}"
        reach = f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
        lines.append(f"{record['title']:28} {shown}{reach} {record['unit']}".rstrip())
    failed = sum(bool(row.problem) for row in result.rows)
    lines.append(f"{len(result.rows)} clips, {failed} failed")
    return lines


def limit_table(results: Sequence[Result]) -> list[str]:
    """What each metric can see: all rows side by side, and which floors it cannot tell from real videos."""
    real = next(result for result in results if result.system["role"] == "ceiling")
    lines = [
        "",
        f"{'what each metric sees':28}" + "".join(f"{f'({i + 1})':>12}" for i in range(len(results))),
    ]
    for name, record in real.metrics.items():
        cells = []
        for result in results:
            found = result.metrics.get(name)
            blind = result.system["role"] == "floor" and _meet(record, found)
            cells.append(f"{'~' * blind}{_short(found)}")
        lines.append(f"{record['title']:28}" + "".join(f"{cell:>12}" for cell in cells))
    names = [f"({i + 1}) {result.system['name']}" for i, result in enumerate(results)]
    return [*lines, ", ".join(names), "~ this floor's interval meets that of the real videos"]


def _short(record: dict | None) -> str:
    return "-" if record is None or record["value"] is None else f"{record['value']:.4g}"


def _meet(one: dict, other: dict | None) -> bool:
    """Whether two intervals share a point; without intervals whether the values are equal."""
    if other is None or one["value"] is None or other["value"] is None:
        return True
    (low, high), (low_b, high_b) = (r["interval"] or [r["value"]] * 2 for r in (one, other))
    return low <= high_b and low_b <= high
