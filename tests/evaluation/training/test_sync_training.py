"""How the lip-sync judge learns."""

import pytest
import torch
from judges import painted
from short_training import train_briefly
from sync_clips import pictures, voice

from datamodules.batch import SAMPLES_PER_FRAME, collate
from evaluation.extractors.embedded.sync_judge import grey_of, mel_power, mouths
from evaluation.training.sync import SyncTraining, delayed, sync_loss
from evaluation.training.sync_augment import (
    echo,
    moved_mouths,
    random_grey,
    spoiled_mouths,
    spoiled_sound,
    warped,
)


def test_matching_windows_have_the_lower_loss():
    g = torch.Generator().manual_seed(0)
    lips = torch.nn.functional.normalize(torch.randn(3, 8, 16, generator=g), dim=-1)
    assert sync_loss(lips, lips) < sync_loss(lips, lips.roll(3, 1)) / 10
    assert sync_loss(lips, lips) < sync_loss(lips, lips.roll(1, 0)) / 10


def test_a_neighbouring_window_is_no_negative():
    g = torch.Generator().manual_seed(0)
    lips = torch.nn.functional.normalize(torch.randn(1, 6, 16, generator=g), dim=-1)
    near, far = lips.clone(), lips.clone()
    near[0, 1] = near[0, 0]  # looks like its neighbour
    far[0, 4] = far[0, 0]
    assert sync_loss(near, near) < sync_loss(far, far)


def test_a_delay_moves_the_sound():
    sound = voice(6)
    late, early = delayed(sound, 2), delayed(sound, -2)
    assert torch.equal(late[2 * SAMPLES_PER_FRAME :], sound[: 4 * SAMPLES_PER_FRAME])
    assert torch.equal(early[: 4 * SAMPLES_PER_FRAME], sound[2 * SAMPLES_PER_FRAME :])
    assert not late[: 2 * SAMPLES_PER_FRAME].any()
    assert not early[4 * SAMPLES_PER_FRAME :].any()


def test_without_strength_nothing_is_moved():
    frames = pictures(3)
    grey = grey_of(frames.float() / 127.5 - 1)[None]
    torch.manual_seed(1)
    still = moved_mouths(grey, degrees=0, scale=0, aspect=0, move=0, unsteady=0)[0]
    plain = mouths(frames)
    assert min((still - plain).abs().max(), (still - plain.flip(-1)).abs().max()) < 1e-4


def test_spoiled_clips_stay_clips():
    torch.manual_seed(0)
    frames = torch.stack([pictures(6, seed) for seed in range(4)])
    grey = random_grey(frames)
    assert grey.shape == (4, 6, 128, 128)
    assert grey.abs().max() <= 1 + 1e-6
    spoiled = spoiled_mouths(frames)
    assert spoiled.shape == (4, 6, 56, 56)
    assert spoiled.isfinite().all()
    power = torch.stack([mel_power(voice(6, seed)) for seed in range(4)])
    heard = spoiled_sound(power)
    assert heard.shape == power.shape
    assert heard.isfinite().all()
    assert (heard >= 0).all()
    assert torch.allclose(warped(power, 0.0), power, rtol=1e-3, atol=1e-6)


def test_an_echo_comes_after_the_sound():
    power = torch.zeros(2, 40, 26)
    power[:, 10] = 1
    heard = echo(power)
    assert not heard[:, :10].any()
    assert (heard[:, 10] == 1).all()
    assert (heard[:, 11:30] > 0).all()
    assert (heard[:, 11:34].diff(dim=1) < 0).all()


@pytest.mark.slow
def test_training_lowers_the_loss_and_reaches_every_parameter():
    samples = []
    for i in range(2):
        sample = painted(i) | {"waveform": voice(24, i), "frames": pictures(24, i)}
        samples.append(
            {name: sample[name] for name in ("key", "corpus", "identity", "frames", "reference", "waveform")}
        )
    batch = collate(samples)
    torch.manual_seed(0)
    losses, logged = train_briefly(SyncTraining(), batch, 8)
    assert min(losses[-3:]) < losses[0]
    assert {"val/exact", "val/within_one", "val/own_confidence", "val/other_confidence"} <= logged.keys()
    assert all(torch.isfinite(torch.as_tensor(value)) for value in logged.values())
