"""The compiled rasteriser against a plain one, and its perspective."""

import numpy as np
import pytest
from slow_raster import slow_rasterise

from datamodules.synthetic.head.render.raster import CUT_OUT, interpolate, project, rasterise, smooth_normals

SIDE = 40


def random_mesh(seed, count=60):
    rng = np.random.default_rng(seed)
    screen = np.column_stack([rng.uniform(-5, SIDE + 5, (3 * count, 2)), rng.uniform(0.05, 0.1, 3 * count)])
    return screen.astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def drawn(screen, triangles, kinds, places=None, sheets=None, facing=None):
    near, owner = np.empty((SIDE, SIDE), np.float32), np.empty((SIDE, SIDE), np.int32)
    places = np.zeros((len(screen), 2), np.float32) if places is None else places
    sheets = np.zeros((1, 4, 4), np.uint8) if sheets is None else sheets
    facing = np.ones(len(screen), np.float32) if facing is None else facing
    rasterise(screen, triangles, np.asarray(kinds, np.uint8), places, sheets, facing, near, owner)
    return near, owner


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_a_plain_one(seed):
    screen, triangles = random_mesh(seed)
    kinds = np.arange(len(triangles)) % 2
    near, owner = drawn(screen, triangles, kinds)
    slow_near, slow_owner = slow_rasterise(screen, triangles, kinds == 0, SIDE)
    differ = owner != slow_owner
    assert differ.mean() < 0.002  # samples that lie on an edge
    np.testing.assert_allclose(near[~differ], slow_near[~differ], rtol=1e-4)
    assert (owner >= 0).mean() > 0.5


def test_a_sheet_cuts_and_averted_hair_is_left_out():
    screen = np.array([[0, 0, 0.1], [SIDE, 0, 0.1], [0, SIDE, 0.1]], np.float32)
    triangles = np.array([[0, 1, 2]], np.int32)
    places = np.array([[0, 0], [1, 0], [0, 0]], np.float32)
    sheet = np.zeros((1, 4, 4), np.uint8)
    sheet[:, :, :2] = 255
    owner = drawn(screen, triangles, [CUT_OUT], places, sheet)[1]
    assert (owner[:10, :18] == 0).all()
    assert (owner[:10, 22:] == -1).all()
    assert (drawn(screen, triangles, [CUT_OUT], places, sheet, -np.ones(3, np.float32))[1] == -1).all()


def test_values_between_corners_are_exact_in_perspective():
    camera = np.array([10, 2.0, 0.5, 0.5], np.float32)
    points = np.array([[-1.5, -1.5, -3], [2, -1, 4], [0, 2, 0]], np.float32)
    screen = np.empty_like(points)
    project(points, camera, SIDE, screen)
    triangles = np.array([[0, 1, 2]], np.int32)
    _, owner = drawn(screen, triangles, [1])
    world = np.full((SIDE, SIDE, 3), np.nan, np.float32)
    interpolate(owner, screen, triangles, points, 1, world)
    shown = np.argwhere(owner == 0)
    assert len(shown) > 50
    back = np.empty((len(shown), 3), np.float32)
    project(np.ascontiguousarray(world[tuple(shown.T)]), camera, SIDE, back)
    np.testing.assert_allclose(back[:, :2], shown[:, ::-1] + 0.5, atol=2e-3)


def test_normals_of_a_tilted_square():
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1], [0, 1, 1]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    normals = np.empty_like(points)
    smooth_normals(points, triangles, 2, normals)
    np.testing.assert_allclose(normals, np.tile([0, -(0.5**0.5), 0.5**0.5], (4, 1)), atol=1e-6)
