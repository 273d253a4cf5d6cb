import numpy as np
import pytest

from evaluation.statistics.seed_variance import clip_table, seed_spread

Rows = tuple[list[float], list[str], list[int]]


def rows_of(table: np.ndarray) -> Rows:
    places = [(c, s) for c in range(table.shape[0]) for s in range(table.shape[1])]
    return [float(table[p]) for p in places], [f"c{c}" for c, _ in places], [s for _, s in places]


def test_clips_and_seeds_that_only_add_up_leave_nothing_over():
    clips, seeds = np.array([1.0, 2, 4, 9]), np.array([0.0, 0.5, -1])
    found = seed_spread(*rows_of(clips[:, None] + seeds))
    assert found.residual == pytest.approx(0, abs=1e-12)
    assert found.seeds == pytest.approx(seeds.std(ddof=1))
    assert found.seed_means == pytest.approx(seeds.std(ddof=1))
    assert found.clips == pytest.approx(clips.std(ddof=1))
    assert (found.clip_count, found.seed_count) == (4, 3)


def test_the_components_by_hand():
    found = seed_spread(*rows_of(np.array([[1.0, 2], [3, 6]])))  # mean squares 9 of clips, 4 of seeds, 1 left
    assert (found.clips, found.seeds, found.residual) == pytest.approx((2, 1.5**0.5, 1))
    assert found.seed_means == pytest.approx(2**0.5)


def test_the_components_are_found_again():
    rng = np.random.default_rng(0)
    squares = np.zeros(3)
    for _ in range(200):
        noise = rng.normal(0, 0.5, (60, 5))
        found = seed_spread(*rows_of(rng.normal(0, 2, (60, 1)) + rng.normal(0, 0.3, (1, 5)) + noise))
        squares += np.square([found.clips, found.seeds, found.residual])
    assert np.sqrt(squares / 200) == pytest.approx([2, 0.3, 0.5], rel=0.06)


def test_clips_that_differ_say_nothing_about_seeds():
    rng = np.random.default_rng(1)
    calm = seed_spread(*rows_of(rng.normal(0, 5, (50, 1)) + rng.normal(0, 0.1, (50, 3))))
    assert calm.seeds < 0.03
    assert calm.seed_means == pytest.approx(0.1 / np.sqrt(50), rel=0.9)  # chance alone moves the means
    assert calm.clips > 4


def test_a_clip_missing_with_one_seed_is_left_out():
    values, clips, seeds = rows_of(np.arange(6.0).reshape(3, 2))
    values[1] = float("nan")
    table = clip_table(values[:-1], clips[:-1], seeds[:-1])
    assert table.tolist() == [[2, 3]]
    assert seed_spread(values[:-1], clips[:-1], seeds[:-1]) is None
    assert seed_spread([1.0, 2.0], ["a", "b"], [0, 0]) is None
    with pytest.raises(ValueError, match="'a' has two values with seed 0"):
        seed_spread([1.0, 2.0], ["a", "a"], [0, 0])
