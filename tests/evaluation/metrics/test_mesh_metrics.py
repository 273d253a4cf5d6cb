"""Lids, lips and brows of MediaPipe's mesh, and lips against loudness: counted by hand, and by NumPy."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from judges import PROTOCOL, painted
from torch import Tensor

from datamodules.batch import SAMPLES_PER_FRAME
from datamodules.head_motion import MESH_TO_IBUG
from evaluation.clips.pair import Pair
from evaluation.evaluate import evaluate_pairs
from evaluation.metrics import METRICS
from evaluation.metrics.motion.face_dynamics import lip_dynamics
from evaluation.metrics.motion.mesh_dynamics import (
    INNER_LIP,
    LEFT_BROW,
    LEFT_EYE,
    OUTER_LIP,
    RIGHT_BROW,
    RIGHT_EYE,
    MeshBlinkLength,
    MeshBlinkRate,
    MeshBrowDynamics,
    MeshLipDynamics,
)
from evaluation.metrics.sync.lip_loudness import (
    LOWER_LIP,
    UPPER_LIP,
    LipLoudness,
    SilentLips,
    frame_loudness,
    lip_loudness,
    silent_frames,
    silent_lips,
    speech_frames,
)
from evaluation.protocol import load_protocol

EYES = {33: 0.0, 133: 20.0, 362: 80.0, 263: 100.0}  # x of the corners: centres 80 apart, outer ones 100


def mesh(opening_F: Tensor) -> Tensor:
    """A mesh (F, 478, 2) whose lips are that many pixels apart."""
    points = torch.zeros(len(opening_F), 478, 2)
    for index, x in EYES.items():
        points[:, index, 0] = x
    points[:, list(LOWER_LIP), 1] = 50 + opening_F[:, None]
    points[:, list(UPPER_LIP), 1] = 50.0
    return points


def moving(frames: int = 12, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.rand(1, 478, 2, generator=g) * 200 + torch.rand(frames, 478, 2, generator=g) * 9


def test_the_points_are_those_of_mediapipe_s_contours():
    contours = (OUTER_LIP, INNER_LIP, RIGHT_BROW, LEFT_BROW, RIGHT_EYE, LEFT_EYE)
    assert [len(set(contour)) for contour in contours] == [20, 20, 10, 10, 16, 16]
    assert len({index for contour in contours for index in contour}) == 92
    assert set(MESH_TO_IBUG[48:60]) <= set(OUTER_LIP)
    assert set(MESH_TO_IBUG[60:]) <= set(INNER_LIP)
    assert set(MESH_TO_IBUG[17:22]) <= set(RIGHT_BROW)
    assert set(MESH_TO_IBUG[22:27]) <= set(LEFT_BROW)
    assert set(MESH_TO_IBUG[36:42]) <= set(RIGHT_EYE)
    assert set(MESH_TO_IBUG[42:48]) <= set(LEFT_EYE)
    assert {*UPPER_LIP, *LOWER_LIP} <= set(INNER_LIP)


@pytest.mark.mediapipe
def test_mediapipe_names_the_same_points():
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    known = vision.FaceLandmarksConnections
    for contour, edges in (
        (OUTER_LIP + INNER_LIP, known.FACE_LANDMARKS_LIPS),
        (RIGHT_BROW, known.FACE_LANDMARKS_RIGHT_EYEBROW),
        (LEFT_BROW, known.FACE_LANDMARKS_LEFT_EYEBROW),
        (RIGHT_EYE, known.FACE_LANDMARKS_RIGHT_EYE),
        (LEFT_EYE, known.FACE_LANDMARKS_LEFT_EYE),
    ):
        assert set(contour) == {end for edge in edges for end in (edge.start, edge.end)}


def test_lips_and_brows_as_numpy_has_them():
    points = moving().double()
    x = points.numpy()
    outer = np.linalg.norm(x[:, 33] - x[:, 263], axis=-1)
    lips = x[:, sorted({*OUTER_LIP, *INNER_LIP})]
    pairs = [np.linalg.norm(lips[:, i] - lips[:, j], axis=-1) / outer for i, j in combinations(range(40), 2)]
    assert MeshLipDynamics().dynamics(points).item() == pytest.approx(np.var(pairs, axis=1).mean(), rel=1e-10)
    eyes = [x[:, list(eye)].mean(1) for eye in (RIGHT_EYE, LEFT_EYE)]
    between = np.linalg.norm(eyes[0] - eyes[1], axis=-1)
    heights = [
        np.linalg.norm(x[:, list(brow)].mean(1) - eye, axis=-1) / between
        for brow, eye in zip((RIGHT_BROW, LEFT_BROW), eyes, strict=True)
    ]
    wanted = np.abs(np.diff(heights, axis=1)).mean()
    assert MeshBrowDynamics().dynamics(points).item() == pytest.approx(wanted, rel=1e-10)
    assert MeshLipDynamics().dynamics(points) != lip_dynamics(points[:, list(MESH_TO_IBUG)])


@pytest.mark.parametrize("kind", [MeshLipDynamics, MeshBrowDynamics])
def test_a_missing_face_is_left_out_and_still_lips_are_stiff(kind):
    true = moving()
    metric = kind()
    metric.update(true, true)
    assert metric.compute().item() == 1
    metric.update(torch.full_like(true, torch.nan), true)
    assert metric.compute().item() == 1
    still = kind()
    still.update(true[:1].expand_as(true), true)
    assert still.compute().item() == pytest.approx(0, abs=1e-9)


def test_blinks_are_counted_in_the_mesh():
    points = moving(1).expand(50, -1, -1).clone()
    right, left = ([MESH_TO_IBUG[i] for i in eye] for eye in (range(36, 42), range(42, 48)))
    for corner, *lids in (right, left):
        upper, outer, lower = lids[:2], lids[2], lids[3:]
        points[:, [corner, outer]] = torch.tensor([[0.0, 10.0], [30.0, 10.0]])
        points[:, upper] = torch.tensor([[10.0, 5.0], [20.0, 5.0]])
        points[:, lower] = torch.tensor([[20.0, 15.0], [10.0, 15.0]])
    closed = points.clone()
    for eye in (right, left):
        closed[20:25, [*eye[1:3], *eye[4:]], 1] = 10.0
    rate, length = MeshBlinkRate(), MeshBlinkLength()
    for metric in (rate, length):
        metric.update(closed, closed)
    assert rate.compute() == length.compute() == 0
    rate.reset()
    rate.update(closed, points)
    assert rate.compute().item() == pytest.approx(30)  # one in two seconds
    assert rate.details(rate.sums) == {"blinks_generated": 1, "blinks_true": 0}


def test_loudness_is_that_of_each_frame():
    sound = torch.cat([torch.full((SAMPLES_PER_FRAME,), 0.5), torch.zeros(SAMPLES_PER_FRAME), torch.ones(99)])
    assert frame_loudness(sound).tolist() == [0.5, 0.0]


def test_speech_and_pauses():
    loud = torch.tensor([1.0] * 10 + [0.01] * 7 + [1.0] * 3 + [0.01] * 8 + [0.2] * 2)
    assert speech_frames(loud).tolist() == [x > 0.05 for x in loud.tolist()]
    assert silent_frames(loud).nonzero()[:, 0].tolist() == list(range(20, 28))  # seven frames are no pause
    assert not speech_frames(torch.zeros(9)).any()
    assert silent_frames(torch.zeros(9)).all()
    assert silent_frames(torch.zeros(0)).shape == speech_frames(torch.zeros(0)).shape == (0,)


def test_lips_that_follow_the_loudness_differ_by_nothing():
    loud = torch.tensor([0.2, 1.0, 0.6, 0.2, 0.4, 1.0, 0.8, 0.2])
    assert lip_loudness(mesh(10 * loud), loud).item() == pytest.approx(0, abs=1e-6)
    assert lip_loudness(mesh(3 * loud + 7), loud).item() == pytest.approx(0, abs=1e-6)
    level = (loud - 0.2) / 0.8
    wanted = (1 - 2 * level).abs().mean().item()
    assert lip_loudness(mesh(10 - 5 * loud), loud).item() == pytest.approx(wanted, abs=1e-5)
    late = lip_loudness(mesh(10 * loud.roll(2)), loud)
    assert late > 0.2
    quiet = torch.cat([loud, torch.full((100,), 1e-4)])
    assert lip_loudness(mesh(torch.ones(108)), quiet).isnan()  # too little speech
    faceless = mesh(10 * loud)
    faceless[:7] = torch.nan
    assert lip_loudness(faceless, loud).isnan()


def test_lips_in_silence():
    loud = torch.tensor([1.0] * 10 + [0.0] * 8)
    opening = torch.tensor([9.0] * 10 + [2.0, 4.0] * 4)
    assert silent_lips(mesh(opening), loud).item() == pytest.approx(0.01)  # one pixel of 100
    assert silent_lips(mesh(torch.full((18,), 3.0)), loud) == 0
    assert silent_lips(mesh(opening), torch.ones(18)).isnan()
    metric = SilentLips()
    metric.update(mesh(opening), loud)
    metric.update(mesh(opening), torch.ones(18))  # nobody is ever silent
    assert metric.compute().item() == pytest.approx(0.01)
    assert metric.details(metric.sums) == {"clips_scored": 1}


def test_the_sound_of_the_true_clip_is_heard_without_a_network():
    class Mesh:
        name, published, fingerprint, provides = "mesh", True, "e" * 64, ("mesh_478",)

        def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
            return {"mesh_478": mesh(torch.tensor([2.0, 4.0, 6.0, 2.0]))}

    asked = replace(load_protocol(PROTOCOL), metrics=("lip_loudness",), extractors={})
    sample = painted(0)
    level = torch.tensor([0.1, 0.2, 0.3, 0.1]).repeat_interleave(SAMPLES_PER_FRAME)
    silent = {name: value for name, value in sample.items() if name != "waveform"}
    heard = evaluate_pairs(
        [
            Pair("a", "a", sample["frames"], sample | {"waveform": level}),
            Pair("b", "b", sample["frames"], silent),
        ],
        asked,
        extractors=[Mesh()],
    )
    assert heard.rows[0].values["lip_loudness"] == pytest.approx(0, abs=1e-6)
    assert not heard.rows[1].problem
    assert heard.rows[1].values.get("lip_loudness") is None


@pytest.mark.parametrize("kind", [LipLoudness, SilentLips])
def test_nothing_seen_is_no_number(kind):
    metric = kind()
    metric.update(torch.full((9, 478, 2), torch.nan), torch.ones(9))
    assert math.isnan(metric.compute().item())
    assert METRICS[kind.name] is kind
