"""Sound to spectra and prosody, as pure functions.

B clip, S sample, N analysis frame, K frequency bin, M mel band, L lag.

Analysis frames come at 100 Hz, four to a video frame; frame n is centred on sample 160 n + 80 and reaches 200
samples to either side. S must be a multiple of 160; what lies outside the waveform counts as silence.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.batch import SAMPLE_RATE, SAMPLES_PER_FRAME

HOP = 160
WINDOW = 400
FFT = 512
PITCH_WINDOW = 640
PITCH_RANGE = (65.0, 500.0)  # hertz
POWER_FLOOR = 1e-10  # -100 dB of full scale
FRAMES_PER_VIDEO_FRAME = SAMPLES_PER_FRAME // HOP
PROSODY = ("energy", "centroid", "tilt", "flux", "pitch", "voicing")


def hertz_to_mel(hertz: float) -> float:
    """The mel scale (O'Shaughnessy 1987, p. 150)."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


@lru_cache(maxsize=8)
def mel_filterbank(bands: int, low: float = 60.0, high: float = 7600.0) -> Tensor:
    """Triangular filters (K, M) evenly spaced on the mel scale, each with a peak of 1."""
    edges_mel = torch.linspace(hertz_to_mel(low), hertz_to_mel(high), bands + 2, dtype=torch.float64)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    hertz_K1 = torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=torch.float64)[:, None]
    rising = (hertz_K1 - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz_K1) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp_min(0).float()


def check_waveform(waveform_BS: Tensor, multiple: int = SAMPLES_PER_FRAME) -> Tensor:
    """The waveform (B, S) itself, or a `ValueError`: finite floats, S a positive multiple of `multiple`."""
    if waveform_BS.ndim != 2 or not waveform_BS.is_floating_point():
        raise ValueError(f"waveform must be float (B, S), got {waveform_BS.dtype} {tuple(waveform_BS.shape)}")
    samples = waveform_BS.shape[1]
    if samples == 0 or samples % multiple:
        raise ValueError(f"waveform has {samples} samples, expected a positive multiple of {multiple}")
    if not torch.isfinite(waveform_BS).all():
        raise ValueError("waveform holds NaN or infinite samples: the sound file is damaged")
    return waveform_BS


def frames(waveform_BS: Tensor, window: int) -> Tensor:
    """Overlapping windows (B, N, window) with N = S // 160, centred on the frames."""
    side = (window - HOP) // 2
    return F.pad(waveform_BS, (side, window - HOP - side)).unfold(1, window, HOP)


def power_spectrum(waveform_BS: Tensor) -> Tensor:
    """Hann-windowed power (B, N, K), scaled so that its sum over bins is the mean square of the window."""
    window = torch.hann_window(WINDOW, periodic=False, device=waveform_BS.device, dtype=waveform_BS.dtype)
    spectrum_BNK = torch.fft.rfft(frames(waveform_BS, WINDOW) * window, n=FFT)
    return spectrum_BNK.abs().square() * (2.0 / (FFT * window.square().sum()))


def log_mel(power_BNK: Tensor, bands: int) -> Tensor:
    """Natural logarithm of the power in each band (B, N, M), floored at -100 dB."""
    filters_KM = mel_filterbank(bands).to(power_BNK)
    return (power_BNK @ filters_KM).clamp_min(POWER_FLOOR).log()


def running_level(power_BN: Tensor, past: int, future: int, floor: float) -> Tensor:
    """Log of the mean power over `past` frames before, the frame, and `future` frames after it (B, N).

    A window of fixed length, so a stream and a whole file agree; at the ends it holds what there is. Below
    `floor` (power) a level counts as `floor`, so that the hiss of silence is not blown up to the size of
    speech.
    """
    width = past + 1 + future
    stacked_2BN = torch.stack([power_BN, torch.ones_like(power_BN)])
    padded = F.pad(stacked_2BN, (past, future))
    total_BN, count_BN = F.avg_pool1d(padded, width, stride=1)
    return (total_BN / count_BN).clamp_min(floor).log()


def pitch_and_voicing(waveform_BS: Tensor) -> tuple[Tensor, Tensor]:
    """Fundamental frequency in hertz and voicing in [0, 1], each (B, N).

    The lag of the highest peak of the autocorrelation divided by that of the window (Boersma 1993, eq. 9); a
    lag half as long wins if its peak is nearly as high, which avoids most errors of an octave.
    """
    window = torch.hann_window(
        PITCH_WINDOW, periodic=False, device=waveform_BS.device, dtype=waveform_BS.dtype
    )
    piece = frames(waveform_BS, PITCH_WINDOW)
    piece = (piece - piece.mean(dim=-1, keepdim=True)) * window
    shortest, longest = (int(SAMPLE_RATE / hertz) for hertz in reversed(PITCH_RANGE))
    own_BNL, of_window_L = _autocorrelation(piece), _autocorrelation(window)
    ratio_BNL = (
        own_BNL / own_BNL[..., :1].clamp_min(POWER_FLOOR * PITCH_WINDOW) * (of_window_L[0] / of_window_L)
    )
    search = ratio_BNL[..., shortest : longest + 1]
    # a slight preference for short lags: multiples of the period have peaks as high as the period's own
    lag_index = torch.arange(shortest, longest + 1, device=search.device)
    weighted = search - 0.05 * torch.log2(lag_index / shortest)
    best = weighted.argmax(dim=-1)
    voicing_BN = search.gather(-1, best[..., None]).squeeze(-1).clamp(0, 1)
    return SAMPLE_RATE / (best + shortest).to(waveform_BS.dtype), voicing_BN


def _autocorrelation(piece: Tensor) -> Tensor:
    """Autocorrelation (..., L) over the lags 0 .. 266 of windows of 640 samples."""
    longest = int(SAMPLE_RATE / PITCH_RANGE[0])
    power = torch.fft.rfft(piece, n=1024).abs().square()  # 640 + 266 < 1024: the circle does not wrap
    return torch.fft.irfft(power, n=1024)[..., : longest + 1]


def prosody(waveform_BS: Tensor, power_BNK: Tensor) -> Tensor:
    """The tracks of `PROSODY` (B, N, 6), each of order one.

    Energy in nepers over the floor divided by 10; spectral centroid in kilohertz; tilt as the log ratio of
    power above to below one kilohertz; flux of the log spectrum; pitch in octaves over 100 Hz, zero where
    unvoiced; voicing in [0, 1].
    """
    hertz_K = torch.linspace(
        0, SAMPLE_RATE / 2, power_BNK.shape[-1], device=power_BNK.device, dtype=power_BNK.dtype
    )
    power_BNK = power_BNK + POWER_FLOOR
    total_BN = power_BNK.sum(-1)
    centroid_BN = (power_BNK * hertz_K).sum(-1) / total_BN / 1000
    split = int(1000 / (SAMPLE_RATE / 2) * (power_BNK.shape[-1] - 1))
    tilt_BN = (power_BNK[..., split:].sum(-1) / power_BNK[..., :split].sum(-1)).log() / 4
    bands_BNM = log_mel(power_BNK, 24)
    flux_BN = F.pad(bands_BNM.diff(dim=1), (0, 0, 1, 0)).abs().mean(-1)
    pitch_BN, voicing_BN = pitch_and_voicing(waveform_BS)
    voiced_BN = (voicing_BN > 0.5).to(pitch_BN.dtype)
    energy_BN = (total_BN.log() - math.log(POWER_FLOOR)) / 10
    tracks = (energy_BN, centroid_BN, tilt_BN, flux_BN, (pitch_BN / 100).log2() * voiced_BN, voicing_BN)
    return torch.stack(tracks, dim=-1)
