import numpy as np
import pytest
import torch
from agreement import icc

from datamodules.batch import ACTION_UNITS, CLASSES, parse_blend
from evaluation.metrics import (
    ActionUnitConcordance,
    ActionUnitConsistency,
    ActionUnitCorrelation,
    ActionUnitMae,
    ActionUnitRmse,
    CompoundEmotion,
    EmotionAccuracy,
    EmotionRecall,
    EmotionVote,
    LipCorrelation,
)
from evaluation.metrics.action_units.intensity import rises
from evaluation.metrics.correlation import concordance, consistency, moment_sums, pearson, root_mean_square
from evaluation.metrics.emotion.scores import class_target, clip_probability, clip_vote

FOUR_JUDGES = torch.tensor(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=torch.float64
)  # Shrout & Fleiss 1979, table 2
SHROUT_FLEISS = FOUR_JUDGES[:, [0, 3]]


@pytest.mark.parametrize(("form", "wanted"), [("1,1", 0.16574), ("2,1", 0.28976), ("3,1", 0.71484)])
def test_intraclass_correlations_of_four_judges(form, wanted):
    assert icc(FOUR_JUDGES, form).item() == pytest.approx(wanted, abs=5e-6)


def test_intraclass_correlation_of_two_judges_from_moments():
    sums = moment_sums(SHROUT_FLEISS[:, 0], SHROUT_FLEISS[:, 1])
    assert consistency(sums).item() == pytest.approx(0.6865671642, abs=1e-10)
    assert icc(SHROUT_FLEISS).item() == pytest.approx(0.6865671642, abs=1e-10)
    assert root_mean_square(sums).item() == pytest.approx(1.8257418584, abs=1e-10)
    assert (SHROUT_FLEISS[:, 0] - SHROUT_FLEISS[:, 1]).abs().mean().item() == pytest.approx(4 / 3)


def test_which_intraclass_correlation_forgives_an_offset():
    rng = np.random.default_rng(2)
    x = torch.from_numpy(rng.random((40, 1)))
    shifted = torch.cat([x, x + 5], dim=1)
    assert icc(shifted, "3,1").item() == pytest.approx(1)
    assert icc(shifted, "2,1").item() < 0.1
    assert icc(shifted, "1,1").item() < 0
    same = torch.cat([x, x], dim=1)
    assert all(icc(same, form).item() == pytest.approx(1) for form in ("1,1", "2,1", "3,1"))


def test_what_no_intraclass_correlation_takes():
    with pytest.raises(ValueError, match="two of each at least"):
        icc(torch.zeros(5, 1))
    with pytest.raises(ValueError, match="unknown form '3,k'"):
        icc(FOUR_JUDGES, "3,k")


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


@pytest.mark.parametrize("kind", [ActionUnitCorrelation, ActionUnitConcordance, ActionUnitConsistency])
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
    for metric in (ActionUnitCorrelation(), ActionUnitConcordance(), ActionUnitConsistency()):
        metric.update(units(1), units(1))
        assert metric.compute().item() == pytest.approx(1)
    for metric in (ActionUnitRmse(), ActionUnitMae()):
        metric.update(units(1), units(1))
        assert metric.compute().item() == pytest.approx(0, abs=1e-7)


def test_errors_of_action_units():
    pred, true = units(1), units(2)
    for metric, wanted in (
        (ActionUnitRmse(), (pred - true).square().mean(0).sqrt().mean()),
        (ActionUnitMae(), (pred - true).abs().mean()),
    ):
        metric.update(pred[:7], true[:7])
        metric.update(pred[7:], true[7:])
        assert metric.compute().item() == pytest.approx(wanted.item())
        assert len(metric.details(metric.sums)["per_unit"]) == len(ACTION_UNITS)


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


def test_a_vote_is_another_metric():
    rows = frames_of({"happy": 0.6, "sad": 0.4}, {"happy": 0.6, "sad": 0.4}, {"sad": 0.9, "angry": 0.1})
    assert clip_vote(rows).argmax() == CLASSES.index("happy")
    assert clip_vote(rows[1:]).argmax() == CLASSES.index("sad")  # a tie, which the mean breaks
    for kind, wanted in ((EmotionVote, 1), (EmotionAccuracy, 0)):
        metric = kind()
        metric.update(rows, parse_blend("happy"))
        assert metric.compute().item() == wanted


def test_frames_without_a_face_have_no_say():
    rows = frames_of({"happy": 1.0}, {"happy": 0.9, "sad": 0.1})
    rows[0] = torch.nan
    for kind in (EmotionVote, EmotionAccuracy, EmotionRecall):
        metric = kind()
        metric.update(rows, parse_blend("happy"))
        metric.update(rows[:1], parse_blend("sad"))  # nothing was seen: not even a wrong answer
        assert metric.compute().item() == 1
    compound = CompoundEmotion()
    compound.update(rows[:1], parse_blend("happily_surprised"))
    assert compound.compute().isnan()


def test_recall_weighs_every_emotion_alike():
    metric = EmotionRecall()
    for _ in range(3):
        metric.update(frames_of({"happy": 1.0}), parse_blend("happy"))
    metric.update(frames_of({"happy": 1.0}), parse_blend("sad"))
    assert metric.compute().item() == pytest.approx(0.5)
    assert metric.details(metric.sums)["unweighted_accuracy"] == pytest.approx(0.5)


@pytest.mark.parametrize("kind", [EmotionAccuracy, EmotionVote, EmotionRecall])
@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_its_own_place(name, kind):
    metric = kind()
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


def test_frames_without_a_face_are_left_out_of_intensities():
    g = torch.Generator().manual_seed(3)
    pred, true = (torch.rand(30, len(ACTION_UNITS), generator=g) for _ in range(2))
    with_gaps, seen = pred.clone(), torch.ones(30, dtype=torch.bool)
    with_gaps[[4, 9]], seen[[4, 9]] = torch.nan, False
    for metric in (ActionUnitCorrelation(), ActionUnitRmse(), ActionUnitMae()):
        assert torch.equal(metric.clip_sums(with_gaps, true), metric.clip_sums(pred[seen], true[seen]))
