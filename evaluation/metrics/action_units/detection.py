"""Whether action units are there: F1 of each, and their mean under a support rule.

F frame, A action unit, J the counts: hit, false alarm, miss, correct rejection.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS
from evaluation.metrics.action_units.intensity import NAMES
from evaluation.metrics.base import NO_FACE, ClipMetric, check_pair

THRESHOLD = 0.5  # of a probability or an intensity, on both sides alike
FEWEST_POSITIVES = 20  # true frames a unit needs before its F1 counts
LEAST_SHARE = 0.01  # of all frames


def detection_counts(pred_FA: Tensor, true_FA: Tensor, threshold: float = THRESHOLD) -> Tensor:
    """Hits, false alarms, misses and correct rejections of each unit (A, 4) float64.

    A unit is there from `threshold` upwards; frames with a value that is no number are left out.

    Raises:
        ValueError: for shapes that differ or are not (F, A).
    """
    check_pair(pred_FA, true_FA, (None, None), "action units")
    seen_F = torch.isfinite(pred_FA + true_FA).all(-1)
    pred, true = pred_FA[seen_F] >= threshold, true_FA[seen_F] >= threshold
    counts = [pred & true, pred & ~true, ~pred & true, ~pred & ~true]
    return torch.stack([count.double().sum(0) for count in counts], dim=-1)


def f1(counts_AJ: Tensor) -> Tensor:
    """F1 of each unit (..., A); 0 for one that is neither there nor predicted, as the anchors have it."""
    hit, alarm, miss, _ = counts_AJ.unbind(-1)
    return 2 * hit / (2 * hit + alarm + miss).clamp(min=1)


def accuracy(counts_AJ: Tensor) -> Tensor:
    """Share of frames (..., A) in which a unit is told right."""
    return (counts_AJ[..., 0] + counts_AJ[..., 3]) / counts_AJ.sum(-1)


def accuracy_all_zero(counts_AJ: Tensor) -> Tensor:
    """The accuracy (..., A) of saying never: what an accuracy has to be read against."""
    return (counts_AJ[..., 1] + counts_AJ[..., 3]) / counts_AJ.sum(-1)


def supported(counts_AJ: Tensor) -> Tensor:
    """Whether each unit (..., A) is there often enough in the truth: 20 frames and 1 % of all."""
    positives = counts_AJ[..., 0] + counts_AJ[..., 2]
    return (positives >= FEWEST_POSITIVES) & (positives >= LEAST_SHARE * counts_AJ.sum(-1))


class DetectionMetric(ClipMetric):
    """Sums are the four counts of each unit, pooled over all frames of all clips."""

    higher_is_better = True
    aggregation = "pooled"
    needs = ("action_units", "action_units")

    def __init__(self) -> None:
        super().__init__(width=len(ACTION_UNITS) * 4)

    @abstractmethod
    def average(self, counts_AJ: Tensor) -> Tensor:
        """Mean over units (...); NaN where none counts."""

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        check_pair(pred, true, (None, len(ACTION_UNITS)), "action units")
        return detection_counts(pred, true).flatten()

    def finish(self, sums: Tensor) -> Tensor:
        return self.average(sums.unflatten(-1, (len(ACTION_UNITS), 4)))

    def details(self, sums: Tensor) -> dict[str, object]:
        counts_AJ = sums.unflatten(-1, (len(ACTION_UNITS), 4))
        kept_A = supported(counts_AJ).tolist()
        positives_A = (counts_AJ[:, 0] + counts_AJ[:, 2]).long().tolist()
        return {
            "threshold": THRESHOLD,
            "per_unit": dict(zip(NAMES, f1(counts_AJ).tolist(), strict=True)),
            "positive_frames": dict(zip(NAMES, positives_A, strict=True)),
            "without_support": [name for name, is_kept in zip(NAMES, kept_A, strict=True) if not is_kept],
            "accuracy": accuracy(counts_AJ).mean().item(),
            "accuracy_all_zero": accuracy_all_zero(counts_AJ).mean().item(),
        }


class ActionUnitF1(DetectionMetric):
    """F1 of each unit over all frames, then the mean over units with support; the others are named."""

    name, title = "au_f1", "AU F1"
    absent = f"no unit is there in {FEWEST_POSITIVES} true frames and {LEAST_SHARE * 100:g} % of all"

    def average(self, counts_AJ: Tensor) -> Tensor:
        return torch.where(supported(counts_AJ), f1(counts_AJ), torch.nan).nanmean(-1)


class ActionUnitF1Anchor(DetectionMetric):
    """The mean over all units, where one that never occurs scores 0: how ME-GraphAU's line reports it."""

    name, title = "au_f1_anchor", "AU F1, empty 0"
    absent = NO_FACE

    def average(self, counts_AJ: Tensor) -> Tensor:
        occurs_A = counts_AJ.sum((-1, -2)) > 0
        return torch.where(occurs_A, f1(counts_AJ).mean(-1), torch.nan)
