import numpy as np
import pytest
import torch

from evaluation.signals.mfcc import mel_filters, mfcc


def chirp() -> np.ndarray:
    t = np.arange(int(1.6 * 16000)) / 16000
    wave = 12000 * np.sin(2 * np.pi * (200 * t + 600 * t**2)) + 3000 * np.sin(2 * np.pi * 2500 * t)
    return wave.astype(np.int16)


def test_the_reference_case():
    found = mfcc(torch.from_numpy(chirp()))
    assert found.shape == (159, 13)
    assert found.mean().item() == pytest.approx(-2.259079, abs=1e-6)
    assert found.sum().item() == pytest.approx(-4669.5165, abs=1e-4)
    assert found[0, :4].tolist() == pytest.approx([20.60159, 0.54196, -1.77584, 49.4513], abs=5e-5)


def test_the_outsider():
    outsider = pytest.importorskip("python_speech_features", reason="not installed: the seeded case stands")
    noise = np.random.default_rng(0).integers(-9000, 9000, 5001, dtype=np.int16)
    for sound in (noise[:400], noise, chirp(), np.zeros(2000, np.int16)):
        assert mfcc(torch.from_numpy(sound)).numpy() == pytest.approx(
            outsider.mfcc(sound, 16000), rel=1e-9, abs=1e-9
        )


@pytest.mark.parametrize(("samples", "rows"), [(1, 1), (400, 1), (401, 2), (560, 2), (640 * 40, 159)])
def test_the_last_row_may_be_padded(samples, rows):
    assert mfcc(torch.ones(samples)).shape == (rows, 13)


def test_silence_has_finite_coefficients():
    found = mfcc(torch.zeros(1000))
    assert torch.isfinite(found).all()
    assert found[0, 0].item() == pytest.approx(np.log(np.finfo(float).eps))


def test_ten_milliseconds_are_one_row():
    sound = torch.from_numpy(np.random.default_rng(0).normal(0, 3000, 8000))
    whole, later = mfcc(sound), mfcc(sound[160:])
    assert later[1:40] == pytest.approx(whole[2:41], rel=1e-9)  # nothing precedes a first sample


def test_mel_filters_reach_one_at_their_peak_and_cover_the_band():
    filters = mel_filters()
    assert (filters.amax(1) == 1).all()
    assert (filters.sum(0)[2:240] > 0).all()


@pytest.mark.parametrize("sound", [torch.zeros(0), torch.zeros(2, 800)])
def test_what_is_no_sound_is_refused(sound):
    with pytest.raises(ValueError, match=r"expected samples \(S,\) of one channel"):
        mfcc(sound)
