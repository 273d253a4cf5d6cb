"""How the rate of a judge's training falls."""

from typing import Any

import lightning as L
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR


def falling_to_zero(optimizer: Optimizer, trainer: L.Trainer) -> dict[str, Any]:
    """What `configure_optimizers` returns for a rate that falls to zero along a cosine over the whole fit.

    Loshchilov & Hutter 2017, eq. 5, without restarts: step k of K has (1 + cos(pi k / K)) / 2 of the rate.
    """
    steps = max(1, int(trainer.estimated_stepping_batches))
    schedule = CosineAnnealingLR(optimizer, steps)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
