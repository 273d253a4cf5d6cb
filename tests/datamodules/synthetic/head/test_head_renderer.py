"""Heads in pictures: deterministic, movable, and every action seen."""

from dataclasses import replace

import numpy as np
import pytest
from head_faces import motion

from datamodules.facial_actions import FACIAL_ACTIONS
from datamodules.synthetic.head.look.folds import ZONES, fold_depths
from datamodules.synthetic.head.look.hair import STYLES
from datamodules.synthetic.head.renderer import Motion, Stage, checked_motion, render, rotation
from datamodules.synthetic.head.sampling import sample_person

SIZE = 64


@pytest.fixture(scope="module")
def stage():
    person = sample_person(2)
    return Stage(replace(person, outfit=replace(person.outfit, glasses="none")), SIZE)


def draw(stage, faces):
    pictures = np.empty((len(faces.pose), 3, SIZE, SIZE), np.uint8)
    for at, geometry in enumerate(stage.place(faces.actions, faces.pose)):
        stage.draw(geometry, faces.actions[at], faces.pose[at], pictures[at])
    return pictures


def test_seed_decides_everything():
    faces = motion(
        {}, {"jawOpen": 0.7, "mouthSmile": 0.5}, pose=[[0] * 6, [0.2, 0.1, 0.05, 0.01, 0.02, 0.05]]
    )
    first, again = (render(sample_person(3, 0.5), faces, SIZE) for _ in range(2))
    assert first.shape == (2, 3, SIZE, SIZE)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert sample_person(3) == sample_person(3)
    assert sample_person(3) != sample_person(4)
    assert sample_person(3, 0.5).skin != sample_person(3).skin
    assert sample_person(3, 0.5).shape.gender == sample_person(3).shape.gender


def test_every_action_is_seen(stage):
    names = [name for name in FACIAL_ACTIONS if name != "tongueOut"]
    faces = [{name: 1.0} for name in names] + [{"tongueOut": 1.0, "jawOpen": 0.5}]
    shown = draw(stage, motion({}, {"jawOpen": 0.5}, *faces)).astype(int)
    still = np.abs(shown[2:-1] - shown[0]).max(1)
    weak = [name for name, change in zip(names, still, strict=True) if (change > 10).sum() < 6]
    # closing the lips of a closed mouth and opening an eye sideways show little at 64 pixels
    assert set(weak) <= {"mouthClose"}
    assert (np.abs(shown[-1] - shown[1]).max(0) > 10).sum() > 10


def test_equal_frames_do_not_flicker(stage):
    pictures = draw(stage, motion(*[{"mouthSmile": 0.4}] * 3, pose=[[0.1, 0.05, 0, 0, 0, 0]] * 3))
    assert (pictures == pictures[:1]).all()


def test_poses_turn_the_nose_as_they_say(stage):
    poses = [
        [0] * 6,
        [0.3, 0, 0, 0, 0, 0],
        [0, 0.3, 0, 0, 0, 0],
        [0, 0, 0.3, 0, 0, 0],
        [0, 0, 0, 0.1, 0.05, 0],
    ]
    screens = [g.screen / 2 for g in stage.place(*_tracks(motion(*[{}] * 5, pose=poses)))]
    template = stage.figure.rest[: stage.figure.own]
    nose = int(template[:, 2].argmax())
    assert screens[1][nose, 0] > screens[0][nose, 0] + 3
    assert screens[2][nose, 1] > screens[0][nose, 1] + 3
    head = stage.figure.follow[: stage.figure.own] == 1
    left = head & (template[:, 0] > 0.6)
    assert screens[3][: stage.figure.own][left, 1].mean() > screens[0][: stage.figure.own][left, 1].mean() + 1
    np.testing.assert_allclose(screens[4][nose, :2] - screens[0][nose, :2], [0.1 * SIZE, 0.05 * SIZE], atol=1)
    shoulders = stage.figure.follow == 0
    assert np.abs(screens[1][shoulders] - screens[0][shoulders]).max() == 0


def _tracks(faces):
    return faces.actions, faces.pose


def test_eyes_turn_where_they_look(stage):
    looks = motion({}, {"eyeLookOutLeft": 1, "eyeLookInRight": 1}, {"eyeLookUp": 1})
    still, side, up = (g.world for g in stage.place(*_tracks(looks)))
    from datamodules.synthetic.head.model import head_model

    ball = head_model().vertices_of("eye_left")
    pupil = ball[still[ball, 2].argmax()]
    assert side[pupil, 0] > still[pupil, 0] + 0.04
    assert up[pupil, 1] > still[pupil, 1] + 0.03


def test_rotations_are_rotations():
    turn = rotation(np.array([0.3, -0.2, 0.1]))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)


def test_folds_deepen_with_their_actions():
    depths = fold_depths(
        motion({}, {"browInnerUp": 1}, {"mouthSmileLeft": 0.5}, {"mouthSmileLeft": 1}).actions
    )
    names = list(ZONES)
    assert not depths[0].any()
    assert depths[1, names.index("forehead")] == 1
    assert 0 < depths[2, names.index("nasolabial_left")] < depths[3, names.index("nasolabial_left")]
    assert depths[3, names.index("nasolabial_right")] == 0


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_every_kind_of_hair_draws(style):
    person = sample_person(6)
    person = replace(person, hair=replace(person.hair, style=style, beard="full"))
    picture = render(person, motion({}), SIZE)
    assert picture.std() > 10


BAD = [
    ({"actions": np.zeros((1, 51))}, r"actions has shape \(1, 51\), expected \(F, 52\)"),
    ({"pose": np.zeros((2, 6))}, "actions of 1 frames and pose of 2"),
    ({"pose": np.full((1, 6), np.nan)}, "pose holds values that are not finite"),
    ({"actions": np.zeros((0, 52))}, "at least one frame"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_motions_are_refused(change, message):
    tracks = {"actions": np.zeros((1, 52)), "pose": np.zeros((1, 6)), **change}
    with pytest.raises(ValueError, match=message):
        checked_motion(Motion(**tracks))


def test_bad_sizes_and_seeds_are_refused():
    with pytest.raises(ValueError, match=r"size 32 is outside 64..512"):
        Stage(sample_person(1), 32)
    with pytest.raises(ValueError, match="seed -1 is negative"):
        sample_person(-1)
    with pytest.raises(ValueError, match=r"randomisation 1.5 is outside 0..1"):
        sample_person(1, 1.5)
