"""What belongs beside a value in words: what it is worth where it was tried, or why there is none."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evaluation.metrics import METRICS, ClipMetric
from evaluation.metrics.sets.distances import SetMetric
from evaluation.results.rows import Row
from evaluation.results.set_features import Features, by_person


def note_of(metric: ClipMetric, value: float | None, features: Features, identities: Sequence[str]) -> str:
    """The metric's own note; of a distance of sets without a value the reason; empty where there is neither.

    Args:
        metric: whose note.
        value: over all rows.
        features: of the evaluated rows, as in a result.
        identities: of the same rows.
    """
    if value is not None or not isinstance(metric, SetMetric):
        return metric.note
    if not identities:
        return "no clip could be evaluated"
    try:
        metric.of_people(*by_person(features[metric.needs[0]], identities), spread=False)
    except ValueError as error:
        return str(error)
    return "the distance is no number"


def own_notes(names: Iterable[str]) -> list[str]:
    """A line for each note that metrics carry themselves: which metrics, and the note."""
    return _lines((METRICS[name].note, name) for name in names)


def reasons_without_value(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for each reason why pooled metrics of a result have no value: which metrics, and the reason."""
    return _lines(
        (r.get("note", "") if METRICS[name].of_sets else METRICS[name].absent, name)
        for name, r in records.items()
        if r["value"] is None and METRICS[name].aggregation == "pooled"
    )


def clips_without_value(rows: Sequence[Row]) -> list[str]:
    """A line for each reason why clips have no value of their own: how many, why, which metrics.

    A clip that only adds to a pooled metric has none and needs none.
    """
    measured = [row for row in rows if not row.problem]
    counts = Counter(
        (name, METRICS[name]().why_absent(row.frames))
        for row in measured
        for name, value in row.values.items()
        if value is None and METRICS[name].aggregation != "pooled"
    )
    titles: dict[tuple[int, str], list[str]] = {}
    for name, why in sorted(counts, key=lambda pair: list(METRICS).index(pair[0])):
        titles.setdefault((counts[name, why], why), []).append(METRICS[name].title)
    return [f"{n} of {len(measured)} clips, {why}: {'; '.join(names)}" for (n, why), names in titles.items()]


def _lines(noted: Iterable[tuple[str, str]]) -> list[str]:
    titles: dict[str, list[str]] = {}
    for note, name in noted:
        if note:
            titles.setdefault(note, []).append(METRICS[name].title)
    return [f"{'; '.join(names)}: {note}" for note, names in titles.items()]
