"""From controls to actions: emotions, speech, gaze, in one person's way."""

import numpy as np
import pytest
import torch

from datamodules.batch import ACTION_UNITS, EMOTIONS
from datamodules.facial_actions import ACTION
from datamodules.synthetic.face.controls import Controls
from datamodules.synthetic.head.acting.motion import motion_of, truth_units
from datamodules.synthetic.head.acting.random_faces import random_actions
from datamodules.synthetic.head.renderer import Stage
from datamodules.synthetic.head.sampling import sample_person
from datamodules.synthetic.head.truth import mesh_points
from datamodules.synthetic.performance import perform, portrait

PERSON = sample_person(5)


def controls(frames=1, units=None, lips=(0, 0, 0), gaze=(0, 0), closure=0.0):
    track = np.zeros((frames, len(ACTION_UNITS)), np.float32)
    for unit, amount in (units or {}).items():
        track[:, ACTION_UNITS.index(unit)] = amount
    rows = (np.tile(np.array(v, np.float32), (frames, 1)) for v in (lips, gaze))
    lips, gaze = rows
    return Controls(
        track, lips, gaze, np.full(frames, closure, np.float32), np.zeros((frames, 6), np.float32)
    )


def value(motion, name):
    return float(motion.actions[0, ACTION[name]])


def test_both_sides_act_but_not_quite_alike():
    smile = motion_of(PERSON, controls(units={12: 0.8}))
    left, right = value(smile, "mouthSmileLeft"), value(smile, "mouthSmileRight")
    assert min(left, right) > 0.45
    assert left != right
    assert left == pytest.approx(right, rel=0.4)


def test_pressed_lips_close_over_a_dropped_jaw():
    said = motion_of(PERSON, controls(units={26: 0.5}, lips=(0, 0, 1)))
    assert value(said, "mouthClose") == pytest.approx(value(said, "jawOpen"), rel=1e-3)
    assert truth_units(said)[0, ACTION_UNITS.index(25)] < 0.8
    assert value(motion_of(PERSON, controls(lips=(1, 0, 0))), "mouthPucker") > 0.5


def test_gaze_turns_both_eyes_the_same_way():
    look = motion_of(PERSON, controls(gaze=(0.7, -0.4)))
    assert value(look, "eyeLookOutLeft") == pytest.approx(0.7)
    assert value(look, "eyeLookInRight") == pytest.approx(0.7)
    assert value(look, "eyeLookInLeft") == value(look, "eyeLookDownLeft") == 0
    assert value(look, "eyeLookUpRight") == pytest.approx(0.4)


def test_a_blink_closes_wide_eyes():
    blink = motion_of(PERSON, controls(units={5: 1.0}, closure=1.0))
    assert value(blink, "eyeBlinkLeft") == 1
    assert value(blink, "eyeWideLeft") == 0


def test_a_performance_moves_all_that_it_should():
    blend = np.eye(len(EMOTIONS), dtype=np.float32)[EMOTIONS.index("happy")]
    played = perform(blend, 40, np.random.default_rng(1))
    motion = motion_of(PERSON, played.controls)
    assert motion.actions.shape == (40, 52)
    assert np.array_equal(motion.actions, motion_of(PERSON, played.controls).actions)
    jaw = motion.actions[:, ACTION["jawOpen"]]
    assert np.corrcoef(jaw, played.utterance.opening)[0, 1] > 0.5
    assert truth_units(motion)[:, ACTION_UNITS.index(12)].mean() > 0.5


# per cent of the distance between the outer eye corners, as `movements` of real actors is stated
WANTED = {"happy": 6.0, "surprise": 6.0, "fear": 2.5}


@pytest.mark.parametrize("emotion", WANTED)
def test_emotions_are_acted_strongly(emotion):
    stage = Stage(PERSON, 64)
    moved = []
    for blend in (np.zeros(6), np.eye(6)[EMOTIONS.index(emotion)]):
        motion = motion_of(PERSON, portrait(blend, np.random.default_rng(8)))
        p = mesh_points(stage.place(motion.actions, motion.pose * 0)[0], 128)
        unit = 0.01 * np.linalg.norm(p[263] - p[33])
        eyes = p[[33, 133, 362, 263], 1].mean()
        moved.append(
            {
                "happy": (p[2, 1] - p[[61, 291], 1].mean() + p[291, 0] - p[61, 0]) / 2 / unit,
                "fear": (p[[145, 374], 1] - p[[159, 386], 1]).mean() / unit
                + (eyes - p[[55, 285], 1].mean()) / unit,
                "surprise": (p[14, 1] - p[13, 1]) / unit,
            }[emotion]
        )
    assert moved[1] - moved[0] > WANTED[emotion]


def test_random_faces_use_every_action_and_stay_in_range():
    faces = random_actions(np.random.default_rng(0), 400)
    assert faces.min() == 0
    assert faces.max() <= 1
    used = (faces > 0).mean(0)
    assert used.min() > 0.005, [name for name, share in zip(ACTION, used, strict=True) if share < 0.005]
    assert not (faces[:, ACTION["jawLeft"]] * faces[:, ACTION["jawRight"]]).any()
    assert torch.from_numpy(faces).isfinite().all()
