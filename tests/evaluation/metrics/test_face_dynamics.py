"""Lips and brows that move in ways whose variance is known."""

import math

import numpy as np
import pytest
import torch

from evaluation.metrics import BrowDynamics, LipDynamics
from evaluation.metrics.motion.face_dynamics import brow_dynamics, lip_dynamics


def faces(frames: int, seed: int = 0) -> torch.Tensor:
    """One face again and again (F, 68, 2)."""
    face = np.random.default_rng(seed).uniform(60, 200, (68, 2))
    return torch.from_numpy(face).repeat(frames, 1, 1)


def speaking(frames: int = 30, size: float = 1.0, seed: int = 1) -> torch.Tensor:
    """The same face with wandering mouth and brows."""
    rng = np.random.default_rng(seed)
    marks = faces(frames)
    for points, count in ((slice(48, 68), 20), (slice(17, 27), 10)):
        marks[:, points] += size * torch.from_numpy(rng.normal(0, 3, (frames, count, 2)))
    return marks


def by_hand(marks: np.ndarray) -> tuple[float, float]:
    """Both quantities one pair and one frame after the other."""
    eyes = np.linalg.norm(marks[:, 36] - marks[:, 45], axis=1)
    pairs = [
        np.linalg.norm(marks[:, i] - marks[:, j], axis=1) / eyes
        for i in range(48, 68)
        for j in range(i + 1, 68)
    ]
    changes = []
    for brow, eye in (((17, 22), (36, 42)), ((22, 27), (42, 48))):
        scale = np.linalg.norm(marks[:, 36:42].mean(1) - marks[:, 42:48].mean(1), axis=1)
        gap = marks[:, brow[0] : brow[1]].mean(1) - marks[:, eye[0] : eye[1]].mean(1)
        changes.append(np.abs(np.diff(np.linalg.norm(gap, axis=1) / scale)))
    return float(np.mean([np.var(pair) for pair in pairs])), float(np.concatenate(changes).mean())


def test_the_definitions():
    marks = speaking()
    lips, brows = by_hand(marks.numpy())
    assert lip_dynamics(marks).item() == pytest.approx(lips, rel=1e-10)
    assert brow_dynamics(marks).item() == pytest.approx(brows, rel=1e-10)


def test_size_place_and_turning_do_not_count():
    marks = speaking()
    angle = 0.3
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()
    moved = 2.5 * marks @ turn + torch.tensor([40.0, -7.0])
    for measure in (lip_dynamics, brow_dynamics):
        assert measure(moved).item() == pytest.approx(measure(marks).item(), rel=1e-9)


@pytest.mark.parametrize("kind", [LipDynamics, BrowDynamics])
def test_over_the_truth(kind):
    calm, true = speaking(size=0.5), speaking()
    metric = kind()
    metric.update(calm, true)
    assert 0.1 < metric.compute().item() < 0.7
    told = metric.details(metric.sums)
    assert told["theval_score"] == pytest.approx(1 - abs(told["generated"] - told["true"]) / told["true"])
    same = kind()
    same.update(true, true)
    assert same.compute().item() == 1
    assert same.details(same.sums)["theval_score"] == 1
    still = kind()
    still.update(faces(30), true)
    assert still.compute().item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", [LipDynamics, BrowDynamics])
def test_clips_without_a_face_count_on_neither_side(kind):
    true = speaking()
    metric = kind()
    metric.update(torch.full_like(true, torch.nan), true)
    assert math.isnan(metric.compute().item())
    assert metric.details(metric.sums)["theval_score"] is None
    metric.update(true, true)
    assert metric.compute().item() == 1
    gaps = true.clone()
    gaps[7] = torch.nan
    assert kind.dynamics(metric, gaps).item() == pytest.approx(kind.dynamics(metric, true).item(), rel=0.2)


def test_the_mean_is_over_clips_whatever_their_length():
    metric = LipDynamics()
    for frames, seed in ((10, 1), (60, 2)):
        metric.update(speaking(frames, seed=seed), speaking(frames, 0.5, seed=seed))
    made = [lip_dynamics(speaking(frames, seed=seed)) for frames, seed in ((10, 1), (60, 2))]
    assert metric.details(metric.sums)["generated"] == pytest.approx(float(sum(made) / 2))
