"""The one curve of the rate, against the three that trainings had before it."""

import math
from itertools import pairwise

import pytest
import torch

from lightning_modules.optim.rates import warm_cosine, with_warm_cosine


def test_the_rate_warms_up_holds_and_falls() -> None:
    rate = [warm_cosine(step, warmup=10, total=100, hold=0.6, least=0.1) for step in range(101)]
    assert rate[0] == pytest.approx(0.1)
    assert rate[9:61] == [1.0] * 52
    assert rate[80] == pytest.approx(0.55)
    assert rate[100] == pytest.approx(0.1)
    assert all(late < early for early, late in pairwise(rate[60:]))
    unheld = [warm_cosine(step, 1, 100, least=0.02) for step in range(101)]
    assert unheld[50] == pytest.approx(0.51)
    assert warm_cosine(5, 1, 10, hold=1.0) == 1.0


def rates(total: int, **options: float) -> list[float]:
    """The rate that an optimizer has at each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.7)
    schedule = with_warm_cosine(optimizer, total, **options)["lr_scheduler"]["scheduler"]  # type: ignore
    seen = []
    for _ in range(total):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


@pytest.mark.parametrize("total", [1, 2, 3, 50, 1500])
def test_no_warm_up_is_the_cosine_of_torch(total: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.7)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    expected = []
    for _ in range(total):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates(total) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("total", [1, 2, 3, 100, 1800])
def test_recognition_has_the_curve_it_always_had(total: int) -> None:
    warm = max(int(0.05 * total), 1)

    def former(step: int) -> float:
        past = min(max(step - warm, 0) / max(total - warm, 1), 1.0)
        return min((step + 1) / warm, 1.0) * 0.5 * (1 + math.cos(math.pi * past))

    expected = [0.7 * former(step) for step in range(total)]
    assert rates(total, warmup=warm, hold=warm / total) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("total", "hold"), [(2, 0.0), (900, 0.0), (5000, 0.5)])
def test_talking_heads_have_the_curve_they_always_had(total: int, hold: float) -> None:
    def former(step: int) -> float:
        warm = min((step + 1) / 50, 1.0)
        past = min(max(step / total - hold, 0.0) / max(1 - hold, 1e-9), 1.0)
        return warm * (0.02 + 0.98 * (1 + math.cos(math.pi * past)) / 2)

    expected = [0.7 * former(step) for step in range(total)]
    assert rates(total, warmup=50, hold=hold, least=0.02) == pytest.approx(expected, abs=1e-12)
