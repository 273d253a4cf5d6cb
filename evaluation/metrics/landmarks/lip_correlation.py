"""How the lips follow the true ones. F frame."""

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric, check_pair
from evaluation.metrics.correlation import moment_sums, pearson


def lip_correlation(pred_F: Tensor, true_F: Tensor) -> Tensor:
    """Pearson's r of two lip openings.

    0 for a generated mouth that never moves, NaN for a true one that never does.
    """
    check_pair(pred_F, true_F, (None,), "lip opening")
    return pearson(moment_sums(pred_F, true_F))


class LipCorrelation(ClipMetric):
    """Pearson's r within each clip, then the mean over clips: a smile held through a clip cannot raise it."""

    name, title = "lip_correlation", "Lip r"
    higher_is_better = True
    aggregation = "clips"
    needs = ("lip_opening", "lip_opening")
    absent = "the true lips do not move"

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        r = lip_correlation(pred, true)
        known = torch.isfinite(r).double()
        return torch.stack([torch.nan_to_num(r), known])

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"clips_with_speech": int(sums[1])}
