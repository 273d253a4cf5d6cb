import numpy as np
import pytest
import torch
from group_means import group_means

from evaluation.statistics.intervals import sign_flip_test
from evaluation.statistics.paired import effect, holm, smallest_p, standardised


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_never_helps_and_keeps_the_order():
    p = np.random.default_rng(0).random(20) ** 3
    adjusted = np.array(holm(list(p)))
    assert (adjusted >= p).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
    assert adjusted.max() <= 1
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.5"):
        holm([0.1, 1.5])


def test_holm_keeps_the_family_at_its_level():
    rng = np.random.default_rng(1)
    alarms = [min(holm(list(rng.random(10)))) <= 0.05 for _ in range(1000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.02)
    naive = [min(rng.random(10)) <= 0.05 for _ in range(1000)]
    assert np.mean(naive) > 0.3


def test_effect_of_the_reference_case():
    rng = np.random.default_rng(314)
    identity = np.repeat(np.arange(10), 8)
    base = rng.normal(0, 1, 10)[identity]
    a = 7 + base + rng.normal(0, 0.5, 80)
    b = a - 0.15 + rng.normal(0, 0.6, 80)
    difference = group_means(a - b, [str(i) for i in identity])
    found = effect(difference)
    assert found.mean == pytest.approx(0.27411697, abs=1e-8)
    assert found.d_z == pytest.approx(0.27411697 / (0.10917033 * np.sqrt(10)), abs=1e-6)
    low, high = found.d_z_interval
    assert 0 < low < found.d_z < high
    assert found.win_rate == pytest.approx((difference > 0).mean())
    assert found.win_interval[0] <= found.win_rate <= found.win_interval[1]
    assert found.groups == 10
    assert sign_flip_test(difference) == pytest.approx(0.017578125)


def test_effect_size_has_no_unit_and_a_sign():
    x = np.random.default_rng(3).normal(0.4, 1, 30)
    plain = effect(x)
    assert plain.d_z == pytest.approx(x.mean() / x.std(ddof=1))
    for scale in (1e-9, 1e9):
        assert effect(scale * x).d_z == pytest.approx(plain.d_z, rel=1e-9)
    turned = effect(-x)
    assert turned.d_z == pytest.approx(-plain.d_z)
    assert turned.win_rate == pytest.approx(1 - plain.win_rate)


def test_interval_of_the_effect_covers_the_truth():
    hits = [
        low <= 0.5 <= high
        for low, high in (
            effect(np.random.default_rng(seed).normal(0.5, 1, 40), 400).d_z_interval for seed in range(60)
        )
    ]
    assert 50 <= sum(hits) <= 60


def test_differences_all_alike_have_no_standardised_size():
    found = effect(np.full(5, 0.3))
    assert found.d_z is None
    assert found.win_rate == 1
    tie = effect(np.zeros(4))
    assert (tie.mean, tie.d_z, tie.win_rate) == (0, 0, 0.5)
    assert effect(np.array([0.2])).d_z_interval is None
    rare = effect(np.array([0.0] * 12 + [0.4, 0.7]))  # many draws hold no difference at all
    assert rare.d_z_interval[0] <= 0.01
    assert standardised(torch.tensor([1.0, 0.3, 0.09])).isnan()
    for bad in (np.array([]), np.array([1.0, np.nan])):
        with pytest.raises(ValueError, match="at least one difference"):
            effect(bad)


def test_how_small_p_can_get():
    for groups in (1, 2, 5):
        assert sign_flip_test(np.ones(groups)) == pytest.approx(smallest_p(groups))
