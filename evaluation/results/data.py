"""What a result says of its data: counts, digests, what could not be measured, files that were converted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from datamodules.batch import FPS
from evaluation.metrics import METRICS, ClipMetric
from evaluation.protocol import digest_of
from evaluation.results.result import Result
from evaluation.results.rows import Row, unmeasured

SIDES = ("generated", "true")
SAME_RATE = 0.1  # frames a second; a header's mean rate is rarely exact
Rates = tuple[float | None, float | None]  # frames a second of the generated and the true file, where known


class MeasuredPair(NamedTuple):
    """A measured pair.

    Its row, sums too large for it, the digest of its truth, the rates of its files, and whether the truth has
    a reference picture.
    """

    row: Row
    large: dict[str, Tensor]
    truth: str
    rates: Rates
    pictured: bool


def in_order(found: Iterable[MeasuredPair]) -> list[MeasuredPair]:
    """By key and seed, each once: the same list whoever measured what in which order."""
    return [item for _, item in sorted({(item.row.key, item.row.seed): item for item in found}.items())]


def data_record(found: Sequence[MeasuredPair], truth: str, metrics: Sequence[ClipMetric]) -> dict[str, Any]:
    """The section `data` of a result; what there is no word about is left out."""
    rows = [item.row for item in found]
    digests = {item.row.key: item.truth for item in reversed(found)}
    large = {name for item in found for name in item.large}
    lacking = unmeasured(rows, [metric.name for metric in metrics], large)
    sparse = {"unmeasured": lacking, "source_rates": _source_rates(found)}
    return {
        "sha256": digest_of(sorted(digests.items())),
        "truth": truth,
        "reference": _reference({item.row.key: item.pictured for item in found if not item.row.problem}),
        "clips": len(digests),
        "identities": len({row.identity for row in rows}),
        "frames": sum(row.frames for row in rows),
        "failed": sum(bool(row.problem) for row in rows),
        "keys": sorted(digests),
    } | {name: content for name, content in sparse.items() if content}


def _reference(given: Mapping[str, bool]) -> str:
    """With which picture of each evaluated clip the generated ones are compared."""
    count = sum(given.values())
    if count == len(given):
        return "given pictures" if given else ""
    first = "first true frame with a face"
    return f"given pictures of {count} of {len(given)} clips, else {first}" if count else first


def _source_rates(found: Sequence[MeasuredPair]) -> dict[str, dict[str, int]]:
    """Side -> rate of the file -> clips, where a rate had to be converted; nothing otherwise."""
    rates = {(item.row.key, side, item.rates[i]) for item in found for i, side in enumerate(SIDES)}
    known = [(key, side, rate) for key, side, rate in rates if rate is not None]
    if all(is_common(rate) for *_, rate in known):
        return {}
    counts = {side: Counter(_plain(rate) for _, of, rate in sorted(known) if of == side) for side in SIDES}
    return {side: dict(sorted(count.items())) for side, count in counts.items() if count}


def _plain(rate: float) -> str:
    return f"{rate:.3f}".rstrip("0").rstrip(".")


def is_common(rate: float) -> bool:
    """Whether it is the rate that everything is compared at."""
    return abs(rate - FPS) <= SAME_RATE


def lengths_apart(made: int, true: int, allowed: int, rates: Rates) -> str:
    """What is wrong with a clip of another length than its truth."""
    text = f"{made} frames generated, {true} true: more than {allowed} apart"
    odd = [
        f"the {side} file's {_plain(rate)} frames a second were converted to {FPS}"
        for side, rate in zip(SIDES, rates, strict=True)
        if rate is not None and not is_common(rate)
    ]
    return "; ".join([text, *odd])


def unmeasured_lines(result: Result) -> list[str]:
    """One line for each reason: how many clips, why, which metrics."""
    groups: dict[tuple[int, str], list[str]] = {}
    for name, record in result.data.get("unmeasured", {}).items():
        groups.setdefault((record["clips"], record["why"]), []).append(METRICS[name].title)
    evaluated = len({row.key for row in result.rows if not row.problem})
    return [
        f"{clips} of {evaluated} clips, {why}: {'; '.join(titles)}" for (clips, why), titles in groups.items()
    ]


def rate_lines(result: Result) -> list[str]:
    """Which files had another rate, one line for each side that had."""
    lines = []
    for side, counts in result.data.get("source_rates", {}).items():
        odd = {rate: count for rate, count in counts.items() if not is_common(float(rate))}
        if odd:
            rates = ", ".join(f"{count} at {rate}" for rate, count in odd.items())
            lines.append(f"{side} videos converted to {FPS} frames a second: {rates}")
    return lines
