"""The learning rate over a training: one curve, which every training of ours takes a piece of.

Torch's `CosineAnnealingLR` behind a `LinearLR` cannot make it: there the cosine waits until the rate has
risen, and its floor would rise with the rate; diffusers' and transformers' cosines start at a rate of zero.
"""

import math
from functools import partial

import lightning as L
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warm_cosine(step: int, warmup: int, total: int, hold: float = 0.0, least: float = 0.0) -> float:
    """Factor of the rate: a linear warm-up, then `hold` of all steps at 1, then half a cosine to `least`.

    Args:
        step: optimizer steps taken.
        warmup: steps of the linear rise; the first step already takes 1 / warmup of the rate.
        total: steps of the training.
        hold: share of the steps before the cosine starts, the rise included.
        least: where the cosine ends.
    """
    warm = min((step + 1) / max(warmup, 1), 1.0)
    past = min(max(step / total - hold, 0.0) / max(1 - hold, 1e-9), 1.0)
    return warm * (least + (1 - least) * (1 + math.cos(math.pi * past)) / 2)


def training_steps(module: L.LightningModule) -> int:
    """Optimizer steps that a module's trainer is going to take, at least 1."""
    return max(int(module.trainer.estimated_stepping_batches), 1)


def with_warm_cosine(
    optimizer: Optimizer, total: int, warmup: int = 1, hold: float = 0.0, least: float = 0.0
) -> OptimizerLRSchedulerConfig:
    """What `configure_optimizers` returns: the optimizer, its rate changed after every step."""
    factor = partial(warm_cosine, warmup=warmup, total=total, hold=hold, least=least)
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": LambdaLR(optimizer, factor), "interval": "step"},
    }
