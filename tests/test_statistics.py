import numpy as np
import pytest
import torch

from evaluation.statistics import (
    bootstrap,
    group_means,
    group_sums,
    jackknife_error,
    normal_quantile,
    percentile_interval,
    sign_flip_test,
)


def mean(sums: torch.Tensor) -> torch.Tensor:
    return sums[..., 0] / sums[..., 1]


@pytest.fixture
def systems() -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(314)
    identity = np.repeat(np.arange(10), 8)
    base = rng.normal(0, 1, 10)[identity]
    a = 7 + base + rng.normal(0, 0.5, 80)
    b = a - 0.15 + rng.normal(0, 0.6, 80)
    assert a.mean() == pytest.approx(7.05501666, abs=1e-8)
    return a, b, [str(i) for i in identity]


def rows(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([values, np.ones_like(values)], 1))


def test_the_bootstrap_draws_people_and_not_clips(systems):
    a, _, identity = systems
    error = bootstrap(rows(a), identity, mean).std(ddof=1)
    assert error == pytest.approx(0.1512 * np.sqrt(0.9), rel=0.15)
    alone = bootstrap(rows(a), [str(i) for i in range(80)], mean).std(ddof=1)
    assert alone == pytest.approx(0.0751, rel=0.15)


def test_the_bootstrap_is_seeded(systems):
    a, _, identity = systems
    first, again, other = (bootstrap(rows(a), identity, mean, 50, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(100):
        values = np.random.default_rng(seed).normal(3, 1, 40)
        low, high = percentile_interval(bootstrap(rows(values), [str(i) for i in range(40)], mean, 400))
        hits += low <= 3 <= high
    assert 87 <= hits <= 99


def test_jackknife_of_a_mean_is_its_standard_error(systems):
    a, _, identity = systems
    assert jackknife_error(rows(a), identity, mean) == pytest.approx(0.151140, abs=1e-6)
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)


def test_sign_flip_over_identities(systems):
    a, b, identity = systems
    difference = group_means(a - b, identity)
    assert difference.mean() == pytest.approx(0.27411697, abs=1e-8)
    assert sign_flip_test(difference) == pytest.approx(0.017578125)


def test_sign_flip_of_many_groups_is_drawn_and_seeded():
    difference = np.random.default_rng(0).normal(0.5, 1, 40)
    p = sign_flip_test(difference, draws=2000, seed=3)
    assert p == sign_flip_test(difference, draws=2000, seed=3)
    assert 0 < p < 0.05
    assert sign_flip_test(difference - difference.mean(), draws=2000) > 0.9


def test_missing_values_leave_their_group():
    assert group_means([1.0, float("nan"), 3.0], ["a", "a", "b"]).tolist() == [1, 3]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="2 group names for 3 rows"):
        group_sums(torch.zeros(3, 2), ["a", "b"])
    with pytest.raises(ValueError, match="at least one difference"):
        sign_flip_test(np.array([]))
    assert percentile_interval(np.full(10, np.nan)) is None
