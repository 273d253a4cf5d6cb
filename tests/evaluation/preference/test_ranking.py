import math
import random
from itertools import product

import numpy as np
import pytest

from evaluation.preference.ranking import Vote, bradley_terry, connected_parts, rank


def table(*pairs: tuple[int, int, float], size: int) -> np.ndarray:
    wins = np.zeros((size, size))
    for winner, loser, count in pairs:
        wins[winner, loser] = count
    return wins


@pytest.mark.parametrize(("won", "lost"), [(3, 1), (1, 1), (7.5, 2.5), (1, 99)])
def test_two_systems_have_a_closed_form(won, lost):
    """The chance to win is the share of wins."""
    first, second = bradley_terry(table((0, 1, won), (1, 0, lost), size=2))
    assert first - second == pytest.approx(math.log(won / lost), abs=1e-7)
    assert first + second == pytest.approx(0, abs=1e-9)
    assert 1 / (1 + np.exp(second - first)) == pytest.approx(won / (won + lost))


def log_likelihood(wins: np.ndarray, strength: np.ndarray) -> float:
    chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
    return float((wins * np.log(chance)).sum())


def climb(wins: np.ndarray) -> np.ndarray:
    """The likeliest strengths by trying neighbours in ever smaller steps; knows nothing of the algorithm."""
    best, step = np.zeros(len(wins)), 1.0
    moves = [np.array(move, dtype=float) for move in product((-1, 0, 1), repeat=len(wins))]
    while step > 1e-7:
        better = max((best + step * move for move in moves), key=lambda s: log_likelihood(wins, s))
        if log_likelihood(wins, better) > log_likelihood(wins, best) + 1e-14:
            best = better
        else:
            step /= 2
    return best - best.mean()


def test_it_is_the_maximum_of_the_likelihood():
    wins = table((0, 1, 5), (1, 0, 2), (1, 2, 4), (2, 1, 3.5), (2, 0, 1), (0, 2, 6), size=3)
    np.testing.assert_allclose(bradley_terry(wins), climb(wins), atol=1e-4)
    found = bradley_terry(wins)
    for direction in np.eye(3):
        assert log_likelihood(wins, found) >= log_likelihood(wins, found + 1e-3 * direction)


def test_unplayed_pairs_are_linked_by_others():
    wins = table((0, 1, 3), (1, 0, 1), (1, 2, 3), (2, 1, 1), size=3)
    np.testing.assert_allclose(bradley_terry(wins), [math.log(3), 0, -math.log(3)], atol=1e-6)


def test_many_tables_at_once_give_what_each_gives_alone():
    wins = np.random.default_rng(0).integers(1, 9, (5, 4, 4)).astype(float)
    together = bradley_terry(wins)
    for alone, found in zip(wins, together, strict=True):
        np.testing.assert_allclose(bradley_terry(alone), found, atol=1e-7)


def test_strengths_that_would_be_infinite_are_refused():
    with pytest.raises(ValueError, match="no finite value"):
        bradley_terry(table((0, 1, 3), size=2))
    for bad in (np.zeros((2, 3)), np.array([[0, -1.0], [1, 0]]), np.array([[0, np.nan], [1, 0]])):
        with pytest.raises(ValueError, match="expected finite wins"):
            bradley_terry(bad)


def test_connected_parts():
    assert connected_parts(table((0, 2, 1), (3, 1, 1), size=5)) == [[0, 2], [1, 3], [4]]


def votes(*rows: tuple[str, str, float], raters: int = 6) -> list[Vote]:
    return [Vote(f"r{rater}", *row) for rater in range(raters) for row in rows]


def test_the_ranking_counts_and_orders():
    found = rank(votes(("a", "b", 1), ("b", "c", 1), ("c", "a", 0), ("a", "b", 0.5)), resamples=50)
    assert [(s.system, s.wins, s.ties, s.losses) for s in found] == [
        ("a", 12, 6, 0),
        ("b", 6, 6, 6),
        ("c", 0, 0, 12),
    ]
    assert found[0].strength > found[1].strength > found[2].strength
    assert not any(s.tied for s in found)
    assert all(s.interval[0] <= s.strength <= s.interval[1] for s in found)


def test_ties_are_half_wins():
    (first, second) = rank(votes(("a", "b", 0.5)), resamples=10)
    assert first.strength == pytest.approx(second.strength)
    as_ties = rank(votes(("a", "b", 0.5), ("a", "b", 0.5)), resamples=10)
    as_wins = rank(votes(("a", "b", 1), ("a", "b", 0)), resamples=10)
    assert [s.strength for s in as_ties] == pytest.approx([s.strength for s in as_wins])


def test_one_pair_is_corrected_by_half_a_win_each_way():
    (first, second) = rank(votes(("a", "b", 1), raters=9), resamples=10)
    assert first.strength - second.strength == pytest.approx(math.log(9.5 / 0.5), abs=1e-6)


def test_intervals_come_from_drawing_raters():
    """Raters who agree with themselves but not with each other leave wide intervals."""
    opinions = [Vote(f"r{i}", "a", "b", float(i % 2)) for i in range(10) for _ in range(20)]
    shuffled = [Vote(f"r{i}", "a", "b", float(k % 2)) for i in range(10) for k in range(20)]
    wide, narrow = (rank(given, seed=1)[0].interval for given in (opinions, shuffled))
    assert wide[1] - wide[0] > 0.5
    assert narrow[1] - narrow[0] == pytest.approx(0, abs=1e-9)
    assert rank(opinions, seed=1) == rank(random.Random(0).sample(opinions, len(opinions)), seed=1)


def test_one_rater_has_no_interval_and_separates_nothing():
    first, second = rank(votes(("a", "b", 1), raters=1))
    assert first.interval is None
    assert (first.tied, second.tied) == (False, True)


def test_groups_that_nobody_compared_are_named():
    with pytest.raises(ValueError, match=r"no choice links these groups.*: a, c; b, d"):
        rank(votes(("a", "c", 1), ("b", "d", 0)))


@pytest.mark.parametrize("bad", [Vote("r", "a", "a", 1), Vote("r", "a", "b", 0.7)])
def test_votes_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match=r"a vote is 0, 0\.5 or 1"):
        rank([bad])
    with pytest.raises(ValueError, match="nothing to rank"):
        rank([])


def test_groups_linked_by_a_single_choice_settle():
    """Newton's steps do not care how thin the link is; the mean of each group is a half away from zero."""
    even = [Vote("r", a, b, float(i % 2)) for a, b in (("a", "b"), ("c", "d")) for i in range(2000)]
    found = {s.system: s.strength for s in rank([*even, Vote("r", "a", "c", 1)])}
    assert found["a"] == pytest.approx(found["b"], abs=2e-3)
    assert found["a"] - found["c"] == pytest.approx(math.log(1.5 / 0.5), abs=3e-3)
