import numpy as np
import pytest
import torch

from datamodules.batch import ACTION_UNITS
from evaluation.metrics import ActionUnitF1, ActionUnitF1Anchor
from evaluation.metrics.action_units.detection import (
    accuracy,
    accuracy_all_zero,
    detection_counts,
    f1,
    supported,
)


@pytest.fixture
def reference() -> tuple[torch.Tensor, torch.Tensor]:
    """Forty frames of twelve units, the last of which never occurs."""
    rng = np.random.default_rng(12)
    pred = rng.random((40, 12))
    true = (rng.random((40, 12)) < 0.3).astype(float)
    true[:, 11] = 0
    pred[:, 11] = np.minimum(pred[:, 11], 0.49)
    return torch.from_numpy(pred), torch.from_numpy(true)


def test_detection_of_the_reference_case(reference):
    counts = detection_counts(*reference)
    assert f1(counts).mean().item() == pytest.approx(0.3699664314, abs=1e-10)
    assert f1(counts)[11].item() == 0  # never there, never predicted
    assert accuracy(counts).mean().item() == pytest.approx(0.56875)
    blind = detection_counts(torch.zeros(40, 12), reference[1])
    assert accuracy(blind).mean().item() == pytest.approx(0.7125)
    assert accuracy_all_zero(counts).mean().item() == pytest.approx(0.7125)
    assert f1(blind).sum().item() == 0


def test_f1_agrees_with_torchmetrics(reference):
    peer = pytest.importorskip("torchmetrics.functional.classification")
    pred, true = reference
    wanted = peer.multilabel_f1_score(pred, true.long(), num_labels=12, average=None)
    assert f1(detection_counts(pred, true)).tolist() == pytest.approx(wanted.tolist(), abs=1e-6)


def test_a_value_at_the_threshold_counts():
    counts = detection_counts(torch.tensor([[0.5], [0.49]]), torch.tensor([[0.5], [0.5]]))
    assert counts.tolist() == [[1, 0, 1, 0]]


def test_frames_that_are_no_numbers_are_left_out():
    pred, true = torch.ones(3, 2), torch.ones(3, 2)
    pred[0, 1] = torch.nan
    assert detection_counts(pred, true).sum(-1).tolist() == [2, 2]


def test_the_support_rule():
    counts = torch.tensor([[19.0, 0, 0, 1], [20, 0, 0, 0], [0, 0, 20, 80], [20, 0, 0, 1981]])
    assert supported(counts).tolist() == [False, True, True, False]


def clip(seed: int, frames: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    pred = torch.from_numpy(rng.random((frames, len(ACTION_UNITS))))
    true = torch.from_numpy((rng.random((frames, len(ACTION_UNITS))) < 0.5).astype(float))
    true[:, 2] = 0
    true[:5, 3], true[5:, 3] = 1, 0
    return pred, true


def test_units_without_support_are_named_and_left_out():
    metric, anchor = ActionUnitF1(), ActionUnitF1Anchor()
    for seed in (1, 2):
        metric.update(*clip(seed))
        anchor.update(*clip(seed))
    details = metric.details(metric.sums)
    rare = [f"AU{ACTION_UNITS[2]}", f"AU{ACTION_UNITS[3]}"]
    assert details["without_support"] == rare
    assert details["positive_frames"][rare[1]] == 10
    kept = [value for name, value in details["per_unit"].items() if name not in rare]
    assert metric.compute().item() == pytest.approx(sum(kept) / 13)
    assert anchor.compute().item() == pytest.approx(sum(details["per_unit"].values()) / 15)
    assert details["per_unit"][rare[0]] == 0
    assert 0 < details["accuracy"] < 1
    assert details["accuracy_all_zero"] > 0.5


def test_units_are_pooled_over_clips_and_not_averaged():
    pieces = ActionUnitF1()
    pred, true = clip(3, 90)
    pieces.update(pred[:10], true[:10])
    pieces.update(pred[10:], true[10:])
    whole = ActionUnitF1()
    whole.update(pred, true)
    assert pieces.compute().item() == whole.compute().item()


def test_the_truth_itself_is_perfect_and_too_few_frames_are_no_number():
    for kind in (ActionUnitF1, ActionUnitF1Anchor):
        metric = kind()
        true = torch.ones(25, len(ACTION_UNITS))
        metric.update(true, true)
        assert metric.compute().item() == 1
    short = ActionUnitF1()
    short.update(true[:19], true[:19])
    assert short.compute().isnan()
    with pytest.raises(ValueError, match="action units"):
        short.update(true[:, :3], true[:, :3])
