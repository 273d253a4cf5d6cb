"""Which metrics could not be computed for which clips, told by the rows alone."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from evaluation.metrics import METRICS

if TYPE_CHECKING:
    from evaluation.results.result import Row


def unmeasured(
    rows: Sequence["Row"], names: Iterable[str], with_tensors: Collection[str]
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


def _why(field: str) -> str:
    """Why a truth has no such field of `Measured`."""
    if field == "loudness" or field.endswith("sync_audio"):
        return "the true video has no sound"
    return "no emotion is known of the clip" if field == "blend" else f"the truth has no {field}"
