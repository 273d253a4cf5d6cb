"""Backdrops, animals, faults, squares and scenes: the right shape, repeatable, and with truth that fits."""

import math

import cv2
import numpy as np
import pytest

from datamodules.faces.networks import CROP, STRIDE, TYPICAL
from datamodules.faces.placement import Placement, placement_of
from datamodules.loading.faces.clutter import KINDS, clutter, piece
from datamodules.loading.faces.creatures import creature
from datamodules.loading.faces.crops import face_crop, lost_face, nothing, spoiled_face
from datamodules.loading.faces.faults import FAULTS, spoiled
from datamodules.loading.faces.renders import FaceRecipe, pictures_of
from datamodules.loading.faces.scenes import SIDE, scene, targets


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def person():
    """A rendering of a plain person, the mesh and its place."""
    picture, mesh = next(pictures_of(FaceRecipe(people=1, faces=1, clean_share=1, seed=37_000_000), 0))
    return picture, mesh, placement_of(mesh)


@pytest.mark.parametrize("draw", [*KINDS, creature, clutter], ids=lambda draw: draw.__name__)
def test_pictures_without_people_are_drawn_from_their_seed(draw):
    picture = draw(rng(3), 96)
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, draw(rng(3), 96))
    assert piece(picture, rng(1), 40).shape == (40, 40, 3)


@pytest.mark.parametrize("fault", [fault for fault, _ in FAULTS], ids=lambda fault: fault.__name__)
def test_faults_change_a_picture_and_keep_its_shape(fault, person):
    whole = np.ascontiguousarray(person[0][..., :3])
    before = whole.copy()
    for seed in range(6):
        changed = fault(whole, rng(seed))
        assert changed.shape == whole.shape
        assert changed.dtype == np.uint8
    assert np.array_equal(whole, before)
    assert not np.array_equal(changed, whole)
    assert spoiled(whole, rng(0), 0.0) is whole


def test_the_mesh_stays_on_the_face(person, monkeypatch):
    """A mark in the rendering is found again where the mesh says."""
    picture, mesh, place = person
    monkeypatch.setattr("datamodules.loading.faces.crops.spoiled", lambda picture, _: picture)
    marked, nose = picture.copy(), 4
    cv2.circle(marked, tuple(int(v) for v in mesh[nose].round()), 3, (0, 255, 0, 255), -1)
    for seed in range(8):
        crop = face_crop(marked, mesh, place, clutter(rng(seed), 96), rng(seed))
        assert crop.face
        assert crop.picture.shape == (CROP, CROP, 3)
        x, y = crop.mesh[nose].round().astype(int)
        red, green, _ = crop.picture[y, x].astype(int)
        assert green > 150 > red


def test_squares_without_a_face_have_their_shape(person):
    picture, mesh, place = person
    for seed in range(6):
        back = clutter(rng(seed), 96)
        for made in (
            lost_face(picture, place, back, rng(seed)),
            spoiled_face(picture, mesh, place, back, rng(seed)),
            nothing(back, rng(seed)),
        ):
            assert made.shape == (CROP, CROP, 3)


def test_cells_say_where_a_face_is_and_how_high():
    cells = targets([(Placement(60.0, 44.0, 50.0), True)])
    assert cells.shape == (5, SIDE // STRIDE, SIDE // STRIDE)
    rows, columns = np.nonzero(cells[0] == 1)
    assert len(rows) >= 1
    for row, column in zip(rows, columns, strict=True):
        height = TYPICAL * math.exp(cells[3, row, column])
        x, y = ((i + 0.5) * STRIDE - 0.5 + cells[k, row, column] * height for i, k in ((column, 1), (row, 2)))
        assert (x, y, height) == pytest.approx((60, 44, 50), abs=1e-3)
    assert (cells[0] == -1).any()
    assert np.array_equal(cells[4] == 1, cells[0] == 1)


@pytest.mark.parametrize(
    ("height", "upright", "state"), [(120.0, True, 0), (10.0, True, 0), (75.0, True, -1), (40.0, False, 0)]
)
def test_faces_of_another_scale_and_upside_down_ones_are_none(height, upright, state):
    cells = targets([(Placement(64.0, 64.0, height), upright)])
    assert (cells[0] == 1).sum() == 0
    assert cells[0].min() == state


def test_scenes_are_repeatable_and_hold_what_they_say(person):
    picture, _, place = person
    back, found = clutter(rng(5), 192), 0
    for seed in range(40):
        made, cells = scene([(picture, place)] * 3, back, rng(seed))
        again, _ = scene([(picture, place)] * 3, back, rng(seed))
        assert made.shape == (SIDE, SIDE, 3)
        assert np.array_equal(made, again)
        found += bool((cells[0] == 1).any())
    assert 3 <= found <= 35
