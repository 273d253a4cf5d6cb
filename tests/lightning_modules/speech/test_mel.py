import math

import pytest
import torch

from lightning_modules.speech.mel import (
    HOP,
    PROSODY,
    check_waveform,
    frames,
    log_mel,
    mel_filterbank,
    pitch_and_voicing,
    power_spectrum,
    prosody,
    running_level,
)


def tone(hertz: float, seconds: float = 0.4, level: float = 0.3) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * hertz * torch.arange(int(16_000 * seconds)) / 16_000)[None]


def harmonic(hertz: float, seconds: float = 0.4) -> torch.Tensor:
    return sum(tone(hertz * k, seconds, 0.2 / k) for k in range(1, 12))  # type: ignore[return-value]


def test_one_analysis_frame_per_hop_centred_on_it() -> None:
    ramp = torch.arange(1600.0)[None]
    windows_BNW = frames(ramp, 400)
    assert windows_BNW.shape == (1, 1600 // HOP, 400)
    assert windows_BNW[0, 5].mean() == pytest.approx(5 * HOP + 80 - 0.5)


def test_power_sums_to_the_mean_square() -> None:
    power_BNK = power_spectrum(tone(1000, level=0.5))
    assert power_BNK[0, 10].sum().item() == pytest.approx(0.5**2 / 2, rel=0.01)


def test_a_tone_lands_in_the_band_that_holds_it() -> None:
    filters_KM = mel_filterbank(40)
    assert filters_KM.shape == (257, 40)
    assert (filters_KM.sum(0) > 0).all()
    bands = log_mel(power_spectrum(tone(1000)), 40)[0, 10]
    assert bands.argmax() == filters_KM[round(1000 / 8000 * 256)].argmax()


def test_level_is_a_mean_over_its_window_and_floored() -> None:
    power = torch.rand(2, 50)
    level = running_level(power, past=5, future=2, floor=1e-6)
    assert level[1, 20].item() == pytest.approx(power[1, 15:23].mean().log().item(), abs=1e-5)
    assert level[0, 0].item() == pytest.approx(power[0, :3].mean().log().item(), abs=1e-5)
    assert running_level(torch.zeros(1, 9), 3, 0, 1e-6).exp() == pytest.approx(torch.full((1, 9), 1e-6))


@pytest.mark.parametrize("hertz", [90.0, 140.0, 220.0, 330.0])
def test_pitch_of_a_harmonic_sound(hertz: float) -> None:
    pitch_BN, voicing_BN = pitch_and_voicing(harmonic(hertz))
    assert pitch_BN[0, 5:-5].median().item() == pytest.approx(hertz, rel=0.02)
    assert voicing_BN[0, 5:-5].min() > 0.8


def test_noise_and_silence_are_unvoiced() -> None:
    noise = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0)) * 0.1
    assert pitch_and_voicing(noise)[1].median() < 0.5
    assert pitch_and_voicing(torch.zeros(1, 3200))[1].max() == 0


def test_prosody_tracks_are_finite_and_answer_to_what_they_name() -> None:
    def track(waveform: torch.Tensor, name: str) -> float:
        return prosody(waveform, power_spectrum(waveform))[0, 10:-10, PROSODY.index(name)].median().item()

    assert track(tone(300), "energy") > track(0.1 * tone(300), "energy") + 0.4
    assert track(tone(3000), "centroid") == pytest.approx(3.0, abs=0.05)
    assert track(tone(3000), "tilt") > 0 > track(tone(300), "tilt")
    assert track(harmonic(200), "pitch") == pytest.approx(1.0, abs=0.05)
    assert torch.isfinite(prosody(torch.zeros(1, 1600), power_spectrum(torch.zeros(1, 1600)))).all()


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        (torch.zeros(640), "float .B, S."),
        (torch.zeros(1, 640, dtype=torch.int16), "float .B, S."),
        (torch.zeros(1, 0), "0 samples"),
        (torch.zeros(1, 641), "multiple of 640"),
        (torch.full((1, 640), float("nan")), "NaN"),
    ],
)
def test_a_bad_waveform_is_refused(waveform: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_waveform(waveform)
