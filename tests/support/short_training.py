"""A few optimizer steps on one batch, without a trainer."""

from typing import Any

import lightning as L
import torch


def train_briefly(module: L.LightningModule, batch: Any, steps: int) -> tuple[list[float], dict[str, Any]]:
    """Losses of so many steps, and what the module logged in training and in one validation step.

    Every parameter must have had a gradient in the last step.
    """
    logged: dict[str, Any] = {}
    module.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign,assignment]
    module.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[method-assign,assignment]
    optimizer = torch.optim.AdamW(module.parameters(), 2e-3)
    losses = []
    for _ in range(steps):
        loss = module.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(parameter.grad is not None for parameter in module.parameters())
    module.eval()
    module.validation_step(batch, 0)
    return losses, logged
