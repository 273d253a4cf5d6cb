"""The role every metric plays: one packed vector of sums per clip. K entry of the vector.

A clip's sums are its row in a result; the sum of rows gives the aggregate, a weighted sum a bootstrap
replicate, and one all-reduce the value over many processes, also when a process saw nothing. So a number
can always be recomputed.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

NO_FACE = "no frame has a face on both sides"


class ClipMetric(Metric, ABC):
    """A measure on a generated clip and its truth.

    Class attributes a subclass declares:
        name: what result files and tables call it.
        title: what a reader of a table calls it.
        version: changes whenever the same input could give another number.
        unit: of the value; empty for a pure number.
        higher_is_better: None where `target` is the best value.
        target: the best value where neither end is.
        aggregation: `frames` (long clips weigh more), `clips` (each weighs the same) or `pooled` (one
            statistic of all).
        needs: fields of `evaluation.extractors.interface.Measured`: of the generated clip, then of the truth.
        resampling: how its interval is found, `bootstrap` or `jackknife`, both by identity.
        in_json: False where the sums are too many for the result's JSON; they then lie in the file beside it.
        of_sets: whether a clip's row are its features themselves; see `evaluation.metrics.sets.distances`.
        note: what a reader must know of its values; empty for nothing.
        absent: why a clip has no value of its own, or all clips together where they are pooled; empty for a
            metric that always has one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str] = "1"
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool | None] = None
    target: ClassVar[float | None] = None
    aggregation: ClassVar[str] = "frames"
    needs: ClassVar[tuple[str, str]]
    resampling: ClassVar[str] = "bootstrap"
    in_json: ClassVar[bool] = True
    of_sets: ClassVar[bool] = False
    note: ClassVar[str] = ""
    absent: ClassVar[str] = ""
    is_differentiable = False
    full_state_update = False

    def __init__(self, width: int = 2) -> None:
        super().__init__()
        self.sums: Tensor
        self.add_state("sums", torch.zeros(width, dtype=torch.float64), dist_reduce_fx="sum")

    @abstractmethod
    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        """Sums (K,) float64 of one clip."""

    def finish(self, sums: Tensor) -> Tensor:
        """Value (...) from summed sums (..., K); NaN where nothing was seen. Default: total over count."""
        return sums[..., 0] / torch.where(sums[..., 1] > 0, sums[..., 1], torch.nan)

    def details(self, sums: Tensor) -> dict[str, object]:
        """What belongs beside the value: counts, exclusions, a confusion matrix."""
        return {}

    def why_absent(self, frames: int) -> str:
        """Why a clip of so many frames has no value of its own."""
        return self.absent

    def update(self, pred: Tensor, true: Tensor) -> None:
        """Add one clip."""
        self.sums += self.clip_sums(pred, true).to(self.sums)

    def compute(self) -> Tensor:
        """Value over all clips of all processes."""
        return self.finish(self.sums)


class FaceMetric(ClipMetric):
    """A mean over frames that leaves out those without a face, and says how many it saw.

    Sums are total, frames measured, frames in all.
    """

    absent = NO_FACE

    def __init__(self) -> None:
        super().__init__(width=3)

    @abstractmethod
    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        """Value (F,) of each frame; NaN where a face is missing."""

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        sums = frame_sums(self.per_frame(pred.double(), true.double()))
        return torch.cat([sums, sums.new_tensor([len(pred)])])

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"coverage": (sums[1] / sums[2].clamp(min=1)).item()}


def frame_sums(value_F: Tensor) -> Tensor:
    """Sums (2,): total and number of the frames whose value is a number."""
    seen_F = torch.isfinite(value_F)
    total = value_F[seen_F].double().sum()
    return torch.stack([total, seen_F.sum().double().to(total.device)])


def check_pair(pred: Tensor, true: Tensor, shape: tuple[int | None, ...], what: str) -> None:
    """Both of one shape that fits `shape`, where None is any size.

    Raises:
        ValueError: otherwise; names both shapes.
    """
    fits = pred.shape == true.shape and pred.ndim == len(shape)
    if not fits or any(want not in (None, got) for want, got in zip(shape, pred.shape, strict=False)):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(
            f"{what}: expected ({wanted}) twice, got {tuple(pred.shape)} and {tuple(true.shape)}"
        )
