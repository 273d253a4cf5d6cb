import math
from types import SimpleNamespace

import pytest
import torch

from evaluation.training.rates import falling_to_zero


@pytest.mark.parametrize("steps", [1, 7, 500])
def test_the_rate_falls_to_zero_along_half_a_cosine(steps: int) -> None:
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=2e-3)
    given = falling_to_zero(optimizer, SimpleNamespace(estimated_stepping_batches=steps))
    assert given["lr_scheduler"]["interval"] == "step"
    for step in range(steps + 1):
        wanted = 1e-3 * (1 + math.cos(math.pi * step / steps))
        assert optimizer.param_groups[0]["lr"] == pytest.approx(wanted, abs=1e-12)
        optimizer.step()
        given["lr_scheduler"]["scheduler"].step()
