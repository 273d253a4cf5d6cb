"""Losses of the face finder against what they are by hand, and whether two steps learn."""

import math

import pytest
import torch

from datamodules.faces.networks import CROP, MESH_POINTS, FaceNetworks
from lightning_modules.faces.finder_training import (
    FaceFinderTraining,
    eye_distances,
    middle_loss,
    place_loss,
    point_loss,
)


def test_middles_weigh_what_is_missed_and_leave_out_the_undecided():
    logits = torch.tensor([[[0.0, 3.0, -9.0]]])
    truth = torch.tensor([[[1.0, -1.0, 0.0]]])
    assert float(middle_loss(logits, truth)) == pytest.approx(0.25 * math.log(2), rel=1e-3)
    assert float(middle_loss(logits, torch.full_like(truth, -1))) == 0


def test_places_count_at_middles_alone():
    found, truth = torch.zeros(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    found[..., 1] = 5.0
    assert float(place_loss(found, truth, torch.tensor([[[1.0, 0.0]]]))) == 0
    assert float(place_loss(found, truth, torch.tensor([[[0.0, 1.0]]]))) == pytest.approx(5 / 0.05 - 0.5)


def test_points_count_where_there_is_a_face():
    found, truth = torch.zeros(2, 3, 2), torch.full((2, 3, 2), 4.0)
    assert float(point_loss(found, truth, torch.tensor([1.0, 0.0]))) == pytest.approx(3.5)
    assert float(point_loss(found, truth, torch.zeros(2))) == 0


def test_distances_are_in_those_of_the_outer_eye_corners():
    truth = torch.zeros(1, MESH_POINTS, 2)
    truth[:, 263, 0] = 40.0
    assert eye_distances(truth + torch.tensor([2.0, 0.0]), truth)[0].tolist() == pytest.approx(
        [0.05] * MESH_POINTS
    )


def batch(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randint(0, 256, (2, 3, 128, 128), generator=generator).byte()
    cells = torch.zeros(2, 5, 16, 16)
    cells[:, :, 4, 5] = torch.tensor([1.0, 0.2, -0.3, 0.4, 1.0])
    return {
        "scene": pictures,
        "cells": cells,
        "squares": pictures[:, None, :, :CROP, :CROP].repeat(1, 2, 1, 1, 1),
        "meshes": CROP / 2 + 10 * torch.randn(2, 2, MESH_POINTS, 2, generator=generator),
        "faces": torch.tensor([[1.0, 0.0], [1.0, 1.0]]),
    }


def test_training_lowers_every_loss():
    torch.manual_seed(0)
    training = FaceFinderTraining(FaceNetworks())
    optimizer = torch.optim.AdamW(training.parameters(), lr=3e-3)
    first, history = batch(0), []
    for _ in range(8):
        losses, points, logits = training.losses(first)
        history.append({name: float(value.detach()) for name, value in losses.items()})
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert points.shape == (4, MESH_POINTS, 2)
    assert logits.shape == (4,)
    assert training.networks.started
    for name, value in history[-1].items():
        assert value < history[0][name], name
