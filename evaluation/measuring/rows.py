"""One pair of videos to its row. F frame, H row, W column."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from datamodules.batch import blend_label
from evaluation.clips.errors import reason
from evaluation.clips.pair import Pair
from evaluation.measuring.pair_features import PairFeatureExtractor, PairFeatures
from evaluation.measuring.row_cache import RowCache, truth_digest
from evaluation.metrics import ClipMetric
from evaluation.metrics.sets.distances import SetMetric
from evaluation.results.data import MeasuredPair
from evaluation.results.rows import Row
from evaluation.results.set_features import as_tensors
from evaluation.runtime.devices import CPU, with_room
from evaluation.statistics.intervals import number

PICTURES = ("frames", "frames")


@dataclass(frozen=True)
class RowMeasurer:
    """Measures pairs, or takes their rows from the cache.

    Args:
        metrics: of the protocol.
        features: what networks see in both videos.
        cache: rows of before.
        device: where pictures are compared; what networks see in them is little and stays on the CPU.
    """

    metrics: Sequence[ClipMetric]
    features: PairFeatureExtractor
    cache: RowCache
    device: torch.device = CPU

    def measure(self, pair: Pair) -> MeasuredPair:
        """The row of a pair, with a reason if it cannot be evaluated, and what stands beside it."""
        truth = truth_digest(pair)
        if cached := self.cache.get(pair, truth):
            about, large = cached
            row = Row(pair.key, pair.identity, _label(pair), pair.seed, **about)
        else:
            row, large = self._measured(pair)
            self.cache.put(pair, truth, row, large)
        return MeasuredPair(row, large, truth, pair.rates, "reference" in pair.truth)

    def _measured(self, pair: Pair) -> tuple[Row, dict[str, Tensor]]:
        """The row, and the sums too large for it."""
        row = Row(pair.key, pair.identity, _label(pair), pair.seed)
        try:
            features = self.features.of(pair)
            sums = self._sums(features)
        except (ValueError, OSError) as error:
            row.problem = reason(error)
            return row, {}
        row.frames = features.frames
        in_json = {metric.name: metric for metric in self.metrics if metric.in_json and metric.name in sums}
        row.sums = {name: sums[name].tolist() for name in in_json}
        row.values = {name: number(metric.finish(sums[name])) for name, metric in in_json.items()}
        return row, {name: value for name, value in sums.items() if name not in in_json}

    def _sums(self, features: PairFeatures) -> dict[str, Tensor]:
        """Sums of the metrics, and the features of those that are distances of sets."""
        sums = {}
        for metric in self.metrics:
            if metric.needs[1] in features.true:
                both = features.generated[metric.needs[0]], features.true[metric.needs[1]]
                place = self.device if metric.needs == PICTURES else CPU
                sums[metric.name] = with_room(partial(_compared, metric, *both), place)
                if isinstance(metric, SetMetric):
                    sums |= as_tensors(metric.needs[0], *map(metric.samples, both))
        return sums


def _compared(metric: ClipMetric, generated: Tensor, true: Tensor, device: torch.device) -> Tensor:
    return metric.clip_sums(generated.to(device), true.to(device)).double().cpu()


def _label(pair: Pair) -> str:
    return blend_label(pair.truth["blend"]) if "blend" in pair.truth else str(pair.truth.get("label", ""))
