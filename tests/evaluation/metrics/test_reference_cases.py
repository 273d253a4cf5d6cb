"""Reference cases of the Fréchet distance that are identities: over any sample, any split, any normaliser."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from evaluation.metrics import EmbeddedFid, frechet_distance
from evaluation.metrics.sets.frechet import distance_of_factors, pack_moments

CASES = {
    "P1": ((101, 50, 50, 16, 1.5, 0.3), 11.9433198448, 11.7673947638, 1e-9),
    "P2": ((102, 10, 12, 64, 1.5, 0.3), 182.5745726531, 168.9855215524, 1e-6),
    "P3": ((103, 500, 300, 64, 0.8, -0.1), 7.3848004856, 7.3819110086, 1e-9),
}


def draws(seed: int, n: int, m: int, d: int, a: float, s: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), a * rng.standard_normal((m, d)) + s


@pytest.mark.parametrize("name", CASES)
def test_seeded_cases_to_the_stated_tolerance(name):
    case, unbiased, biased, tolerance = CASES[name]
    x, y = draws(*case)
    assert frechet_distance(x, y).item() == pytest.approx(unbiased, rel=tolerance)
    assert frechet_distance(x, y, ddof=0).item() == pytest.approx(biased, rel=tolerance)


@pytest.mark.slow
def test_means_apart_with_unit_covariances_in_2048_dimensions():
    unit = torch.eye(2048, dtype=torch.float64)
    shift = torch.ones(2048, dtype=torch.float64)
    assert distance_of_factors(shift, unit, unit).item() == pytest.approx(2048, rel=1e-12)


def test_normalisers_of_centred_sets_of_equal_size():
    x, y = draws(7, 30, 30, 12, 2.0, 0.0)
    x, y = x - x.mean(0), y - y.mean(0)
    unbiased, biased = (frechet_distance(x, y, ddof).item() for ddof in (1, 0))
    assert biased == pytest.approx(unbiased * 29 / 30, rel=1e-12)


@pytest.mark.parametrize("c", [0.0, 0.5, 3.0])
def test_a_set_and_its_multiple(c):
    x, _ = draws(8, 40, 1, 6, 1.0, 0.0)
    x = x - x.mean(0)
    wanted = (1 - c) ** 2 * np.trace(np.cov(x.T))
    assert frechet_distance(x, c * x).item() == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_sets_agree_with_a_matrix_square_root(seed):
    linalg = pytest.importorskip("scipy.linalg")
    x, y = draws(seed, 60, 80, 10, 1.3, 0.2)
    a, b = np.cov(x.T), np.cov(y.T)
    root = linalg.sqrtm(a @ b).real
    wanted = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a + b - 2 * root)
    assert frechet_distance(x, y).item() == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("cuts", [[], [3], [0, 250], [1, 2, 499], [100, 200, 300, 400]])
def test_moments_do_not_depend_on_the_split(cuts):
    x = torch.from_numpy(draws(103, 500, 300, 64, 0.8, -0.1)[0])
    edges = [0, *cuts, len(x)]
    parts = [pack_moments(x[a:b]) for a, b in pairwise(edges)]
    whole = pack_moments(x)
    assert torch.allclose(torch.stack(parts).sum(0), whole, rtol=1e-12, atol=1e-11)


def test_a_set_against_itself_through_the_metric():
    x = torch.from_numpy(draws(9, 200, 1, 64, 1.0, 0.0)[0])
    metric = EmbeddedFid()
    metric.update(x, x)
    assert abs(metric.compute().item()) < 1e-9
