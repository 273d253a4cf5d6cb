"""Which results may share a table, what is best in it, and what its metrics cannot see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose

from evaluation.comparison.ties import cost_of, tied
from evaluation.metrics import METRICS
from evaluation.results.result import Result
from evaluation.results.system import ROLES

ROUNDING = 1e-6  # relative, or absolute; two evaluations this near are alike
UNLIKE = "Evaluated twice with other numbers, the first is shown, most apart"
ORDER = ("ceiling", "system", "floor")


@dataclass(frozen=True)
class Table:
    """Results that may be compared, and what they share.

    Args:
        shared: protocol, data and extractors.
        reason: why it stands apart from the first table; empty for the first.
        results: ceilings, systems, floors; systems best first by the first metric.
        metrics: names of the columns.
        tied: metric -> systems that cannot be told from the best.
        unlike: a line for each ceiling or floor of which two evaluations differ; the first is in `results`.
    """

    shared: Mapping[str, str]
    reason: str
    results: tuple[Result, ...]
    metrics: tuple[str, ...]
    tied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unlike: tuple[str, ...] = ()

    @property
    def systems(self) -> list[Result]:
        """The results that compete."""
        return [result for result in self.results if result.system["role"] == "system"]


def group(results: Sequence[Result]) -> list[Table]:
    """Tables of results that share protocol, data and extractors.

    Later ones say what differs from the first. Each system's own evaluation may bring the same ceilings and
    floors: the first of a name is kept, and by how much another differs is said.

    Raises:
        ValueError: for two results of one name in one table, unless they are the same ceiling or floor.
    """
    shares: list[dict[str, str]] = []
    members: list[list[Result]] = []
    twins: list[list[tuple[Result, Result]]] = []
    for result in results:
        if result.comparable not in shares:
            shares.append(result.comparable)
            members.append([])
            twins.append([])
        index = shares.index(result.comparable)
        place = members[index]
        twin = next((other for other in place if other.system["name"] == result.system["name"]), None)
        if twin is None:
            place.append(result)
        elif same_reference(twin, result):
            twins[index].append((twin, result))
        else:
            raise ValueError(
                f"two results of one table are both called {result.system['name']!r}: rename one"
            )
    return [
        _table(shared, shares[0], own, unlike(pairs))
        for shared, own, pairs in zip(shares, members, twins, strict=True)
    ]


def same_reference(one: Result, other: Result) -> bool:
    """Whether two results are of the same ceiling or floor, as each system's own evaluation writes it."""
    marks = [[r.system["role"], r.system["checkpoint_sha256"], sorted(r.metrics)] for r in (one, other)]
    return marks[0] == marks[1] and one.system["role"] != "system"


def unlike(twins: Sequence[tuple[Result, Result]]) -> tuple[str, ...]:
    """A line for each limit whose evaluations differ by more than rounding: where they do most.

    Networks round differently on other machines; no smaller difference of two systems means anything then.
    """
    worst: dict[str, tuple[float, str]] = {}
    for one, other in twins:
        name = one.system["name"]
        for metric in one.metrics:
            a, b = shown(one, metric), shown(other, metric)
            if (apart := _apart(a, b)) > worst.get(name, (0.0,))[0]:
                values = " and ".join("none" if value is None else f"{value:.6g}" for value in (a, b))
                worst[name] = apart, f"{name}, {METRICS[metric].title} {values}"
    return tuple(line for _, line in worst.values())


def _apart(a: float | None, b: float | None) -> float:
    """Relative difference of two values; zero for rounding."""
    if a is None or b is None:
        return 0.0 if a is b else float("inf")
    alike = isclose(a, b, rel_tol=ROUNDING, abs_tol=ROUNDING)
    return 0.0 if alike else abs(a - b) / max(abs(a), abs(b))


def _table(
    shared: dict[str, str], first: dict[str, str], own: list[Result], differing: tuple[str, ...]
) -> Table:
    differs = [
        f"{what} differs ({first[what]} there, {text} here)"
        for what, text in shared.items()
        if text != first[what]
    ]
    columns = tuple(name for name in METRICS if any(shown(result, name) is not None for result in own))
    systems = [result for result in own if result.system["role"] == "system"]
    ordered = tuple(sorted(own, key=lambda result: _place(result, columns)))
    ties = {name: tied(systems, name) for name in columns}
    return Table(shared, "; ".join(differs), ordered, columns, ties, differing)


def _place(result: Result, columns: Sequence[str]) -> tuple[int, float, str]:
    first = cost(result, columns[0]) if columns else None
    return ORDER.index(result.system["role"]), float("inf") if first is None else first, result.system["name"]


def shown(result: Result, name: str) -> float | None:
    """Value of a metric, or None."""
    return result.metrics.get(name, {}).get("value")


def interval(result: Result, name: str) -> tuple[float, float] | None:
    """Interval of a metric, or None."""
    ends = result.metrics.get(name, {}).get("interval")
    return (ends[0], ends[1]) if ends else None


def cost(result: Result, name: str) -> float | None:
    """A number that is the lower the better the value is."""
    value = shown(result, name)
    return None if value is None else float(cost_of(METRICS[name], value))


def best(table: Table, name: str) -> float | None:
    """Value of the best system of a table; None where fewer than two compete."""
    known = [(price, shown(r, name)) for r in table.systems if (price := cost(r, name)) is not None]
    return min(known, key=lambda pair: pair[0])[1] if len(known) > 1 else None


def standing(table: Table, result: Result, name: str) -> str:
    """`best`, `tied` with the best, or empty."""
    value = shown(result, name)
    if result.system["role"] != "system" or value is None:
        return ""
    if value == best(table, name):
        return "best"
    return "tied" if result.system["name"] in table.tied.get(name, ()) else ""


def tells(floor: Result, ceilings: Sequence[Result], name: str) -> bool | None:
    """Whether a metric tells a floor from all real videos, as they are and encoded again: no intervals meet.

    None where nobody knows, since the floor or every ceiling is without an interval.
    """
    own, spans = interval(floor, name), [interval(ceiling, name) for ceiling in ceilings]
    if own is None or not any(spans):
        return None
    return not any(own[0] <= span[1] and span[0] <= own[1] for span in spans if span)


def blind(table: Table, name: str) -> bool:
    """Whether a metric tells no floor from real video, where it is known of any."""
    roles = {role: [r for r in table.results if r.system["role"] == role] for role in ROLES}
    verdicts = [tells(floor, roles["ceiling"], name) for floor in roles["floor"]]
    return False in verdicts and True not in verdicts


def fooled(table: Table, name: str) -> bool:
    """Whether some floor scores better than every ceiling by more than their intervals."""
    kind, spans = METRICS[name], _spans(table, name)
    costs = {
        role: [sorted(float(cost_of(kind, end)) for end in span) for span in own]
        for role, own in spans.items()
    }
    if not costs["ceiling"]:
        return False
    return any(all(floor[1] < ceiling[0] for ceiling in costs["ceiling"]) for floor in costs["floor"])


def _spans(table: Table, name: str) -> dict[str, list[tuple[float, float]]]:
    spans: dict[str, list[tuple[float, float]]] = {role: [] for role in ROLES}
    for result in table.results:
        value = shown(result, name)
        if value is not None:
            spans[result.system["role"]].append(interval(result, name) or (value, value))
    return spans


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


def doubt(table: Table, name: str) -> str:
    """Why the network a metric rests on is not known to be the published one; empty where it is."""
    by = measured_by(table, name)
    reasons = (result.extractors.get(by, {}).get("doubt", "") for result in table.results)
    return next(filter(None, reasons), "")  # an older result of the same file has not told


def doubts(table: Table) -> dict[str, str]:
    """Each such reason, and the titles of the metrics it is true of."""
    by_reason: dict[str, list[str]] = {}
    for name in table.metrics:
        if reason := doubt(table, name):
            by_reason.setdefault(reason, []).append(METRICS[name].title)
    return {reason: ", ".join(titles) for reason, titles in by_reason.items()}


def is_embedded(table: Table, name: str) -> bool:
    """Whether a metric rests on a network of ours."""
    extractor = table.results[0].extractors.get(measured_by(table, name))
    return bool(extractor) and not extractor["published"]
