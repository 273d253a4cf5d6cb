import numpy as np
import pytest
import torch
from scipy.stats import ortho_group

from evaluation.metrics import EmbeddedFid, frechet_distance
from evaluation.metrics.sets.frechet import distance_of_factors


def root(covariance: np.ndarray) -> torch.Tensor:
    return torch.linalg.cholesky(torch.as_tensor(covariance, dtype=torch.float64)).mT


def draws(seed: int, n: int, m: int, d: int, a: float, s: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), a * rng.standard_normal((m, d)) + s


def test_means_apart_in_2048_dimensions():
    factor = torch.eye(2048, dtype=torch.float64)[:1]  # the same one-rank factor on both sides cancels
    shift = torch.ones(2048, dtype=torch.float64)
    assert distance_of_factors(shift, factor, factor).item() == pytest.approx(2048)


def test_covariances_that_do_not_commute():
    zero = torch.zeros(2, dtype=torch.float64)
    found = distance_of_factors(zero, root(np.array([[2, 1], [1, 2]])), root(np.diag([1, 4])))
    assert found.item() == pytest.approx(0.7712204476543416, rel=1e-12)


def test_diagonal_covariances_under_a_common_rotation():
    turn = ortho_group.rvs(5, random_state=1)
    for q in (np.eye(5), turn):
        a, b = (root(q @ np.diag(v) @ q.T) for v in ([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]))
        shift = torch.from_numpy(q @ np.full(5, 0.5))
        assert distance_of_factors(shift, a, b).item() == pytest.approx(4.992019591016081, rel=1e-12)


def test_covariances_of_one_rank():
    u, v = (torch.tensor([z], dtype=torch.float64) for z in ((3, 0, 4), (0, 5, 12)))
    assert distance_of_factors(torch.zeros(3, dtype=torch.float64), u, v).item() == pytest.approx(98)


def test_scaled_covariance():
    a = root(np.array([[2, 1], [1, 2]]))
    assert distance_of_factors(torch.zeros(2, dtype=torch.float64), a, 3 * a).item() == pytest.approx(4 * 4)


def test_a_shift_of_fewer_samples_than_dimensions():
    x = np.random.default_rng(0).standard_normal((20, 64))
    found = frechet_distance(x, x + np.linspace(-1, 1, 64))
    assert found.item() == pytest.approx(22.010582010582006, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(20, 64), (100, 8)])
def test_a_set_against_itself(n, d):
    x = np.random.default_rng(1).standard_normal((n, d)) + 7
    assert -1e-9 <= frechet_distance(x, x).item() <= 1e-9


def test_two_points_against_two_points():
    u, v = np.array([3.0, 0, 4]), np.array([0, 5.0, 12])
    x, y = np.stack([u, -u]), np.stack([v, -v])
    wanted = 2 * 25 + 2 * 169 - 4 * 48
    assert frechet_distance(x, y).item() == pytest.approx(wanted)
    assert frechet_distance(x, y, ddof=0).item() == pytest.approx(wanted / 2)


@pytest.mark.parametrize(
    ("case", "unbiased", "biased"),
    [
        ((101, 50, 50, 16, 1.5, 0.3), 11.9433198448, 11.7673947638),
        ((102, 10, 12, 64, 1.5, 0.3), 182.5745726531, 168.9855215524),
        ((103, 500, 300, 64, 0.8, -0.1), 7.3848004856, 7.3819110086),
    ],
)
def test_seeded_cases(case, unbiased, biased):
    x, y = draws(*case)
    assert frechet_distance(x, y).item() == pytest.approx(unbiased, rel=1e-6)
    assert frechet_distance(x, y, ddof=0).item() == pytest.approx(biased, rel=1e-6)


def test_the_metric_in_any_batches_equals_the_function():
    x, y = (torch.from_numpy(z) for z in draws(103, 500, 300, 64, 0.8, -0.1))
    wanted = frechet_distance(x, y).item()
    metric = EmbeddedFid()
    for a, b in ((0, 0), (3, 100), (500, 300)):
        metric.reset()
        metric.update(x[:a], y[:b])
        metric.update(x[a:], y[b:])
        assert metric.compute().item() == pytest.approx(wanted, rel=1e-9)


def test_a_large_mean_does_not_spoil_the_moments():
    x, y = (torch.from_numpy(z) * 0.05 for z in draws(5, 400, 400, 64, 1.2, 0.0))
    metric = EmbeddedFid()
    metric.update(x + 100, y + 100)
    assert metric.compute().item() == pytest.approx(frechet_distance(x, y).item(), rel=1e-5)


def test_too_few_samples_give_no_number_and_the_function_refuses():
    metric = EmbeddedFid()
    metric.update(torch.zeros(1, 64), torch.zeros(5, 64))
    assert metric.compute().isnan()
    with pytest.raises(ValueError, match="more than 1 samples"):
        frechet_distance(np.zeros((1, 4)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match="not finite"):
        frechet_distance(np.full((3, 4), np.nan), np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"\(n, d\)"):
        frechet_distance(np.zeros((3, 4)), np.zeros((5, 5)))


@pytest.mark.parametrize(("n", "m"), [(300, 200), (20, 30)])  # more and fewer samples than dimensions
def test_torch_fidelity_agrees(n: int, m: int):
    outsider = pytest.importorskip("torch_fidelity.metric_fid", reason="not installed")
    x, y = draws(7, n, m, 64, 1.3, 0.2)
    sides = [outsider.fid_features_to_statistics(torch.from_numpy(z)) for z in (x, y)]
    theirs = outsider.fid_statistics_to_metric(*sides, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(x, y).item() == pytest.approx(theirs, rel=1e-6)
