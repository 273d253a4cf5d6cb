"""A metric for each emotion and each person, from the rows of a result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from evaluation.metrics import METRICS
from evaluation.results.result import Result
from evaluation.statistics.intervals import number

By = Literal["label", "identity"]
FEWEST = 3  # clips; a value of fewer says more about the clips than about the system


@dataclass(frozen=True)
class Breakdown:
    """Values of one metric by group.

    Args:
        metric: its name.
        clips: group -> number of different clips in it, groups in sorted order.
        values: system -> group -> value; None where fewer than `FEWEST` clips or no value.
    """

    metric: str
    clips: Mapping[str, int]
    values: Mapping[str, Mapping[str, float | None]]


def breakdown(results: Sequence[Result], name: str, by: By) -> Breakdown | None:
    """The breakdown of a metric; None where it says nothing: one group, or a distance between distributions.

    A Fréchet distance of a handful of clips is dominated by its bias, so there is none.
    """
    if not METRICS[name].in_json:
        return None
    clips: dict[str, set[str]] = {}
    for result in results:
        for row in result.rows:
            if getattr(row, by):
                clips.setdefault(getattr(row, by), set()).add(row.key)
    values = {result.system["name"]: _values(result, name, by) for result in results}
    if len(clips) < 2 or not any(value is not None for own in values.values() for value in own.values()):
        return None
    return Breakdown(name, {group: len(keys) for group, keys in sorted(clips.items())}, values)


def _values(result: Result, name: str, by: By) -> dict[str, float | None]:
    clips: dict[str, set[str]] = {}
    for row in result.rows:
        if name in row.sums:
            clips.setdefault(getattr(row, by), set()).add(row.key)
    values = group_values(result, name, by)
    return {group: value if len(clips[group]) >= FEWEST else None for group, value in values.items()}


def group_values(result: Result, name: str, by: str) -> dict[Any, float | None]:
    """Value of a metric over the rows that agree in a field, by that field's value in sorted order.

    Nothing for a distance of sets, whose rows are no sums.
    """
    if METRICS[name].of_sets:
        return {}
    metric = METRICS[name]()
    sums_NK, rows = result.sums_of(name)
    groups = sorted({getattr(row, by) for row in rows})
    masks = [torch.tensor([getattr(row, by) == group for row in rows]) for group in groups]
    return {
        group: number(metric.finish(sums_NK[mask].sum(0))) for group, mask in zip(groups, masks, strict=True)
    }
