"""What is said of a frame holds in its pixels."""

from dataclasses import replace

import numpy as np
import pytest
from head_faces import motion
from scipy.ndimage import map_coordinates

from datamodules.head_motion import lip_opening
from datamodules.synthetic.head.sampling import sample_person
from datamodules.synthetic.head.truth import film, landmark_table

SIZE = 128


@pytest.fixture(scope="module")
def filmed():
    person = sample_person(2)
    person = replace(
        person,
        outfit=replace(person.outfit, glasses="none"),
        scene=replace(person.scene, noise=0.0, soft=0.0),
    )
    faces = [{}, {"mouthSmile": 1.0, "cheekSquint": 0.6}, {"jawOpen": 0.6}, {"browInnerUp": 0.8}]
    pose = [[0] * 6, [0.15, 0.05, 0.03, 0.01, 0.0, 0.03], [0] * 6, [-0.2, 0, 0, 0, 0, 0]]
    return film(person, motion(*faces, pose=pose), motion({}), SIZE)


def test_a_frame_like_the_portrait_has_no_flow(filmed):
    assert np.array_equal(filmed.frames[0], filmed.portrait)
    assert np.abs(filmed.flow[0]).max() < 2e-3
    assert filmed.seen[0].mean() > 0.97


@pytest.mark.parametrize("frame", [1, 2, 3])
def test_flow_warps_the_portrait_onto_the_frame(filmed, frame):
    own = np.arange(SIZE, dtype=float)
    columns = own[None] + filmed.flow[frame, 0]
    rows = own[:, None] + filmed.flow[frame, 1]
    face = filmed.seen[frame] & (filmed.depth[frame] > 0)
    before = np.abs(filmed.portrait.astype(float) - filmed.frames[frame]).mean(0)
    warped = np.stack(
        [map_coordinates(c.astype(float), [rows, columns], order=1, mode="nearest") for c in filmed.portrait]
    )
    after = np.abs(warped - filmed.frames[frame]).mean(0)
    moved = face & (np.hypot(*filmed.flow[frame]) > 1)
    assert moved.sum() > 100
    assert after[moved].mean() < 0.6 * before[moved].mean()
    assert np.median(after[face]) < 6


def test_an_opened_mouth_was_not_seen(filmed):
    inside = filmed.points[2, [13, 14]].mean(0).round().astype(int)
    assert not filmed.seen[2, inside[1], inside[0]]
    assert filmed.mouth_mask[2, inside[1], inside[0]]
    assert filmed.depth[2, inside[1], inside[0]] > filmed.depth[2].max() * 0 + 1


def test_points_lie_where_faces_have_them(filmed):
    points = filmed.points[0]
    assert points.shape == (478, 2)
    eyes, mouth, chin = points[[33, 133, 362, 263]].mean(0), points[[61, 291]].mean(0), points[152]
    assert eyes[1] < points[4][1] < mouth[1] < chin[1] < SIZE
    assert points[33][0] < points[133][0] < points[362][0] < points[263][0]
    assert eyes[1] / SIZE == pytest.approx(0.42, abs=0.05)
    table = landmark_table()
    np.testing.assert_allclose(table.weights.sum(1), 1, atol=1e-5)
    assert table.weights.min() >= 0


def test_points_move_with_the_face(filmed):
    import torch

    still, smile, open_, brows = filmed.points
    assert smile[291][0] - smile[61][0] > 1.05 * (still[291][0] - still[61][0])
    opening = lip_opening(torch.from_numpy(filmed.landmarks))
    assert opening[2] > 0.2 > 0.05 > opening[0]
    assert (open_[152] - still[152])[1] > 5
    assert (brows[9] - brows[4])[1] < (still[9] - still[4])[1]


def test_the_mask_covers_the_lips(filmed):
    for mask, points in zip(filmed.mouth_mask, filmed.landmarks[:, 48:68].round().astype(int), strict=True):
        assert mask[points[:, 1], points[:, 0]].mean() > 0.9
        assert mask.mean() < 0.12
