"""Agreement of action unit intensities. F frame, A action unit."""

from abc import abstractmethod

import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS
from evaluation.metrics.base import NO_FACE, ClipMetric, check_pair
from evaluation.metrics.correlation import (
    concordance,
    consistency,
    moment_sums,
    pearson,
    root_mean_square,
)

MOMENTS = 6
NAMES = tuple(f"AU{unit}" for unit in ACTION_UNITS)


class ActionUnitMetric(ClipMetric):
    """Sums are the moments of each unit over all frames of all clips.

    Units constant in the truth are left out.
    """

    higher_is_better = True
    aggregation = "pooled"
    needs = ("action_units", "action_units")
    absent = "no unit varies in the truth"

    def __init__(self) -> None:
        super().__init__(width=len(ACTION_UNITS) * MOMENTS)

    @abstractmethod
    def agreement(self, sums_AM: Tensor) -> Tensor:
        """Agreement (..., A) of each unit."""

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        check_pair(pred, true, (None, len(ACTION_UNITS)), "action units")
        return moment_sums(pred, true).flatten()

    def per_unit(self, sums: Tensor) -> Tensor:
        """Agreement (..., A); NaN for a unit that never varies in the truth."""
        return self.agreement(sums.unflatten(-1, (len(ACTION_UNITS), MOMENTS)))

    def finish(self, sums: Tensor) -> Tensor:
        return self.per_unit(sums).nanmean(-1)

    def details(self, sums: Tensor) -> dict[str, object]:
        values = dict(zip(NAMES, self.per_unit(sums).tolist(), strict=True))
        known = {name: value for name, value in values.items() if value == value}
        return {"per_unit": known, "excluded_constant": [name for name in NAMES if name not in known]}


class ActionUnitCorrelation(ActionUnitMetric):
    """Pearson's r of each unit pooled over frames, then the mean over units."""

    name, title = "au_correlation", "AU r"

    def agreement(self, sums_AM: Tensor) -> Tensor:
        return pearson(sums_AM)


class ActionUnitConcordance(ActionUnitMetric):
    """Lin's concordance of each unit pooled over frames, then the mean over units.

    Also punishes scale and offset.
    """

    name, title = "au_concordance", "AU CCC"

    def agreement(self, sums_AM: Tensor) -> Tensor:
        return concordance(sums_AM)


class ActionUnitConsistency(ActionUnitMetric):
    """ICC(3,1) of each unit pooled over frames, then the mean over units: forgives an offset, not a scale."""

    name, title = "au_icc", "AU ICC(3,1)"

    def agreement(self, sums_AM: Tensor) -> Tensor:
        return consistency(sums_AM)


class ActionUnitRmse(ActionUnitMetric):
    """Root mean squared error of each unit pooled over frames, then the mean over all units."""

    name, title, unit = "au_rmse", "AU RMSE", "intensity"
    higher_is_better = False
    absent = NO_FACE

    def agreement(self, sums_AM: Tensor) -> Tensor:
        return root_mean_square(sums_AM)


class ActionUnitMae(ClipMetric):
    """Mean absolute error over all units and frames; sums are a total for each unit, then the frames."""

    name, title, unit = "au_mae", "AU MAE", "intensity"
    higher_is_better = False
    needs = ("action_units", "action_units")
    absent = NO_FACE

    def __init__(self) -> None:
        super().__init__(width=len(ACTION_UNITS) + 1)

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        check_pair(pred, true, (None, len(ACTION_UNITS)), "action units")
        error_FA = (pred.double() - true.double()).abs()
        error_FA = error_FA[torch.isfinite(error_FA).all(-1)]
        return torch.cat([error_FA.sum(0), error_FA.new_tensor([len(error_FA)])])

    def finish(self, sums: Tensor) -> Tensor:
        frames = torch.where(sums[..., -1] > 0, sums[..., -1], torch.nan)
        return sums[..., :-1].mean(-1) / frames

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"per_unit": dict(zip(NAMES, (sums[:-1] / sums[-1]).tolist(), strict=True))}


def rises(measured: Tensor, tolerance: float = 0.0) -> bool:
    """Whether values (N,) at rising requests never fall by more than `tolerance`, and rise in all."""
    return bool((measured.diff() >= -tolerance).all()) and bool(measured[-1] > measured[0])
