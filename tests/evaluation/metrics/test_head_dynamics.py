"""A head that turns in ways whose deviation and steps are known."""

import math

import pytest
import torch

from evaluation.metrics import HeadDynamics
from evaluation.metrics.motion.head_dynamics import head_dynamics


def shaking(frames: int, degrees: float = 1.0) -> torch.Tensor:
    """Yaw that goes to and fro (F, 3); pitch and roll stay."""
    angles = torch.zeros(frames, 3)
    angles[:, 0] = 20 + degrees * (torch.arange(frames) % 2 * 2 - 1)
    return angles


def test_the_value_is_that_of_the_formula() -> None:
    """Deviation 1 and steps of +2 and -2 in turn, of which there are as many: variance 4, means a third."""
    assert head_dynamics(shaking(101)[:-1][:, [2, 0, 1]]).item() == pytest.approx(
        math.sqrt(1 / 3 * (4 - (2 / 99) ** 2) / 3)
    )
    ramp = torch.arange(30.0)[:, None].expand(-1, 3)
    assert head_dynamics(ramp) == 0  # even turning has no variance of its steps


def test_a_gap_is_no_step_and_a_still_head_has_no_ratio() -> None:
    gap = shaking(40)
    gap[20] = torch.nan
    gap[21:, 0] += 90  # only over the gap is there a leap
    steps = torch.cat([gap[:20].diff(dim=0), gap[21:].diff(dim=0)]).double()
    spread = gap[torch.isfinite(gap).all(1)].double().std(0, correction=0).mean()
    assert head_dynamics(gap).item() == pytest.approx(
        (spread * steps.var(0, correction=0).mean()).sqrt().item()
    )
    assert head_dynamics(gap[19:22]).isnan()
    metric = HeadDynamics()
    metric.update(shaking(40, 0.5), shaking(40))
    assert metric.compute().item() == pytest.approx(0.5**1.5)
    assert metric.finish(metric.clip_sums(shaking(40), torch.zeros(40, 3))).isnan()
