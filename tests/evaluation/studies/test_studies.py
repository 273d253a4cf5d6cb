"""Studies on constructed inputs whose answer is known in closed form."""

import itertools

import numpy as np
import pytest
import torch

from evaluation.statistics.intervals import cluster_interval, ratio
from evaluation.studies import Clip, disentanglement, dose_response, drift
from evaluation.studies.disentanglement import pair_interval
from evaluation.studies.dose_response import hinge, ranks, spearman

DOSES = [0.0, 0.25, 0.5, 0.75, 1.0]


def asked(response, people: int = 6, noise: float = 0.0, doses=DOSES):
    """Rows of people who answer with `response(dose)`, each from a level of their own."""
    rng = np.random.default_rng(0)
    rows = [
        (dose, 10 * person + response(dose) + noise * rng.normal(), f"p{person}")
        for person in range(people)
        for dose in doses
    ]
    x, y, names = zip(*rows, strict=True)
    return torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64), list(names)


def test_a_faithful_response():
    found = dose_response(*asked(lambda dose: 0.8 * dose))
    assert found.slope == pytest.approx(0.8)
    assert found.slope_interval == pytest.approx((0.8, 0.8))
    assert found.spearman == pytest.approx(1)
    assert found.saturation_point is None
    assert found.saturation_ratio == pytest.approx(1)
    assert found.doses == tuple(DOSES)
    assert found.response == pytest.approx([25 + 0.8 * dose for dose in DOSES])
    assert found.people == 6


@pytest.mark.parametrize(
    ("knee", "rank_r"), [(0.25, 0.5**0.5), (0.4, 0.8**0.5), (0.5, 0.8**0.5), (0.6, 0.95**0.5)]
)
def test_the_point_of_saturation_is_found(knee, rank_r):
    found = dose_response(*asked(lambda dose: 2 * min(dose, knee)))
    assert found.saturation_point == pytest.approx(knee)
    assert found.saturation_ratio == pytest.approx(knee)
    assert found.ratio_interval == pytest.approx((knee, knee))
    assert found.spearman == pytest.approx(rank_r)


def test_saturation_of_a_falling_and_of_a_shifted_response():
    falling = dose_response(*asked(lambda dose: -3 * min(dose, 0.5)))
    assert falling.saturation_point == pytest.approx(0.5)
    assert falling.spearman < 0
    shifted = dose_response(*asked(lambda dose: min(dose, 3.0), doses=[2.0, 2.5, 3.0, 3.5, 4.0]))
    assert shifted.saturation_point == pytest.approx(3)
    assert shifted.saturation_ratio == pytest.approx(0.5)


def test_no_response_is_no_number():
    found = dose_response(*asked(lambda dose: 0.0))
    assert (found.slope, found.spearman) == (0, 0)
    assert found.saturation_point is None
    assert found.saturation_ratio is None


def test_people_of_one_dose_each_show_no_slope():
    found = dose_response(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0]), ["a", "b"])
    assert (found.slope, found.spearman, found.slope_interval) == (None, None, None)
    assert found.response == (1, 2)


def test_people_of_different_levels_do_not_make_a_slope():
    asked_N = torch.tensor([0.0, 0.2, 0.8, 1.0])
    measured_N = torch.tensor([1.0, 0.8, 5.0, 4.8])  # both fall, the second starts higher
    found = dose_response(asked_N, measured_N, ["a", "a", "b", "b"])
    assert found.slope == pytest.approx(-1)
    assert found.spearman == pytest.approx(-1)


def test_noise_widens_the_intervals_around_the_truth():
    found = dose_response(*asked(lambda dose: 0.8 * dose, people=20, noise=0.3))
    low, high = found.slope_interval
    assert low < 0.8 < high
    assert 0.05 < high - low < 0.6
    assert found.spearman < 1


def test_rank_correlation_agrees_with_scipy():
    peer = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, 30).astype(float), rng.normal(size=30)
    assert ranks(torch.from_numpy(x)).tolist() == peer.rankdata(x).tolist()
    wanted = peer.spearmanr(x, y).statistic
    assert spearman(torch.from_numpy(x), torch.from_numpy(y)).item() == pytest.approx(wanted)


def test_the_hinge_is_the_best_of_a_fine_search():
    rng = np.random.default_rng(2)
    x = torch.linspace(0, 1, 7, dtype=torch.float64)
    y = torch.from_numpy(np.minimum(x.numpy(), 0.6) + rng.normal(0, 0.1, (20, 7)))

    def loss(knee: float, row: torch.Tensor) -> float:
        z = torch.stack([torch.ones_like(x), x.clamp(max=knee)], 1)
        return (row - z @ torch.linalg.lstsq(z, row[:, None]).solution[:, 0]).square().sum().item()

    for row, knee in zip(y, hinge(x, y).tolist(), strict=True):
        best = min(loss(k, row) for k in np.linspace(0.17, 1, 400))
        assert loss(knee, row) <= best + 1e-9


def test_what_is_no_dose_response():
    with pytest.raises(ValueError, match="two doses or more"):
        dose_response(torch.ones(3), torch.ones(3), ["a", "b", "c"])
    with pytest.raises(ValueError, match="3 doses, 2 responses, 3 people"):
        dose_response(torch.ones(3), torch.ones(2), ["a", "b", "c"])
    with pytest.raises(ValueError, match="finite"):
        dose_response(torch.tensor([0.0, torch.nan]), torch.ones(2), ["a", "b"])


LEVELS = {"emotion": [-1.0, 0.0, 1.0], "audio": [-2.0, 2.0], "identity": [0.0, 1.0, 2.0, 3.0]}


def crossed(**measures) -> list[Clip]:
    """All combinations of the levels; each measure is a function of the three numbers."""
    clips = []
    for emotion, audio, identity in itertools.product(*LEVELS.values()):
        levels = {"emotion": emotion, "audio": audio, "identity": identity}
        made_from = {name: str(value) for name, value in levels.items()}
        measured = {name: torch.tensor(make(**levels)) for name, make in measures.items()}
        clips.append(Clip(f"p{identity}", made_from, measured))
    return clips


def test_separate_factors_move_their_own_measure_alone():
    found = disentanglement(
        crossed(
            smile=lambda emotion, audio, identity: [emotion, 2 * emotion],
            lips=lambda emotion, audio, identity: [audio],
            face=lambda emotion, audio, identity: [identity, 7.0],
            still=lambda emotion, audio, identity: [1.0],
        )
    )
    assert found.factors == ("emotion", "audio", "identity")
    assert found.measures == ("smile", "lips", "face")
    assert found.frozen == ("still",)
    for factor, own in (("emotion", "smile"), ("audio", "lips"), ("identity", "face")):
        for measure in found.measures:
            assert (found.moved[factor][measure] > 0) == (measure == own)
        assert found.selectivity(own, factor) == 1
    assert found.pairs == {"emotion": 3 * 8, "audio": 12, "identity": 6 * 6}


def test_movement_in_closed_form():
    found = disentanglement(
        crossed(mixed=lambda emotion, audio, identity: [emotion + 3 * audio]), resamples=200
    )
    # 24 clips; pairs of emotions are 1, 1 and 2 apart, sounds 3 x 4; variances are 2/3 and 9 x 4
    spread = 2 * (2 / 3 + 36) * 24 / 23
    assert found.moved["emotion"]["mixed"] == pytest.approx((2 / spread) ** 0.5)
    assert found.moved["audio"]["mixed"] == pytest.approx((144 / spread) ** 0.5)
    assert found.moved["identity"]["mixed"] == 0
    assert found.selectivity("mixed", "audio") == pytest.approx(144 / 146)
    assert found.intervals["audio"]["mixed"] == pytest.approx((found.moved["audio"]["mixed"],) * 2)


def test_what_any_two_clips_differ_by_is_one():
    rng = np.random.default_rng(0)
    clips = [
        Clip(f"p{i}", {"seed": str(i)}, {"noise": torch.from_numpy(rng.normal(size=5))}) for i in range(30)
    ]
    found = disentanglement(clips)
    assert found.moved["seed"]["noise"] == pytest.approx(1)
    low, high = found.intervals["seed"]["noise"]
    assert low < 1 < high


def test_units_do_not_matter_and_pairs_that_differ_twice_do_not_count():
    def clips(scale: float) -> list[Clip]:
        rng = np.random.default_rng(3)
        made = crossed(x=lambda emotion, audio, identity: [scale * (emotion + audio * identity)])
        return [made[i] for i in rng.permutation(len(made))[:10]]

    one, thousand = disentanglement(clips(1.0)), disentanglement(clips(1000.0))
    assert one.moved["audio"]["x"] == pytest.approx(thousand.moved["audio"]["x"])
    assert sum(one.pairs.values()) < 45
    pair = [
        Clip("a", {"e": "1", "a": "1"}, {"x": torch.zeros(1)}),
        Clip("a", {"e": "2", "a": "2"}, {"x": torch.ones(1)}),
    ]
    assert disentanglement(pair).moved == {}


def test_what_is_no_matrix():
    good = Clip("a", {"e": "1"}, {"x": torch.zeros(2)})
    for other, said in (
        (Clip("a", {"f": "1"}, {"x": torch.zeros(2)}), "different factors"),
        (Clip("a", {"e": "2"}, {"x": torch.zeros(3)}), "one shape"),
        (Clip("a", {"e": "2"}, {}), "one shape"),
        (Clip("a", {"e": "2"}, {"x": torch.tensor([0, torch.nan])}), "not finite"),
    ):
        with pytest.raises(ValueError, match=said):
            disentanglement([good, other])
    with pytest.raises(ValueError, match="two clips or more"):
        disentanglement([good])
    found = disentanglement(crossed(x=lambda emotion, audio, identity: [emotion]))
    with pytest.raises(ValueError, match="no 'y' by 'emotion'"):
        found.selectivity("y", "emotion")


def test_drift_of_straight_lines():
    time = torch.arange(75) / 25
    tracks = [5 * i - 0.2 * time for i in range(4)]
    found = drift(tracks, ["a", "a", "b", "c"])
    assert found.slope == pytest.approx(-0.2, abs=1e-6)
    assert found.slope_interval == pytest.approx((-0.2, -0.2), abs=1e-6)
    assert found.seconds == (0.5, 1.5, 2.5)
    assert found.mean == pytest.approx([7.5 - 0.2 * (t + 0.48) for t in range(3)], abs=1e-5)
    assert found.clips == (4, 4, 4)
    assert found.people == 3


def test_the_slope_agrees_with_numpy_and_forgives_gaps():
    rng = np.random.default_rng(0)
    values = 3 + 0.4 * np.arange(60) / 25 + rng.normal(0, 0.1, 60)
    wanted = np.polyfit(np.arange(60) / 25, values, 1)[0]
    assert drift([torch.from_numpy(values)], ["a"]).slope == pytest.approx(wanted)
    gone = rng.permutation(60)[:20]
    kept = np.setdiff1d(np.arange(60), gone)
    values[gone] = np.nan
    wanted = np.polyfit(kept / 25, values[kept], 1)[0]
    found = drift([torch.from_numpy(values)], ["a"])
    assert found.slope == pytest.approx(wanted)
    assert found.slope_interval is None  # one person


def test_a_steady_video_does_not_drift_and_a_worsening_one_does():
    rng = np.random.default_rng(1)
    people = [f"p{i // 2}" for i in range(20)]
    noise = [torch.from_numpy(rng.normal(i, 0.5, 100)) for i in range(20)]
    low, high = drift(noise, people).slope_interval
    assert low < 0 < high
    worse = [x - 0.5 * torch.arange(100) / 25 for x in noise]
    low, high = drift(worse, people).slope_interval
    assert low < -0.5 < high < 0


def test_short_clips_and_missing_frames_leave_their_bins():
    tracks = [
        torch.ones(50),
        torch.cat([torch.full((25,), 3.0), torch.full((25,), torch.nan)]),
        torch.full((10,), 5.0),
    ]
    found = drift(tracks, ["a", "b", "c"])
    assert found.clips == (3, 1)
    assert found.mean == pytest.approx([(25 + 75 + 50) / 60, 1])
    assert drift([torch.full((30,), torch.nan), torch.zeros(1)], ["a", "b"], bin_seconds=0.4).mean == (
        0,
        None,
        None,
    )
    assert drift([torch.zeros(1)], ["a"]).slope is None
    for tracks, people, width, said in (
        ([], [], 1.0, "clips with frames"),
        ([torch.ones(3)], ["a", "b"], 1.0, "who is in each"),
        ([torch.ones(3)], ["a"], 0.01, "holds no frame"),
    ):
        with pytest.raises(ValueError, match=said):
            drift(tracks, people, bin_seconds=width)


def test_doses_in_single_precision_do_not_invent_a_saturation():
    doses = torch.linspace(0.2, 0.9, 5)  # 0.9 - 0.2 is rounded up where the dose itself is not
    found = dose_response(doses.repeat(2), doses.repeat(2), ["a"] * 5 + ["b"] * 5)
    assert found.saturation_point is None
    assert found.saturation_ratio == 1


def test_two_doses_do_not_tell_where_a_response_ends():
    found = dose_response(*asked(lambda dose: dose, doses=[0.0, 1.0]))
    assert found.slope == pytest.approx(1)
    assert (found.saturation_point, found.saturation_ratio, found.ratio_interval) == (None, None, None)


def test_who_is_there_does_not_bend_the_curve():
    """All rise evenly; the highest dose was only asked of people who start lower."""
    x, y, names = [], [], []
    for person, doses in enumerate([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0], [0.0, 0.5], [0.0, 0.5]]):
        x += doses
        y += [dose + 5 * (person > 1) for dose in doses]
        names += [f"p{person}"] * len(doses)
    found = dose_response(torch.tensor(x), torch.tensor(y), names)
    assert found.saturation_ratio == 1
    assert found.people == 4
    alone = dose_response(torch.tensor([*x[6:], 1.0]), torch.tensor([*y[6:], 6.0]), [*names[6:], "p4"])
    assert alone.saturation_ratio is None  # nobody has every dose


def people_of_one_clip(count: int, seed: int) -> list[Clip]:
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(rng.normal(size=(count, 3)))
    return [Clip(f"p{i:02}", {"identity": f"p{i:02}"}, {"face": values[i]}) for i in range(count)]


def test_a_pair_of_two_people_belongs_to_both():
    """So the order of the clips, which made one of them the first, decides nothing."""
    clips = people_of_one_clip(12, 0)
    one, other = disentanglement(clips), disentanglement(clips[::-1])
    assert one.intervals["identity"]["face"] == pytest.approx(other.intervals["identity"]["face"])
    two = disentanglement(people_of_one_clip(2, 0))
    assert two.intervals["identity"]["face"] is None


def test_pairs_within_people_are_drawn_as_clusters():
    rng = np.random.default_rng(0)
    sums = torch.from_numpy(rng.uniform(1, 2, (20, 2)))
    people = [f"p{i // 2}" for i in range(20)]
    found = pair_interval(sums, [(name, name) for name in people], ratio)
    assert found == pytest.approx(cluster_interval(sums, people, ratio))


def test_a_stretch_that_one_person_reaches_has_no_interval():
    found = drift([torch.ones(25), torch.zeros(25), torch.arange(50.0)], ["a", "b", "c"])
    assert found.clips == (3, 1)
    assert found.intervals[0] is not None
    assert found.intervals[1] is None  # it would have no width
