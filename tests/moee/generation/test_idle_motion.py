import pytest
import torch

from datamodules.batch import HEAD_MOTION
from moee.generation.idle_motion import Manner, NaturalMotion, blink_curve, still_motion

BLINK = HEAD_MOTION.index("eye_closure")


def whole_motion(sound_S: torch.Tensor, seed: int = 0, strength: float = 1.0) -> torch.Tensor:
    """The motion (F, 7) of a recording in one go."""
    return NaturalMotion(seed, strength)(0, sound_S)


def bursts(seconds: float = 12.0) -> torch.Tensor:
    """Half a second of loud hum in each second."""
    time_S = torch.arange(round(seconds * 16_000)) / 16_000
    return 0.3 * torch.sin(2 * torch.pi * 150 * time_S) * (time_S % 1 < 0.5)


@pytest.mark.parametrize("chunk", [1, 4, 14, 99])
def test_the_chunks_do_not_matter(chunk: int) -> None:
    sound_S = bursts()[:-300]  # the last frame is not full
    motion, parts = NaturalMotion(seed=3), []
    for start in range(0, 300, chunk):
        parts.append(motion(start, sound_S[start * 640 : (start + chunk) * 640]))
    assert torch.equal(torch.cat(parts), whole_motion(sound_S, seed=3))


def test_seeds_differ_and_repeat() -> None:
    sound_S = bursts(4)
    assert torch.equal(whole_motion(sound_S, 1), whole_motion(sound_S, 1))
    assert not torch.allclose(whole_motion(sound_S, 1), whole_motion(sound_S, 2))


def test_it_begins_as_the_portrait_and_moves_little_and_smoothly() -> None:
    for seed in range(5):
        motion_FM = whole_motion(bursts(30), seed)
        head_FM = motion_FM[:, :BLINK]
        assert not motion_FM[0].any()
        assert head_FM.abs().max() < 0.15
        assert head_FM.diff(dim=0).abs().max() < 0.02
        assert head_FM.diff(n=2, dim=0).abs().max() < 0.006
        assert motion_FM[:, 4].std() > 0.005


def test_silence_is_calmer_than_speech() -> None:
    quiet, loud = whole_motion(torch.zeros(16_000 * 20), 0), whole_motion(bursts(20), 0)
    assert quiet[:, :BLINK].diff(dim=0).abs().mean() < 0.6 * loud[:, :BLINK].diff(dim=0).abs().mean()


def test_accents_make_the_head_nod() -> None:
    with_bursts, without = whole_motion(bursts(20), 0), whole_motion(torch.zeros(16_000 * 20), 0)
    pitch = (with_bursts - without)[100:, HEAD_MOTION.index("pitch")]
    beat = torch.stack([pitch[second * 25 : second * 25 + 25] for second in range(16)]).mean(0)
    assert beat[3:15].mean() > beat[18:].mean()


def test_blinks_come_every_two_to_six_seconds_and_close_the_eyes() -> None:
    closure_F = whole_motion(torch.zeros(16_000 * 120), 5)[:, BLINK]
    assert closure_F.min() >= 0
    peaks = (closure_F == 1).nonzero().flatten()
    gaps = peaks.diff() / 25
    assert 20 <= len(peaks) <= 60
    assert gaps.min() >= 2.0
    assert gaps.max() <= 6.5


@pytest.mark.parametrize("frames", range(Manner().blink_frames[0], Manner().blink_frames[1] + 1))
def test_a_blink_closes_fully_and_faster_than_it_opens(frames: int) -> None:
    curve = blink_curve(frames)
    assert len(curve) == frames
    assert curve.max() == 1.0
    assert curve.argmax() < frames / 2
    assert curve[-1] < 0.05


def test_a_chunk_out_of_order_is_refused() -> None:
    motion = NaturalMotion()
    motion(0, torch.zeros(640))
    with pytest.raises(ValueError, match="expected 1, got 0"):
        motion(0, torch.zeros(640))


def test_the_neck_carries_the_eyes() -> None:
    motion_FM = whole_motion(torch.zeros(16_000 * 120), 0)
    shift, turn = (motion_FM[:, HEAD_MOTION.index(name)] for name in ("shift_x", "yaw"))
    assert (shift * turn).sum() / turn.square().sum() > 1.0


def test_still_is_still() -> None:
    assert torch.equal(still_motion(0, torch.ones(1000)), torch.zeros(2, 7))


@pytest.mark.parametrize(
    "change",
    [
        *({"drift": {**Manner().drift, "yaw": 0.1}}, {"nod": {"pitch": 0.1}}, {"carried": {}}, {"calm": 0.0}),
        *({"waves": ((0.1, 0.2, 1.0),)}, {"fade_seconds": 3.0}, {"blink_gap": (1.0, 1.5)}),
        *({"blink_frames": (4, 4)}, {"silence": -5.0}, {"voice_range": 1.0}, {"first_loudest": 60.0}),
        *({"forgets": 2.0}, {"fast": 0.1}, {"slow": 0.2}, {"settling": 0.5}, {"accent": 0.5}),
        *({"swell": 0.1}, {"neck_hertz": 5.0}),
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_a_manner_shows(change: dict) -> None:
    sound_S = bursts(8) * torch.linspace(0.02, 1, 8 * 16_000).flip(0)
    usual_FM = whole_motion(sound_S)
    assert not torch.equal(NaturalMotion(manner=Manner(**change))(0, sound_S), usual_FM)
