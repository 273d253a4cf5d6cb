"""One line of a result for each clip and seed, and which metrics could not be computed for which clips."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluation.metrics import METRICS


@dataclass
class Row:
    """One clip of one seed: evaluated, or failed for a reason.

    Args:
        key: of the clip.
        identity: of the person.
        label: the emotion's name; empty where unknown.
        seed: of the sampler.
        frames: compared.
        problem: empty, or why the clip could not be evaluated.
        values: metric -> value of this clip alone; None where it has none.
        sums: metric -> the sums that aggregates add up.
    """

    key: str
    identity: str
    label: str = ""
    seed: int = 0
    frames: int = 0
    problem: str = ""
    values: dict[str, float | None] = field(default_factory=dict)
    sums: dict[str, list[float]] = field(default_factory=dict)


def unmeasured(
    rows: Sequence[Row], names: Iterable[str], with_tensors: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Metric -> how many clips it could not be computed for, those that failed aside, and why.

    Args:
        rows: of all clips.
        names: of the metrics that are asked about.
        with_tensors: those among them whose sums lie outside the rows; these have all clips.
    """
    lacking: dict[str, dict[str, Any]] = {}
    for name in names:
        clips = {row.key for row in rows if not row.problem and name not in row.sums}
        if clips and name not in with_tensors:
            lacking[name] = {"clips": len(clips), "why": _why(METRICS[name].needs[1])}
    return lacking


def _why(field_name: str) -> str:
    """Why a truth has no such field of `Measured`."""
    if field_name == "loudness" or field_name.endswith("sync_audio"):
        return "the true video has no sound"
    return "no emotion is known of the clip" if field_name == "blend" else f"the truth has no {field_name}"
