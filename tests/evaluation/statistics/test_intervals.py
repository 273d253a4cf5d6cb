import numpy as np
import pytest
import torch
from group_means import group_means

from evaluation.statistics.intervals import (
    bca_interval,
    bca_levels,
    bootstrap,
    cluster_interval,
    group_sums,
    jackknife_error,
    jackknife_values,
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


def test_standard_errors_of_the_reference_case(systems):
    a, b, identity = systems
    alone = [f"{i:02}" for i in range(80)]
    assert jackknife_error(rows(a), alone, mean) == pytest.approx(0.075075, abs=1e-6)
    assert jackknife_error(rows(a - b), alone, mean) == pytest.approx(0.06332375, abs=1e-8)
    assert jackknife_error(rows(a - b), identity, mean) == pytest.approx(0.10917033, abs=1e-8)
    unpaired = np.hypot(jackknife_error(rows(a), alone, mean), jackknife_error(rows(b), alone, mean))
    assert unpaired == pytest.approx(0.11547134, abs=1e-8)


def skewed(seed: int = 0, count: int = 30) -> torch.Tensor:
    """Ratios of lognormal numbers: a statistic whose bootstrap is skewed."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([rng.lognormal(0, 1, count), rng.lognormal(0, 0.3, count)], 1))


def test_bca_agrees_with_scipy_on_the_same_replicates():
    peer = pytest.importorskip("scipy.stats")
    sums = skewed()
    names = [f"{i:02}" for i in range(len(sums))]
    for level in (0.9, 0.95):
        found = peer.bootstrap(
            tuple(sums.numpy().T),
            lambda x, y, axis: x.mean(axis) / y.mean(axis),
            paired=True,
            n_resamples=2000,
            confidence_level=level,
            method="BCa",
            rng=np.random.default_rng(1),
        )
        value, left_out = float(mean(sums.sum(0))), jackknife_values(sums, names, mean)
        ours = bca_interval(found.bootstrap_distribution, value, left_out, level)
        assert ours == pytest.approx(tuple(found.confidence_interval), rel=1e-9)
        assert ours != pytest.approx(percentile_interval(found.bootstrap_distribution, level), rel=1e-3)


def test_bca_with_our_own_draws_is_near_scipy():
    peer = pytest.importorskip("scipy.stats")
    x = np.random.default_rng(5).lognormal(0, 1, 40)
    found = peer.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2))
    ours = cluster_interval(rows(x), [f"{i:02}" for i in range(40)], mean, 20_000)
    assert ours == pytest.approx(tuple(found.confidence_interval), rel=0.02)


def test_bca_covers_a_skewed_mean_better_than_percentiles():
    hits = np.zeros(2)
    names = [f"{i:02}" for i in range(20)]
    for seed in range(150):
        x = rows(np.random.default_rng(seed).exponential(1.0, 20))
        replicates = bootstrap(x, names, mean, 600)
        left_out = jackknife_values(x, names, mean)
        spans = bca_interval(replicates, float(mean(x.sum(0))), left_out), percentile_interval(replicates)
        hits += [low <= 1 <= high for low, high in spans]
    assert hits[0] >= hits[1]
    assert hits[0] >= 0.88 * 150


def test_bca_draws_people(systems):
    a, _, identity = systems
    low, high = cluster_interval(rows(a), identity, mean)
    near, far = cluster_interval(rows(a), [f"{i:02}" for i in range(80)], mean)
    assert (high - low) > 1.6 * (far - near)
    assert low < a.mean() < high


def test_bca_without_bias_and_skewness_reads_the_plain_levels():
    replicates = np.linspace(-1, 1, 2001)
    levels = bca_levels(replicates, 0.0, np.array([-1.0, 0.0, 1.0]))
    assert levels == pytest.approx([0.025, 0.975])


def test_where_bca_cannot_be_had_percentiles_stand_in():
    replicates = np.linspace(0, 1, 101)
    plain = percentile_interval(replicates)
    assert bca_interval(replicates, 2.0, np.array([0.1, 0.2, 0.9])) == plain
    assert bca_interval(replicates, 0.5, np.array([0.1, np.nan])) == plain
    same = np.full(50, 0.3) + 1e-16 * np.arange(50)
    assert bca_interval(same, 0.3, np.full(4, 0.3)) == pytest.approx((0.3, 0.3))
    assert bca_interval(np.full(10, np.nan), 0.3, np.full(4, 0.3)) is None
    assert cluster_interval(skewed(), ["one"] * 30, mean) is None


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
