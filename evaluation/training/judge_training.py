"""What all embedded judges have in common while they learn."""

from pathlib import Path
from typing import Any, Generic, TypeVar

import lightning as L
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from evaluation.extractors.network import EmbeddedJudge
from evaluation.training.rates import falling_to_zero

JudgeT = TypeVar("JudgeT", bound=EmbeddedJudge)


class EmbeddedTraining(L.LightningModule, Generic[JudgeT]):
    """Owns a judge, lets its rate fall to zero along a cosine, and writes its weights when training ends.

    Args:
        judge: what is trained.
        optimizer: builds the optimizer.
        out: where the weights go; default is the run's own folder, under the name of the judge's kind.
    """

    def __init__(self, judge: JudgeT, optimizer: OptimizerCallable, out: str | None) -> None:
        super().__init__()
        self.judge, self.optimizer, self.out = judge, optimizer, out

    def forward(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """What the judge measures."""
        return self.judge.measure(frames_F3HW)

    def configure_optimizers(self) -> dict[str, Any]:
        return falling_to_zero(self.optimizer(self.parameters()), self.trainer)

    def on_train_end(self) -> None:
        if self.trainer.is_global_zero:
            own = Path(self.trainer.default_root_dir) / f"{self.judge.kind}.safetensors"
            self.judge.save(Path(self.out or own))
