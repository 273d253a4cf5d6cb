import math

import pytest
import torch

from datamodules.head_motion import eye_opening
from evaluation.metrics import BlinkLength, BlinkRate, HeadRange, HeadSpeed
from evaluation.metrics.motion.blinks import blink_counts, closed_eyes
from evaluation.metrics.motion.head_pose import POSE, head_pose, pose_range
from evaluation.metrics.motion.theval import closeness


def eyes(opening: list[float]) -> torch.Tensor:
    """Faces (F, 68, 2) whose eyes are a unit wide and `opening` high, a hundred pixels apart."""
    points = torch.zeros(len(opening), 68, 2)
    for start, x in ((36, 0.0), (42, 100.0)):
        places = torch.tensor([[0.0, 0], [1, 0], [2, 0], [3, 0], [2, 0], [1, 0]])
        points[:, start : start + 6] = places * 10 + torch.tensor([x, 0])
        for upper, lower in ((1, 5), (2, 4)):
            points[:, start + upper, 1] = -15 * torch.tensor(opening)
            points[:, start + lower, 1] = 15 * torch.tensor(opening)
    points[:, 30] = torch.tensor([65.0, 60.0])
    return points


def test_the_face_has_the_eyes_it_was_given():
    assert eye_opening(eyes([0.3, 0.05])).tolist() == pytest.approx([0.3, 0.05])


def counts(track: str, fps: float = 25) -> list[float]:
    level = {"o": 0.3, "x": 0.05, "s": 0.18, "?": math.nan}
    return blink_counts(torch.tensor([level[c] for c in track]), fps).tolist()


@pytest.mark.parametrize(
    ("track", "wanted"),
    [
        ("oooxxooooo", [1, 1, 2, 10]),
        ("ooxooxxxoo", [2, 2, 4, 10]),
        ("oossssoooo", [0, 0, 0, 10]),  # a squint
        ("xxoooooooo", [0, 0, 0, 10]),  # began before the clip
        ("ooooooooxx", [1, 0, 0, 10]),  # seen to begin, not to end
        ("ooo?xxoooo", [0, 0, 0, 9]),  # what came before is not known
        ("oooxx?oooo", [1, 0, 0, 9]),
        ("oo" + "x" * 26 + "o" * 60, [0, 0, 0, 88]),  # asleep
        ("oooooooooo", [0, 0, 0, 10]),
        ("??", [0, 0, 0, 0]),
        ("", [0, 0, 0, 0]),
    ],
)
def test_blinks_are_counted(track, wanted):
    assert counts(track) == wanted


def test_how_long_eyes_may_be_shut_depends_on_the_frame_rate():
    track = "ooooooooo" + "x" * 20 + "o" * 60
    assert counts(track, fps=25)[0] == 1
    assert counts(track, fps=10)[0] == 0


def test_each_clip_has_its_own_open_eye():
    assert closed_eyes(torch.tensor([0.9, 0.3, 0.9])).tolist() == [False, True, False]
    assert not closed_eyes(torch.tensor([0.3, 0.3, 0.3])).any()


def value(kind, pred: torch.Tensor, true: torch.Tensor) -> float:
    metric = kind()
    metric.update(pred, true)
    return metric.compute().item()


def test_blink_rate_and_length_against_the_truth():
    once = eyes([0.3] * 20 + [0.02] * 5 + [0.3] * 25)
    twice = eyes([0.3] * 10 + [0.02] * 3 + [0.3] * 20 + [0.02] * 3 + [0.3] * 14)
    never = eyes([0.3] * 50)
    assert value(BlinkRate, twice, once) == pytest.approx(30)  # one more in two seconds
    assert value(BlinkRate, never, once) == pytest.approx(-30)
    assert value(BlinkLength, twice, once) == pytest.approx((3 - 5) / 25)
    assert math.isnan(value(BlinkLength, never, once))
    for kind, wanted in ((BlinkRate, 0), (BlinkLength, 0)):
        assert value(kind, once, once) == wanted
    metric = BlinkRate()
    metric.update(twice, once)
    assert metric.details(metric.sums) == {"blinks_generated": 2, "blinks_true": 1}


@pytest.fixture
def nodding() -> torch.Tensor:
    """A face that moves down and up by twenty pixels in two seconds, eyes a hundred pixels apart."""
    face = eyes([0.3] * 51)
    face[:, :, 1] += 20 * torch.cat([torch.linspace(0, 1, 26), torch.linspace(1, 0, 26)[1:]])[:, None]
    return face


def about_its_mean(face: torch.Tensor, times: float) -> torch.Tensor:
    return face.mean(0) + times * (face - face.mean(0))


@pytest.mark.parametrize("kind", [HeadRange, HeadSpeed])
@pytest.mark.parametrize("times", [0.0, 0.5, 1.0, 2.0])
def test_head_motion_over_the_true_one(kind, times, nodding):
    assert value(kind, about_its_mean(nodding, times), nodding) == pytest.approx(times, abs=1e-5)


def test_range_and_speed_in_closed_form(nodding):
    metric = HeadSpeed()
    metric.update(nodding, nodding)
    made, _ = metric.means(metric.sums)
    assert made[POSE.index("shift_y")].item() == pytest.approx(0.2, abs=1e-5)  # of the distance, each second
    assert made[POSE.index("roll")].item() == pytest.approx(0, abs=1e-6)
    span = pose_range(head_pose(nodding))
    assert span[POSE.index("shift_y")].item() == pytest.approx(0.2 * 0.9, abs=0.01)


def test_the_same_path_walked_faster_has_the_same_range(nodding):
    fast = nodding[::2]
    assert value(HeadRange, fast, nodding) == pytest.approx(1, abs=0.05)
    assert value(HeadSpeed, fast, nodding) == pytest.approx(2, rel=0.05)


def test_frames_without_a_face_and_a_still_truth(nodding):
    gaps = nodding.clone()
    gaps[3] = torch.nan
    assert value(HeadRange, gaps, nodding) == pytest.approx(1, abs=0.05)
    gaps[::2] = torch.nan
    assert math.isnan(value(HeadSpeed, gaps, nodding))  # no two frames follow each other
    gaps = nodding.clone()
    gaps[3] = torch.nan
    assert value(HeadSpeed, gaps, nodding) == pytest.approx(1, rel=0.02)  # a gap is no step
    still = nodding[:1].expand(20, 68, 2)
    assert math.isnan(value(HeadRange, nodding, still))
    assert math.isnan(value(HeadSpeed, nodding, still[:1]))
    assert math.isnan(value(HeadRange, torch.full_like(nodding, torch.nan), nodding))


MEASURES = [f"m{i}" for i in range(8)]


@pytest.mark.parametrize(
    ("values", "truth", "weights", "wanted"),
    [
        ([12.0, 5, 10, 15, 10, 5, 10, 0], 10.0, {}, 0.6625),
        ([2.0, 1, 1, 1, 1, 1, 1, 1], 1.0, {}, 0.875),
        ([2.0, 2, 1, 1, 1, 1, 1, 1], 1.0, {"m0": 2.0, "m1": 0.0}, 0.75),
        ([10.0] * 8, 10.0, {}, 1.0),
    ],
)
def test_closeness_of_the_public_cases(values, truth, weights, wanted):
    made = dict(zip(MEASURES, values, strict=True))
    assert closeness(made, dict.fromkeys(MEASURES, truth), weights) == pytest.approx(wanted, abs=1e-12)


def test_what_has_no_closeness():
    with pytest.raises(ValueError, match="truth of zero: b"):
        closeness({"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 0.0})
    with pytest.raises(ValueError, match=r"\['b', 'c'\]"):
        closeness({"a": 1.0, "b": 1.0}, {"a": 1.0, "c": 1.0})
    with pytest.raises(ValueError, match="more than zero"):
        closeness({"a": 1.0}, {"a": 1.0}, {"a": 0.0})
