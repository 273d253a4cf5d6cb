import math

import numpy as np
import pytest
import torch

from evaluation.metrics import kid_subsets
from evaluation.metrics.sets.kid import ROWS, kid


def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(15)
    return rng.standard_normal((12, 5)), 0.7 * rng.standard_normal((9, 5)) + 0.4


def slow_kid(x: np.ndarray, y: np.ndarray) -> float:
    """From the definition, one pair after the other."""

    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    within = [
        np.mean([kernel(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j]) for z in (x, y)
    ]
    return sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_the_reference_case():
    assert kid(*drawn()).item() == pytest.approx(0.9082978641, abs=5e-11)


def test_the_definition():
    assert kid(*drawn()).item() == pytest.approx(slow_kid(*drawn()), rel=1e-12)


def test_rows_at_a_time_change_nothing():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((ROWS + 5, 4)), rng.standard_normal((30, 4)) + 1
    k = (x @ x.T / 4 + 1) ** 3
    within = (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1))
    k = (y @ y.T / 4 + 1) ** 3
    within += (k.sum() - np.trace(k)) / (30 * 29)
    wanted = within - 2 * ((x @ y.T / 4 + 1) ** 3).mean()
    assert kid(x, y).item() == pytest.approx(wanted, rel=1e-10)


def test_the_same_distribution_is_zero_on_average_at_any_size():
    rng = np.random.default_rng(1)
    for n in (10, 80):
        values = [kid(rng.standard_normal((n, 8)), rng.standard_normal((n, 8))).item() for _ in range(300)]
        assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(300)
        assert min(values) < 0  # without bias some must lie below


def test_a_subset_of_everything_is_the_whole():
    x, y = drawn()
    found = kid_subsets(x[:9], y, size=9, subsets=3)
    assert found.mean == pytest.approx(kid(x[:9], y).item(), rel=1e-12)
    assert found.deviation == pytest.approx(0, abs=1e-12)
    assert math.isnan(found.standard_error)


def test_subsets_are_drawn_as_torch_fidelity_draws_them():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((40, 6)), rng.standard_normal((50, 6)) + 0.2
    legacy, values = np.random.RandomState(7), []
    for _ in range(5):
        chosen = x[legacy.choice(40, 20, replace=False)], y[legacy.choice(50, 20, replace=False)]
        values.append(slow_kid(*chosen))
    found = kid_subsets(x, y, size=20, subsets=5, seed=7)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-12)
    assert found.deviation == pytest.approx(np.std(values), rel=1e-9)
    assert found == kid_subsets(x, y, size=20, subsets=5, seed=7)
    assert found != kid_subsets(x, y, size=20, subsets=5, seed=8)


def test_torch_fidelity_agrees():
    outsider = pytest.importorskip("torch_fidelity.metric_kid", reason="not installed")
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((40, 6)), 0.8 * rng.standard_normal((50, 6)) + 0.2
    how = {"kid_subsets": 6, "kid_subset_size": 20, "rng_seed": 7, "verbose": False}
    theirs = outsider.kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **how)
    found = kid_subsets(x, y, size=20, subsets=6, seed=7)
    assert found.mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-12)
    assert found.deviation == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-9)


def test_the_standard_error_is_the_spread_over_new_samples():
    rng = np.random.default_rng(6)
    values, errors = [], []
    for seed in range(120):
        x, y = rng.standard_normal((200, 4)), rng.standard_normal((200, 4)) + 0.7
        found = kid_subsets(x, y, size=40, subsets=40, seed=seed)
        values.append(kid(x, y).item())
        errors.append(found.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_bad_input_is_refused():
    x, y = drawn()
    with pytest.raises(ValueError, match="at least 10 samples on each side, got 12 and 9"):
        kid_subsets(x, y, size=10)
    with pytest.raises(ValueError, match="at least 2 samples on each side, got 1 and 9"):
        kid(x[:1], y)
    with pytest.raises(ValueError, match="at least 2 subsets of at least 2"):
        kid_subsets(x, y, size=1)
    with pytest.raises(ValueError, match=r"\(n, d\)"):
        kid(x, torch.zeros(4, 6))
    with pytest.raises(ValueError, match="not finite"):
        kid(x, np.full((4, 5), np.inf))
