"""Movements that FACS describes, against an independent reading of the same points."""

import importlib.util

import numpy as np
import pytest
import torch
from places import SHARED

from datamodules.batch import EMOTIONS
from datamodules.face_space.mesh import face_mesh
from evaluation.signals.facs_movements import MOVEMENTS, emotion_sums, facs_movements, shown


def mean_face() -> torch.Tensor:
    """Points (1, 478, 2) of the mean face, 80 pixels between the corners of its eyes."""
    return face_mesh().rest[None, :, :2] * 80 + 128


def test_a_face_that_is_rolled_scaled_and_moved_has_not_moved() -> None:
    angle = torch.tensor(0.3)
    roll = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])])
    other = mean_face() @ roll * 1.7 + 40
    torch.testing.assert_close(facs_movements(mean_face()), facs_movements(other), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("points", "step", "name", "emotion"),
    [
        ((61, 291), (0.0, -8.0), "corners_up", "happy"),
        ((105, 334), (0.0, -8.0), "brows_up", "surprise"),
        ((0,), (0.0, -8.0), "upper_lip_up", "disgust"),
        ((145, 374), (0.0, 8.0), "eyes_open", "fear"),
        ((14,), (0.0, 8.0), "lips_apart", "surprise"),
    ],
)
def test_a_movement_is_in_per_cent_of_the_eye_distance(points, step, name, emotion) -> None:
    moved = mean_face()
    moved[:, list(points)] += torch.tensor(step)
    change = (facs_movements(moved) - facs_movements(mean_face()))[0]
    assert abs(float(change[MOVEMENTS.index(name)]) - 10) < 1e-3
    assert emotion_sums(change)[EMOTIONS.index(emotion)] > 1
    assert change.abs().sum() < 11  # nothing else has moved


def test_what_counts_as_shown_is_one_and_more() -> None:
    assert shown(torch.tensor([3.0, 1.5, 2.0, 1.5, 1.5, 3.0])).tolist() == [1.0] * 6


def test_an_outsiders_reading_of_the_same_points_agrees() -> None:
    path = SHARED / "measures" / "real_people.py"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    spec = importlib.util.spec_from_file_location("outside_measure", path)
    assert spec is not None
    assert spec.loader is not None
    outside = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(outside)
    moved = mean_face()[0].numpy() + np.random.default_rng(0).normal(0, 3, (478, 2))
    theirs = outside.movements(moved)
    ours = facs_movements(torch.from_numpy(moved)[None])[0]
    assert list(theirs) == list(MOVEMENTS)
    np.testing.assert_allclose(ours.numpy(), list(theirs.values()), rtol=1e-6)
    sums = outside.sums(dict(zip(MOVEMENTS, ours.tolist(), strict=True)))
    np.testing.assert_allclose(emotion_sums(ours).numpy(), [sums[e] for e in EMOTIONS], rtol=1e-6)
