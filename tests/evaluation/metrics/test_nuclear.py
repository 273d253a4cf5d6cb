"""The nuclear norm by the polar factor against singular values."""

import pytest
import torch
from torch import Tensor

from evaluation.metrics.sets.nuclear import LEAST, by_polar_factor, halley_weights, nuclear_norm


def matrix(rows: int, columns: int, least: float = 1.0, zeros: int = 0) -> tuple[Tensor, float]:
    """A matrix whose singular values fall evenly in magnitude from 1 to `least`, some of them zero."""
    g, count = torch.Generator().manual_seed(rows + columns), min(rows, columns)
    values = torch.logspace(0, torch.log10(torch.tensor(least)).item(), count, dtype=torch.float64)
    values[count - zeros :] = 0
    left, right = (
        torch.linalg.qr(torch.randn(n, count, generator=g, dtype=torch.float64))[0] for n in (rows, columns)
    )
    return left @ (values[:, None] * right.mT), values.sum().item()


@pytest.mark.parametrize("shape", [(40, 40), (90, 30), (30, 90), (1, 7), (1, 1)])
@pytest.mark.parametrize("least", [1.0, 1e-3, 1e-9, 1e-15])
def test_it_is_the_sum_of_the_singular_values(shape: tuple[int, int], least: float) -> None:
    x, known = matrix(*shape, least)
    assert by_polar_factor(x).item() == pytest.approx(known, rel=1e-13)
    assert nuclear_norm(x).item() == pytest.approx(known, rel=1e-13)
    assert by_polar_factor(1e9 * x).item() == pytest.approx(1e9 * known, rel=1e-13)


@pytest.mark.parametrize("zeros", [1, 25, 40])
def test_directions_of_nothing_add_nothing(zeros: int) -> None:
    x, known = matrix(60, 40, 1e-3, zeros)
    assert by_polar_factor(x).item() == pytest.approx(known, rel=1e-13, abs=1e-15)


def test_of_a_covariance_it_is_the_trace() -> None:
    x = torch.randn(50, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert by_polar_factor(x @ x.mT).item() == pytest.approx(x.square().sum().item(), rel=1e-14)


def test_six_steps_bring_every_value_to_one() -> None:
    weights = halley_weights(LEAST)
    assert len(weights) == 6
    s = torch.logspace(-15.9, 0, 1000, dtype=torch.float64)
    for a, b, c in weights:
        s = s * (a + b * s**2) / (1 + c * s**2)
    assert torch.allclose(s, torch.ones_like(s), rtol=1e-14)


@pytest.mark.gpu
def test_a_gpu_finds_the_same() -> None:
    x, known = matrix(300, 200, 1e-9)
    assert nuclear_norm(x.cuda()).item() == pytest.approx(known, rel=1e-13)
