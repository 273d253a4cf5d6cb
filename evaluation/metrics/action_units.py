"""Agreement of action unit intensities. F frame, A action unit."""

from abc import abstractmethod

from torch import Tensor

from datamodules.batch import ACTION_UNITS
from evaluation.metrics.base import ClipMetric, check_pair
from evaluation.metrics.correlation import concordance, moment_sums, pearson

MOMENTS = 6


class ActionUnitMetric(ClipMetric):
    """Sums are the moments of each unit over all frames of all clips.

    Units constant in the truth are left out.
    """

    higher_is_better = True
    aggregation = "pooled"
    needs = ("action_units", "action_units")

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
        names = [f"AU{unit}" for unit in ACTION_UNITS]
        values = dict(zip(names, self.per_unit(sums).tolist(), strict=True))
        known = {name: value for name, value in values.items() if value == value}
        return {"per_unit": known, "excluded_constant": [name for name in names if name not in known]}


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


def rises(measured: Tensor, tolerance: float = 0.0) -> bool:
    """Whether values (N,) at rising requests never fall by more than `tolerance`, and rise in all."""
    return bool((measured.diff() >= -tolerance).all()) and bool(measured[-1] > measured[0])
