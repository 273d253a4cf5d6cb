"""Putting frames together: a still face is the portrait, points go where they are told, eyes are covered."""

import numpy as np
import pytest
import torch

from datamodules.face_space.mesh import ATLAS, EYE_RINGS, face_mesh
from lightning_modules.video.canvas import turn_points
from lightning_modules.video.face_warp import FaceWarp, inside_outline
from lightning_modules.video.warp_kernels import place_triangles

SIDE = 128
KEEP, NOTHING = np.ones((ATLAS, ATLAS), np.float32), np.zeros((ATLAS, ATLAS, 3), np.float32)


def points(scale: float = 36.0) -> np.ndarray:
    return (face_mesh().rest[:, :2].numpy() * scale + [64, 54]).astype(np.float32)


def ramp() -> np.ndarray:
    """A picture whose red tells the column and whose green tells the row."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.stack([x, y, np.full_like(x, 200)], -1).astype(np.uint8)


def test_a_face_that_does_not_move_is_the_portrait() -> None:
    warp = FaceWarp(ramp(), points())
    again = warp.frame(warp.around.vertices, KEEP, NOTHING)
    assert np.abs(again.astype(int) - ramp()).max() <= 1


def test_skin_goes_with_its_points() -> None:
    warp = FaceWarp(ramp(), points())
    moved = warp.around.vertices.copy()
    moved[:478] += [3.0, -2.0]
    frame = warp.frame(moved, KEEP, NOTHING).astype(int)
    nose = np.round(moved[1]).astype(int)
    assert abs(frame[nose[1], nose[0], 0] - (nose[0] - 3)) <= 1
    assert abs(frame[nose[1], nose[0], 1] - (nose[1] + 2)) <= 1
    assert (frame[0] == ramp()[0]).all()  # the border stays


def test_a_closing_eye_is_covered_and_not_squeezed() -> None:
    warp = FaceWarp(ramp(), points())
    moved = warp.around.vertices.copy()
    for upper, lower in ((159, 145), (158, 153), (160, 144)):
        moved[upper] += 0.7 * (moved[lower] - moved[upper])
    frame = warp.frame(moved, KEEP, NOTHING).astype(int)
    middle = np.round((moved[159] + moved[145]) / 2).astype(int)
    shown = frame[middle[1], middle[0], 1]
    assert abs(shown - middle[1]) <= 1  # the same row of the eye as before, not one from its middle


@pytest.mark.parametrize("closure", [1.0, 1.3])
def test_nothing_of_an_eye_shows_between_lids_that_have_met_or_crossed(closure: float) -> None:
    picture = np.full((SIDE, SIDE, 3), 90, np.uint8)
    face, rings = points(), [np.array(ring) for ring in EYE_RINGS]
    warp = FaceWarp(picture, face)
    for ring in rings:  # the eyes alone are white
        inside = inside_outline(np.stack(np.meshgrid(*[np.arange(SIDE)] * 2), -1).reshape(-1, 2), face[ring])
        warp.picture[inside.reshape(SIDE, SIDE)] = 255
    open_frame = warp.frame(warp.around.vertices, KEEP, NOTHING)
    moved = warp.around.vertices.copy()
    for ring in rings:
        for upper, lower in zip(ring[9:], ring[7:0:-1], strict=True):
            moved[upper] += closure * (moved[lower] - moved[upper])
    shut_frame = warp.frame(moved, KEEP, NOTHING)
    assert (open_frame > 200).sum() > 60
    assert (shut_frame > 200).sum() < 0.2 * (open_frame > 200).sum()


def test_a_dented_outline_has_an_inside_and_an_outside() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [5, 4], [0, 10]], np.float32)
    places = np.array([[2, 2], [5, 8], [9, 8], [11, 5]], np.float32)
    assert inside_outline(places, square).tolist() == [True, False, True, False]


def test_a_turned_outline_leaves_no_hole() -> None:
    face = points()
    face[[127, 234, 93], 0] += 9  # a cheek that lies behind its neighbours' line
    warp = FaceWarp(ramp(), face)
    moved = warp.around.vertices + np.float32([2.0, 0.0])
    source = np.full((SIDE, SIDE, 4), np.nan, np.float32)
    place_triangles(moved, warp.around.vertices, warp.around.places, warp.around.triangles, source)
    assert np.isfinite(source[64:95, 28:100]).all()  # below the eyes, which are drawn apart


def test_what_is_painted_is_added_where_nothing_is_kept() -> None:
    warp = FaceWarp(ramp(), points())
    keep = np.zeros_like(KEEP)
    painted = np.full((ATLAS, ATLAS, 3), 77, np.float32)
    frame = warp.frame(warp.around.vertices, keep, painted)
    nose = np.round(points()[1]).astype(int)
    assert (frame[nose[1], nose[0]] == 77).all()
    eye = points()[list(EYE_RINGS[0])].mean(0).round().astype(int)
    assert frame[eye[1], eye[0], 2] == 200  # eyes are the portrait's own


def test_a_head_turns_until_its_nose_is_where_told() -> None:
    rest = face_mesh().rest
    motion = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.1, -0.05, 0.0]])
    turned = turn_points(rest[None, :, :2], rest[:, 2], motion)[0]
    pupils = (rest[473] - rest[468])[:2].norm()
    went = (turned[4] - rest[4, :2]) / pupils
    eyes = (turned[[468, 473]].mean(0) - rest[[468, 473], :2].mean(0)) / pupils
    assert abs(float(went[0] - eyes[0]) - 0.1) < 0.03
    assert abs(float(went[1] - eyes[1]) + 0.05) < 0.03


def test_no_motion_leaves_the_points() -> None:
    rest = face_mesh().rest
    same = turn_points(rest[None, :, :2], rest[:, 2], torch.zeros(1, 7))
    torch.testing.assert_close(same[0], rest[:, :2])
