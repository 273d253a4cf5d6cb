"""Where a face lies, and the square that frames it: on meshes whose place is known."""

import math

import numpy as np
import pytest

from datamodules.faces.networks import CROP
from datamodules.faces.placement import (
    SIDE,
    Placement,
    inverse,
    mirrored_order,
    moved,
    placement_of,
    square_affine,
)
from datamodules.head_motion import MESH_TO_IBUG


def drawn_mesh() -> np.ndarray:
    """478 points: eyes 60 apart at 0, chin 120 below them, cheeks 70 to each side; the others at the nose."""
    mesh = np.tile([0.0, 40.0], (478, 1))
    ibug = np.array(MESH_TO_IBUG)
    mesh[ibug[:17]] = np.stack([np.linspace(-70, 70, 17), np.full(17, 60.0)], 1)
    mesh[ibug[8]] = [0, 120]
    mesh[ibug[36:42]], mesh[ibug[42:48]] = [-30, 0], [30, 0]
    return mesh


def test_a_placement_is_hairline_to_chin():
    place = placement_of(drawn_mesh())
    assert (place.x, place.y) == pytest.approx((0, 0.1 * 200))
    assert place.height == pytest.approx(200)
    assert place.turn == 0


@pytest.mark.parametrize("turn", [0.0, 0.4, -1.2, 2.5])
def test_a_placement_follows_the_face(turn):
    cosine, sine = 1.7 * math.cos(turn), 1.7 * math.sin(turn)
    affine = np.array([[cosine, -sine, 31.0], [sine, cosine, -12.0]])
    own, place = placement_of(drawn_mesh()), placement_of(moved(drawn_mesh(), affine))
    assert (place.x, place.y) == pytest.approx(moved(np.array([own.x, own.y]), affine))
    assert place.height == pytest.approx(1.7 * own.height)
    assert place.turn == pytest.approx(turn)


def test_the_square_is_upright_and_holds_the_face():
    place = Placement(50, 80, 100, 0.6)
    affine = square_affine(place)
    assert moved(np.array([50.0, 80.0]), affine) == pytest.approx([(CROP - 1) / 2] * 2)
    down = np.array([-math.sin(0.6), math.cos(0.6)]) * 50
    chin = moved(np.array([50.0, 80.0]) + down, affine)
    assert chin == pytest.approx([(CROP - 1) / 2, (CROP - 1) / 2 + CROP / SIDE / 2])
    there = np.array([[3.0, 4.0], [-7.0, 90.0]])
    assert moved(moved(there, affine), inverse(affine)) == pytest.approx(there)


def test_points_know_their_mirror_image():
    half = np.random.default_rng(0).uniform([5, -50], [60, 50], (30, 2))
    both = np.concatenate([half, half * [-1, 1]])
    order = mirrored_order(both + np.array([40.0, 10.0]))
    assert order.tolist() == [*range(30, 60), *range(30)]
