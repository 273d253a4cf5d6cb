"""One pair of videos to its row. F frame, H row, W column."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from datamodules.batch import blend_label
from evaluation.clips.errors import reason
from evaluation.clips.pair import Pair
from evaluation.measuring.pair_features import BothSides, Seen
from evaluation.measuring.row_cache import KeptRows, truth_digest
from evaluation.metrics import ClipMetric
from evaluation.metrics.sets.distances import SetMetric
from evaluation.results.data import Found
from evaluation.results.rows import Row
from evaluation.results.set_features import as_tensors
from evaluation.runtime.devices import CPU, with_room
from evaluation.statistics.intervals import number

PICTURES = ("frames", "frames")


@dataclass(frozen=True)
class PairRows:
    """Measures pairs, or remembers.

    Args:
        metrics: of the protocol.
        sides: see both videos.
        store: rows of before.
        device: where pictures are compared; what networks saw in them is little and stays on the CPU.
    """

    metrics: Sequence[ClipMetric]
    sides: BothSides
    store: KeptRows
    device: torch.device = CPU

    def of(self, pair: Pair) -> Found:
        """The row of a pair, with a reason if it cannot be evaluated, and what stands beside it."""
        known = truth_digest(pair)
        if before := self.store.get(pair, known):
            about, large = before
            row = Row(pair.key, pair.identity, _label(pair), pair.seed, **about)
        else:
            row, large = self._measured(pair)
            self.store.put(pair, known, row, large)
        return Found(row, large, known, pair.rates, "reference" in pair.truth)

    def _measured(self, pair: Pair) -> tuple[Row, dict[str, Tensor]]:
        """The row, and the sums too large for it."""
        row = Row(pair.key, pair.identity, _label(pair), pair.seed)
        try:
            seen = self.sides.of(pair)
            sums = self._sums(seen)
        except (ValueError, OSError) as error:
            row.problem = reason(error)
            return row, {}
        row.frames = seen.frames
        in_json = {metric.name: metric for metric in self.metrics if metric.in_json and metric.name in sums}
        row.sums = {name: sums[name].tolist() for name in in_json}
        row.values = {name: number(metric.finish(sums[name])) for name, metric in in_json.items()}
        return row, {name: value for name, value in sums.items() if name not in in_json}

    def _sums(self, seen: Seen) -> dict[str, Tensor]:
        """Sums of the metrics, and the features of those that are distances of sets."""
        sums = {}
        for metric in self.metrics:
            if metric.needs[1] in seen.true:
                both = seen.made[metric.needs[0]], seen.true[metric.needs[1]]
                place = self.device if metric.needs == PICTURES else CPU
                sums[metric.name] = with_room(partial(_compared, metric, *both), place)
                if isinstance(metric, SetMetric):
                    sums |= as_tensors(metric.needs[0], *map(metric.samples, both))
        return sums


def _compared(metric: ClipMetric, made: Tensor, true: Tensor, device: torch.device) -> Tensor:
    return metric.clip_sums(made.to(device), true.to(device)).double().cpu()


def _label(pair: Pair) -> str:
    return blend_label(pair.truth["blend"]) if "blend" in pair.truth else str(pair.truth.get("label", ""))
