"""The procedural face: exact, deterministic, and every action unit visible."""

import numpy as np
import pytest
import torch

from datamodules.batch import ACTION_UNITS
from datamodules.head_motion import eye_opening, head_motion, lip_opening
from datamodules.synthetic.face.controls import Controls
from datamodules.synthetic.face.identity_sampling import sample_identity
from datamodules.synthetic.face.renderer import Rendering, render

PERSON = sample_identity(7)


def rest(frames: int = 1) -> Controls:
    shapes = ((frames, 15), (frames, 3), (frames, 2), (frames,), (frames, 6))
    return Controls(*(np.zeros(shape, np.float32) for shape in shapes))


def unit_ramp(unit: int, levels: tuple[float, ...] = (0.0, 0.5, 1.0)) -> Controls:
    controls = rest(len(levels))
    controls.action_units[:, ACTION_UNITS.index(unit)] = levels
    return controls


# What each unit does to the landmarks: a measure that must grow with its intensity.
def _y(points: list[int]):
    return lambda r: r.landmarks[:, points, 1].mean(1)


def _width(a: int, b: int):
    return lambda r: r.landmarks[:, b, 0] - r.landmarks[:, a, 0]


def _up(points: list[int]):
    return lambda r: -r.landmarks[:, points, 1].mean(1)


def _lid_narrowing(r: Rendering) -> torch.Tensor:
    return -eye_opening(r.landmarks)


def _lips_thickness(r: Rendering) -> torch.Tensor:
    y = r.landmarks[:, :, 1]
    return (y[:, 62] - y[:, 51]) + (y[:, 57] - y[:, 66])


MEASURES = {
    1: _up([21, 22]),
    2: _up([17, 26]),
    4: _y([20, 21, 22, 23]),
    5: lambda r: eye_opening(r.landmarks),
    6: _up([40, 41, 46, 47]),
    7: _lid_narrowing,
    9: _up([30, 31, 35]),
    10: _up([50, 51, 52]),
    12: _up([48, 54]),
    15: _y([48, 54]),
    17: _up([57]),
    20: _width(48, 54),
    23: lambda r: -_lips_thickness(r),
    25: lambda r: lip_opening(r.landmarks),
    26: _y([7, 8, 9]),
}


@pytest.mark.parametrize("unit", ACTION_UNITS)
@pytest.mark.parametrize("wild", [0.0, 1.0])
def test_each_action_unit_is_seen_and_measured(unit: int, wild: float) -> None:
    person = sample_identity(11, wild)
    shown = render(person, unit_ramp(unit))
    measure = MEASURES[unit](shown)
    assert measure[0] + 1e-4 < measure[1] < measure[2] - 1e-4
    picture = shown.frames.float()
    half, full = ((picture[i] - picture[0]).abs().sum() for i in (1, 2))
    assert full > half > 0
    assert ((picture[2] - picture[0]).abs().amax(0) > 12).sum() >= 20


def test_shapes_and_types() -> None:
    shown = render(PERSON, rest(3), 96)
    assert shown.frames.shape == (3, 3, 96, 96)
    assert shown.frames.dtype == torch.uint8
    assert shown.landmarks.shape == (3, 68, 2)
    assert shown.landmarks.dtype == torch.float32
    assert shown.mouth_mask.shape == (3, 96, 96)
    assert shown.mouth_mask.dtype == torch.bool


@pytest.mark.parametrize("size", [64, 160])
def test_geometry_does_not_depend_on_the_size(size: int) -> None:
    here, there = render(PERSON, rest(), size).landmarks, render(PERSON, rest(), 128).landmarks
    torch.testing.assert_close((here + 0.5) / size, (there + 0.5) / 128, atol=5e-4, rtol=0)


def test_seed_decides_everything() -> None:
    controls = unit_ramp(12)
    first, again = (render(sample_identity(3, 0.6), controls) for _ in range(2))
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.landmarks, again.landmarks)
    assert not torch.equal(first.frames, render(sample_identity(4, 0.6), controls).frames)
    assert sample_identity(3) == sample_identity(3)
    assert sample_identity(3).shape != sample_identity(4).shape


def test_tensors_and_arrays_draw_the_same() -> None:
    arrays = unit_ramp(26)
    tensors = Controls(*(torch.from_numpy(getattr(arrays, name)) for name in arrays.__dataclass_fields__))
    assert torch.equal(render(PERSON, arrays).frames, render(PERSON, tensors).frames)


@pytest.mark.parametrize("wild", [0.0, 0.7])
def test_constant_controls_do_not_flicker(wild: float) -> None:
    controls = rest(11)
    controls.action_units += 0.3
    controls.pose += 0.07
    shown = render(sample_identity(5, wild), controls)
    assert (shown.frames == shown.frames[:1]).all()
    assert (shown.landmarks == shown.landmarks[:1]).all()
    assert (shown.mouth_mask == shown.mouth_mask[:1]).all()


def test_motion_is_smooth_below_a_pixel() -> None:
    controls = rest(5)
    controls.pose[:, 3] = np.linspace(0, 1 / 128, 5)
    picture = render(PERSON, controls).frames.float()
    steps = (picture[1:] - picture[:-1]).abs().mean((1, 2, 3))
    assert steps.max() < 2 * steps.min()


@pytest.mark.parametrize("wild", [0.0, 1.0])
def test_landmarks_stay_inside_the_picture(wild: float) -> None:
    generator = np.random.default_rng(0)
    for seed in range(3):
        controls = rest(8)
        controls.action_units[:] = generator.uniform(0, 1, (8, 15))
        controls.pose[:, :3] = generator.uniform(-0.3, 0.3, (8, 3))
        controls.pose[:, 3:5] = generator.uniform(-0.03, 0.03, (8, 2))
        shown = render(sample_identity(seed, wild), controls)
        assert shown.landmarks.min() > 0
        assert shown.landmarks.max() < 127


def test_eye_closure_closes_the_lids() -> None:
    controls = rest(4)
    controls.eye_closure[:] = (0, 0.4, 0.8, 1)
    opening = eye_opening(render(PERSON, controls).landmarks)
    assert (opening.diff() < 0).all()
    assert opening[-1] < 0.05 < 0.2 < opening[0]


def test_gaze_moves_the_iris() -> None:
    person = sample_identity(0)
    controls = rest(2)
    controls.gaze[:, 0] = (-1, 1)
    shown = render(person, controls, 256)
    points = shown.landmarks[0, 42:48]
    (left, top), (right, bottom) = points.amin(0).int(), points.amax(0).int()
    dark = (255 - shown.frames[:, :, top:bottom, left:right].float()).mean(1) ** 3
    columns = torch.arange(dark.shape[-1])
    centre = (dark.sum(1) * columns).sum(-1) / dark.sum((1, 2))
    assert centre[1] > centre[0] + 2


POSES = [
    ("shift_x", 3, 0.1, 0),
    ("shift_y", 4, 0.1, 1),
    ("log_scale", 5, 0.1, 2),
    ("roll", 2, 0.2, 3),
    ("yaw", 0, 0.3, 4),
    ("pitch", 1, 0.3, 5),
]


@pytest.mark.parametrize(("name", "column", "amount", "seen"), POSES, ids=[p[0] for p in POSES])
def test_pose_moves_the_face(name: str, column: int, amount: float, seen: int) -> None:
    controls = rest(3)
    controls.pose[:, column] = (-amount, 0, amount)
    shown = render(PERSON, controls)
    motion = head_motion(shown.landmarks, shown.landmarks[1])[:, seen]
    assert motion[0] < -0.02
    assert motion[2] > 0.02
    if name == "roll":
        torch.testing.assert_close(motion, torch.tensor([-amount, 0, amount]), atol=0.01, rtol=0)


def test_lips_round_spread_and_press() -> None:
    controls = rest(4)
    controls.action_units[:, ACTION_UNITS.index(25)] = 0.8
    controls.lips[1:] = np.eye(3)
    landmarks = render(PERSON, controls).landmarks
    width = landmarks[:, 54, 0] - landmarks[:, 48, 0]
    assert width[1] < width[0] - 3
    assert width[2] > width[0] + 1
    assert lip_opening(landmarks)[3] < 0.01 < 0.05 < lip_opening(landmarks)[0]


@pytest.mark.parametrize("wild", [0.0, 0.5, 1.0])
def test_the_drawn_mouth_lies_where_the_landmarks_say(wild: float) -> None:
    controls = rest(2)
    controls.action_units[1, [ACTION_UNITS.index(25), ACTION_UNITS.index(26)]] = 1
    controls.pose[:] = (0.2, 0.1, 0.15, 0.02, 0.01, 0.05)
    shown = render(sample_identity(21, wild), controls, 256)
    change = (shown.frames[1].float() - shown.frames[0].float()).abs().mean(0)
    inner = shown.landmarks[1, 60:68]
    (left, top), (right, bottom) = inner.amin(0).round().int(), inner.amax(0).round().int()
    inside = change[top + 3 : bottom - 3, left + 14 : right - 14].mean()
    brows = shown.landmarks[0, 17:27].amin(0).round().int()
    outside = change[: brows[1] - 4].mean()
    assert inside > 10 * outside.clamp(min=0.2)


def test_mouth_mask_covers_the_lips() -> None:
    controls = rest(3)
    controls.action_units[1, [ACTION_UNITS.index(25), ACTION_UNITS.index(26)]] = 1
    controls.pose[2] = (0.3, 0.2, 0.3, 0.05, 0.0, -0.1)
    shown = render(PERSON, controls)
    for mask, points in zip(shown.mouth_mask, shown.landmarks[:, 48:68].round().long(), strict=True):
        assert mask[points[:, 1], points[:, 0]].all()
        assert mask.float().mean() < 0.15


@pytest.mark.slow
def test_two_hundred_people_differ() -> None:
    pictures = torch.cat([render(sample_identity(seed), rest(), 64).frames for seed in range(200)]).float()
    small = torch.nn.functional.avg_pool2d(pictures, 4).flatten(1)
    distance = torch.cdist(small, small) / small.shape[1] ** 0.5
    distance.fill_diagonal_(1e3)
    assert distance.min() > 6


def test_randomisation_widens_the_look() -> None:
    tame, wild = (
        torch.cat([render(sample_identity(seed, r), rest(), 64).frames for seed in range(8)]).float()
        for r in (0.0, 1.0)
    )
    assert wild.std(0).mean() > 1.1 * tame.std(0).mean()


BAD = [
    ({"action_units": np.zeros((2, 14))}, r"action_units has shape \(2, 14\), expected \(2, 15\)"),
    ({"lips": np.zeros((1, 3))}, r"lips has shape \(1, 3\), expected \(2, 3\)"),
    ({"eye_closure": np.zeros((2, 1))}, "eye_closure has shape"),
    ({"eye_closure": np.zeros(0)}, "at least one frame"),
    ({"pose": np.full((2, 6), np.nan)}, "pose holds values that are not finite"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_controls_are_refused(change: dict, message: str) -> None:
    controls = rest(2)
    for name, value in change.items():
        setattr(controls, name, value)
    with pytest.raises(ValueError, match=message) as caught:
        render(PERSON, controls)
    assert "\n" not in str(caught.value)


def test_bad_sizes_and_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"size 32 is outside 64..512"):
        render(PERSON, rest(), 32)
    with pytest.raises(ValueError, match="seed -1 is negative"):
        sample_identity(-1)
    with pytest.raises(ValueError, match=r"randomisation 1.5 is outside 0..1"):
        sample_identity(1, 1.5)
