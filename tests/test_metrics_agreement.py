import numpy as np
import pytest
import torch

from datamodules.batch import ACTION_UNITS, CLASSES, parse_blend
from evaluation.metrics import (
    ActionUnitConcordance,
    ActionUnitCorrelation,
    CompoundEmotion,
    EmotionAccuracy,
    LipCorrelation,
)
from evaluation.metrics.action_units import rises
from evaluation.metrics.correlation import concordance, moment_sums, pearson
from evaluation.metrics.emotion import class_target, clip_probability

SHROUT_FLEISS = torch.tensor(
    [[9, 8], [6, 2], [8, 8], [7, 6], [10, 9], [6, 7]], dtype=torch.float64
)  # judges 1, 4


def test_correlation_and_concordance_of_two_judges():
    sums = moment_sums(SHROUT_FLEISS[:, 0], SHROUT_FLEISS[:, 1])
    assert pearson(sums).item() == pytest.approx(0.7501772840, abs=1e-10)
    assert concordance(sums).item() == pytest.approx(0.6052631579, abs=1e-10)


def test_concordance_in_closed_form():
    x = torch.arange(10.0)
    assert concordance(moment_sums(x, x + 3)).item() == pytest.approx(0.6470588235, abs=1e-10)
    centred = x - x.mean()
    assert concordance(moment_sums(centred, 2 * centred)).item() == pytest.approx(0.8)


def test_pearson_agrees_with_numpy():
    rng = np.random.default_rng(4)
    x, y = rng.random(50), rng.random(50)
    wanted = np.corrcoef(x, y)[0, 1]
    assert pearson(moment_sums(torch.from_numpy(x), torch.from_numpy(y))).item() == pytest.approx(wanted)


def test_a_constant_truth_has_no_correlation_and_a_constant_answer_none_at_all():
    moving, still = torch.arange(5.0), torch.full((5,), 0.3)
    assert pearson(moment_sums(moving, still)).isnan()
    assert pearson(moment_sums(still, moving)).item() == 0


def units(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((30, len(ACTION_UNITS))))


@pytest.mark.parametrize("kind", [ActionUnitCorrelation, ActionUnitConcordance])
def test_action_units_are_pooled_over_clips_and_constant_ones_named(kind):
    pred, true = units(1), units(2)
    true[:, 3] = 0
    metric = kind()
    metric.update(pred[:10], true[:10])
    metric.update(pred[10:], true[10:])
    whole = metric.per_unit(moment_sums(pred, true).flatten())
    assert metric.compute().item() == pytest.approx(whole.nanmean().item())
    details = metric.details(metric.sums)
    assert details["excluded_constant"] == [f"AU{ACTION_UNITS[3]}"]
    assert len(details["per_unit"]) == len(ACTION_UNITS) - 1


def test_perfect_action_units():
    for metric in (ActionUnitCorrelation(), ActionUnitConcordance()):
        metric.update(units(1), units(1))
        assert metric.compute().item() == pytest.approx(1)


def test_rises():
    assert rises(torch.tensor([0.0, 0.1, 0.1, 0.5]))
    assert not rises(torch.tensor([0.0, 0.3, 0.2, 0.5]))
    assert rises(torch.tensor([0.0, 0.3, 0.29, 0.5]), tolerance=0.02)
    assert not rises(torch.tensor([0.2, 0.2, 0.2]))


def test_lips_are_judged_within_each_clip():
    metric = LipCorrelation()
    wave = torch.sin(torch.arange(25.0))
    metric.update(wave + 5, wave)  # another level from clip to clip must not count
    metric.update(wave - 5, wave)
    metric.update(wave, torch.zeros(25))  # silence: nothing to follow
    metric.update(torch.zeros(25), wave)  # a mouth that stays shut follows nothing
    assert metric.compute().item() == pytest.approx(2 / 3)
    assert metric.details(metric.sums) == {"clips_with_speech": 3}


def test_class_target():
    assert class_target(parse_blend("neutral")).argmax() == CLASSES.index("neutral")
    assert class_target(parse_blend("happy:0.2")).argmax() == CLASSES.index("neutral")
    target = class_target(parse_blend("happy:0.3,surprise:0.1"))
    assert target[CLASSES.index("happy")].item() == pytest.approx(0.75)
    assert target.sum().item() == pytest.approx(1)


def frames_of(*rows: dict[str, float]) -> torch.Tensor:
    return torch.tensor([[row.get(name, 0.0) for name in CLASSES] for row in rows])


def test_a_clip_is_judged_by_the_mean_and_not_by_a_vote():
    rows = frames_of({"happy": 0.6, "sad": 0.4}, {"happy": 0.6, "sad": 0.4}, {"sad": 0.9, "angry": 0.1})
    assert clip_probability(rows).argmax() == CLASSES.index("sad")


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_its_own_place(name):
    metric = EmotionAccuracy()
    metric.update(frames_of({name: 1.0}), parse_blend(name))
    assert metric.compute().item() == 1
    assert metric.details(metric.sums)["recall"] == {name: 1.0}


def test_emotion_accuracy_and_its_confusion():
    metric = EmotionAccuracy()
    metric.update(frames_of({"happy": 1.0}), parse_blend("happy"))
    metric.update(frames_of({"fear": 1.0}), parse_blend("surprise"))
    metric.update(
        frames_of({"fear": 1.0}), parse_blend("fearfully_surprised")
    )  # no single class: does not count
    assert metric.compute().item() == pytest.approx(0.5)
    details = metric.details(metric.sums)
    assert details["recall"] == {"happy": 1.0, "surprise": 0.0}
    assert details["confusion"][CLASSES.index("surprise")][CLASSES.index("fear")] == 1
    assert details["unweighted_accuracy"] == pytest.approx(0.5)


def test_compound_emotions_show_both_above_all_others():
    metric = CompoundEmotion()
    asked = parse_blend("happily_surprised")
    metric.update(frames_of({"happy": 0.5, "surprise": 0.3, "neutral": 0.2}), asked)
    metric.update(frames_of({"happy": 0.6, "surprise": 0.1, "neutral": 0.3}), asked)
    metric.update(frames_of({"happy": 1.0}), parse_blend("happy"))
    assert metric.compute().item() == pytest.approx(0.5)
    assert metric.details(metric.sums)["clips_compound"] == 2
