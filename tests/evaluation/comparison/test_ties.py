from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from boards import board_result, example_board, named

from evaluation.comparison.tables import group, standing
from evaluation.comparison.ties import cost_of, difference_interval, tied
from evaluation.metrics import METRICS
from evaluation.results.result import Result
from evaluation.statistics.intervals import bca_interval


@pytest.fixture(scope="module")
def board() -> list[Result]:
    return example_board()


def test_nearly_alike_systems_are_tied_and_others_are_not(board):
    (table,) = group(board)
    stands = {r.system["name"]: standing(table, r, "psnr") for r in table.results}
    assert stands == {
        **{"Steady": "best", "Steady, distilled": "tied", "Ornate": "", "Swift": ""},
        **{"real video": "", "static reference": "", "shuffled clips": ""},
    }


def test_the_difference_is_paired_by_person(board):
    """Against a bootstrap of person means written out here."""
    first, second = board[2], board[4]
    found = difference_interval(first, second, "psnr")
    people = sorted({row.identity for row in first.rows})
    drawn = np.random.default_rng(0).multinomial(len(people), np.full(len(people), 1 / len(people)), size=400)
    means = []
    for result in (first, second):
        means.append([np.mean([r.values["psnr"] for r in result.rows if r.identity == p]) for p in people])
    difference_of_people = np.array(means[1]) - np.array(means[0])  # cost is minus PSNR
    difference = drawn @ difference_of_people / len(people)
    alone = difference_of_people.mean()
    left_out = (difference_of_people.sum() - difference_of_people) / (len(people) - 1)
    # a replicate that equals the value may fall to either side of it by rounding
    np.testing.assert_allclose(found, bca_interval(difference, alone, left_out), rtol=2e-3)


def test_a_constant_difference_separates_where_single_intervals_overlap():
    better = board_result("a", 0.3)
    worse = named(deepcopy(better), "b")
    for i, row in enumerate(better.rows):
        for result, shift in ((better, 0.05), (worse, 0.0)):
            result.rows[i].sums["psnr"] = [(20 + int(row.identity[-1]) + shift) * 40, 40.0]
    better.aggregate()
    worse.aggregate()
    low, high = better.metrics["psnr"]["interval"][0], worse.metrics["psnr"]["interval"][1]
    assert low < high  # they overlap
    assert tied([better, worse], "psnr") == frozenset()


def test_frechet_distances_are_compared_by_leaving_people_out(board):
    (table,) = group(board)
    assert standing(table, board[3], "fid_embedded") == "tied"
    assert standing(table, board[1], "fid_embedded") == ""
    assert difference_interval(board[2], board[2], "fid_embedded") == pytest.approx((0, 0))


def test_one_person_separates_nothing():
    alone = [board_result("a", 0.1, clips=1), board_result("b", 0.9, clips=1)]
    assert difference_interval(*alone, "psnr") is None
    assert tied(alone, "psnr") == {"b"}
    assert tied(alone[:1], "psnr") == frozenset()


def test_only_clips_of_both_count(board):
    half = named(deepcopy(board[2]), "half")
    for row in half.rows[:16]:
        row.sums, row.problem = {}, "no face"
    half.large = {name: sums[16:] for name, sums in half.large.items()}
    assert difference_interval(board[2], half, "psnr") == pytest.approx((0, 0))
    assert difference_interval(board[2], half, "fid_embedded") == pytest.approx((0, 0))


def test_distances_of_sets_are_tied_where_their_intervals_overlap(board):
    def with_fid(name: str, value: float, interval: list[float] | None) -> Result:
        record = {"fid_clean": {"value": value, "interval": interval}}
        return named(replace(board[1], metrics=record), name)

    systems = [with_fid("a", 20, [18, 22]), with_fid("b", 21, [21, 25]), with_fid("c", 40, [38, 42])]
    assert tied(systems, "fid_clean") == {"b"}
    assert tied([systems[0], with_fid("alone", 40, None)], "fid_clean") == {"alone"}


def test_a_target_in_between_is_best_when_it_is_met(board):
    """The interval is of the distance to the target, not of the value."""
    target = next(name for name, kind in METRICS.items() if kind.higher_is_better is None)
    middle = METRICS[target].target or 0.0
    assert float(cost_of(METRICS[target], middle - 2)) == float(cost_of(METRICS[target], middle + 2)) == 2
    assert float(cost_of(METRICS["psnr"], 30.0)) == -30
