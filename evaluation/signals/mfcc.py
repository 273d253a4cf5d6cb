"""Cepstral coefficients of speech, as SyncNet's network was trained on. S sample, R row, K coefficient.

The recipe is that of python_speech_features 0.6 (MIT) with its defaults at 16 kHz, read in its source: mel
filters whose edges fall on whole bins of the spectrum, no window, sine lifter, the log energy first.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SAMPLE_RATE = 16_000
FRAME, STEP, BINS = 400, 160, 512  # samples: 25 ms, 10 ms, and the next power of two
FILTERS, COEFFICIENTS, LIFTER = 26, 13, 22
EMPHASIS = 0.97


def mfcc(sound_S: Tensor) -> Tensor:
    """Coefficients (R, 13), float64; row r starts 10 ms x r into the sound, and zeros fill the last one.

    Args:
        sound_S: 16 kHz, mono, in the units of 16-bit samples: integers, or floats of that size.

    Raises:
        ValueError: for another number of axes or an empty sound.
    """
    if sound_S.ndim != 1 or not len(sound_S):
        raise ValueError(f"expected samples (S,) of one channel, got {tuple(sound_S.shape)}")
    power_RB = power_spectrum(emphasise(sound_S.double()))
    mel_RM = positive(power_RB @ mel_filters().to(power_RB.device).mT).log()
    cepstrum_RK = mel_RM @ cosines().to(mel_RM.device).mT
    order_K = torch.arange(COEFFICIENTS, dtype=torch.float64, device=cepstrum_RK.device)
    cepstrum_RK = cepstrum_RK * (1 + LIFTER / 2 * torch.sin(math.pi * order_K / LIFTER))
    cepstrum_RK[:, 0] = positive(power_RB.sum(1)).log()
    return cepstrum_RK


def emphasise(sound_S: Tensor) -> Tensor:
    """Each sample less 0.97 of the one before."""
    return torch.cat([sound_S[:1], sound_S[1:] - EMPHASIS * sound_S[:-1]])


def power_spectrum(sound_S: Tensor) -> Tensor:
    """Periodogram (R, 257) of frames of 25 ms, 10 ms apart."""
    rows = 1 + max(0, math.ceil((len(sound_S) - FRAME) / STEP))
    padded = F.pad(sound_S, (0, (rows - 1) * STEP + FRAME - len(sound_S)))
    return torch.fft.rfft(padded.unfold(0, FRAME, STEP), BINS).abs().square() / BINS


def positive(x: Tensor) -> Tensor:
    """Zeros made the smallest step of a float, so that silence has a logarithm."""
    return torch.where(x == 0, torch.finfo(torch.float64).eps, x)


def mel_filters() -> Tensor:
    """Triangles (26, 257) from 0 to 8 kHz, evenly spaced in mel (O'Shaughnessy 1987), edges on whole bins."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    mel = torch.linspace(0, top, FILTERS + 2, dtype=torch.float64)
    edges = ((BINS + 1) * 700 * (10 ** (mel / 2595) - 1) / SAMPLE_RATE).floor()[:, None]
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    place = torch.arange(BINS // 2 + 1, dtype=torch.float64)
    return torch.minimum((place - low) / (peak - low), (high - place) / (high - peak)).clamp(min=0)


def cosines() -> Tensor:
    """The first 13 rows (13, 26) of the orthonormal discrete cosine transform of type II."""
    order = torch.arange(COEFFICIENTS, dtype=torch.float64)[:, None]
    place = torch.arange(FILTERS, dtype=torch.float64)
    rows = (2 / FILTERS) ** 0.5 * torch.cos(math.pi * order * (2 * place + 1) / (2 * FILTERS))
    rows[0] /= 2**0.5
    return rows
