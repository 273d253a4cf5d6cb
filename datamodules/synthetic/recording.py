"""How a voice is recorded, in all the ways that recordings differ, without moving it in time.

Far stronger than `augment_sound`: what learns from it is to know phones through any room, microphone, codec
and noise. S sample; all sounds are float32 in [-1, 1] at 16 kHz.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from datamodules.batch import SAMPLE_RATE

Floats = NDArray[np.float32]
Others = Callable[[np.random.Generator], NDArray]  # draws somebody else's sound, for babble

LOW, HIGH = np.log2(60.0), np.log2(8100.0)  # ends of the equalisers, octaves
COMPRESSOR_WINDOW, COMPRESSOR_STEP = 800, 80  # samples


def record(waveform_S: NDArray, rng: np.random.Generator, others: Others, strength: float = 1.0) -> Floats:
    """A recording (S,) of a sound (S,): room, microphone, noises, dynamics, codec, dropouts, level.

    Args:
        waveform_S: a voice without noise.
        rng: where everything is drawn from.
        others: draws other people's sounds.
        strength: factor in [0, 1] on how likely each step is; 0 changes the level alone.
    """
    sound = waveform_S.astype(np.float32)
    steps: list[tuple[float, Callable[[Floats, np.random.Generator], NDArray]]] = [
        (0.5, in_room),
        (0.8, coloured),
        (0.7, lambda x, r: with_noise(x, r, others, quietest=35, loudest=2)),
        (0.2, lambda x, r: with_noise(x, r, others, quietest=35, loudest=8)),
        (0.3, compressed),
        (0.25, coded),
        (0.15, clipped),
        (0.2, coloured),
        (0.3, interrupted),
    ]
    for share, step in steps:
        if rng.random() < share * strength:
            sound = step(sound, rng).astype(np.float32)
    level = 10 ** (rng.uniform(-40, -14) / 20)
    return np.clip(sound * np.float32(level / _loudness(sound)), -1, 1)


def in_room(sound: Floats, rng: np.random.Generator) -> NDArray:
    """The direct sound in its place, early reflections, and a tail that decays by 60 dB in 0.08 to 0.9 s.

    High frequencies decay sooner; the whole tail lies 18 dB below the direct sound, or up to 3 dB above.
    """
    seconds = float(np.exp(rng.uniform(np.log(0.08), np.log(0.9))))
    times = np.arange(int(min(seconds, 0.6) * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.normal(size=len(times)) * np.exp(-6.9 * times / seconds)
    dull = np.convolve(tail, np.ones(6) / 3, "same")
    sharp = np.exp(-times / rng.uniform(0.05, 0.5))
    tail = tail * sharp + dull * (1 - sharp)
    tail[: int(rng.uniform(0.002, 0.02) * SAMPLE_RATE)] = 0
    strongest = 3 * float(np.abs(tail).max())
    for _ in range(rng.integers(0, 7)):
        tail[int(rng.uniform(0.001, 0.04) * SAMPLE_RATE)] += rng.normal(0, 0.6) * strongest
    tail *= 10 ** (rng.uniform(-18, 3) / 20) / (np.linalg.norm(tail) + 1e-9)
    tail[0] = 1
    size = cast(int, fft.next_fast_len(len(sound) + len(tail), True))
    product = _spectrum(sound, size) * _spectrum(tail.astype(np.float32), size)
    return _sound(product, size)[: len(sound)]


def coloured(sound: Floats, rng: np.random.Generator) -> NDArray:
    """An equaliser, a tilt of up to 12 dB either way, and band limits; without phase, so without delay."""
    frequencies = fft.rfftfreq(len(sound), 1 / SAMPLE_RATE).astype(np.float32)
    octaves = np.log2(frequencies + 60)
    curve = np.interp(octaves, np.linspace(LOW, HIGH, 8), rng.normal(0, rng.uniform(1, 6), 8))
    curve += rng.uniform(-12, 12) * ((octaves - LOW) / (HIGH - LOW) - 0.4)
    gain = 10 ** (curve / 20)
    gain /= 1 + (rng.uniform(30, 300) / (frequencies + 1)) ** rng.choice([2, 4, 8])
    if rng.random() < 0.6:
        gain /= 1 + (frequencies / np.exp(rng.uniform(np.log(2500), np.log(8000)))) ** rng.choice([6, 12, 24])
    return _sound(_spectrum(sound) * gain.astype(np.float32), len(sound))


def with_noise(
    sound: Floats, rng: np.random.Generator, others: Others, quietest: float, loudest: float
) -> NDArray:
    """Noise `loudest` to `quietest` decibels below the voice: air, babble, hum or something like music."""
    kind = rng.random()
    times = np.arange(len(sound), dtype=np.float32) / SAMPLE_RATE
    if kind < 0.45:
        noise = _air(times, rng)
    elif kind < 0.75:
        noise = _babble(len(sound), rng, others)
    elif kind < 0.85:
        noise = _hum(times, rng)
    else:
        noise = _music(times, rng)
    gain = _loudness(sound) / _loudness(noise) * 10 ** (-rng.uniform(loudest, quietest) / 20)
    return sound + np.float32(gain) * noise


def _air(times: NDArray, rng: np.random.Generator) -> NDArray:
    """Noise with a random slope, at times a band of its own, and slow swell."""
    frequencies = fft.rfftfreq(len(times), 1 / SAMPLE_RATE).astype(np.float32)
    spectrum = _spectrum(rng.standard_normal(len(times), dtype=np.float32))
    spectrum *= (frequencies + 50) ** -rng.uniform(0, 1.6)
    if rng.random() < 0.4:
        distance = (np.log2(frequencies + 50) - rng.uniform(7, 13)) / rng.uniform(0.3, 2)
        spectrum *= np.exp(-0.5 * distance**2) + 0.02
    swell = 1 + 0.7 * np.sin(2 * np.pi * (rng.uniform(0.1, 3) * times + rng.uniform()))
    return _sound(spectrum, len(times)) * swell


def _babble(samples: int, rng: np.random.Generator, others: Others) -> NDArray:
    """One to eight other people at once."""
    noise = np.zeros(samples, np.float32)
    for _ in range(rng.choice([1, 2, 3, 5, 8])):
        other = others(rng)
        turned = np.roll(other, int(rng.integers(len(other))))
        noise += np.resize(turned, samples) * np.float32(rng.uniform(0.3, 1))
    return noise


def _hum(times: NDArray, rng: np.random.Generator) -> NDArray:
    """The mains and some of their harmonics."""
    base = rng.choice([50.0, 60.0, 100.0, 120.0])
    tones = [
        np.sin(2 * np.pi * (base * harmonic * times + rng.uniform())) * rng.uniform() / harmonic
        for harmonic in rng.choice(np.arange(1, 12), 4, replace=False)
    ]
    return np.sum(tones, axis=0) + 0.05 * rng.standard_normal(len(times), dtype=np.float32)


def _music(times: NDArray, rng: np.random.Generator) -> NDArray:
    """Decaying tones with harmonics on a beat, some with a click."""
    noise, beat = np.zeros(len(times), np.float32), rng.uniform(0.15, 0.6)
    for start in np.arange(0, len(times), int(beat * SAMPLE_RATE)):
        since = times[: len(times) - start]
        pitch = 55 * 2 ** (rng.integers(0, 40) / 12)
        tone = sum(np.sin(2 * np.pi * pitch * h * since) * rng.uniform() / h for h in (1, 2, 3))
        noise[start:] += np.exp(-since / rng.uniform(0.1, 1.0)) * tone * rng.uniform(0.2, 1)
        if rng.random() < 0.4:
            noise[start:] += rng.normal(size=len(since)) * np.exp(-since / 0.03) * rng.uniform(0.2, 1.5)
    return noise


def compressed(sound: Floats, rng: np.random.Generator) -> NDArray:
    """An automatic gain that makes quiet parts louder, by a fifth to four fifths of their distance in dB."""
    half = COMPRESSOR_WINDOW // 2
    total = np.cumsum(np.pad(sound.astype(np.float64) ** 2, (half, half)))
    power = (total[COMPRESSOR_WINDOW:] - total[:-COMPRESSOR_WINDOW])[::COMPRESSOR_STEP] / COMPRESSOR_WINDOW
    envelope = np.sqrt(power + 1e-9)
    release = rng.uniform(2, 30)
    kernel = np.exp(-np.arange(int(release * 5)) / release)
    envelope = np.convolve(envelope, kernel / kernel.sum())[: len(envelope)]
    gain = (envelope + 0.03 * envelope.max() + 1e-6) ** -rng.uniform(0.2, 0.8)
    return sound * np.interp(np.arange(len(sound)), np.arange(len(gain)) * COMPRESSOR_STEP, gain)


def coded(sound: Floats, rng: np.random.Generator) -> NDArray:
    """A telephone's coarse logarithmic steps, or bins dropped as codecs for music drop them."""
    if rng.random() < 0.4:
        peak, mu, steps = float(np.abs(sound).max()) + 1e-9, 255, rng.choice([16, 32, 64, 128])
        squeezed = np.sign(sound) * np.log1p(mu * np.abs(sound / peak)) / np.log1p(mu)
        rounded = np.round(squeezed * steps) / steps
        return np.sign(rounded) * np.expm1(np.abs(rounded) * np.log1p(mu)) / mu * peak
    width, hop = 512, 256
    window = np.sin(np.pi * (np.arange(width) + 0.5) / width).astype(np.float32)
    pieces = -(-len(sound) // hop)
    padded = np.pad(sound, (hop, (pieces + 1) * hop - len(sound)))
    index = np.arange(pieces + 1)[:, None] * hop + np.arange(width)
    spectrum = _spectrum(padded[index] * window)
    size = np.abs(spectrum)
    around = np.sqrt(sum(np.roll(size**2, shift, 1) for shift in range(-4, 5)) / 9)
    heard = (size > around * rng.uniform(0.2, 0.9)) & (size > size.max() * 10 ** (-rng.uniform(45, 80) / 20))
    back = _sound(np.where(heard, spectrum, 0), width) * window
    out = np.zeros(len(padded), np.float32)
    for first in (0, 1):
        row = back[first::2].reshape(-1)
        out[first * hop : first * hop + len(row)] += row
    return out[hop : hop + len(sound)]


def clipped(sound: Floats, rng: np.random.Generator) -> NDArray:
    """Peaks cut off at a quarter to nine tenths of the highest."""
    ceiling = float(np.abs(sound).max()) * rng.uniform(0.25, 0.9) + 1e-6
    return np.clip(sound, -ceiling, ceiling)


def interrupted(sound: Floats, rng: np.random.Generator) -> NDArray:
    """25 to 150 ms lost or nearly so."""
    start, out = int(rng.integers(len(sound))), sound.copy()
    out[start : start + int(rng.integers(400, 2400))] *= np.float32(rng.uniform(0, 0.1))
    return out


def _loudness(sound: NDArray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) + 1e-6


def _spectrum(sound: NDArray, size: int | None = None) -> NDArray:
    """Spectrum along the last axis, in the precision of the sound."""
    return cast(NDArray, fft.rfft(sound, size))


def _sound(spectrum: NDArray, size: int) -> NDArray:
    return cast(NDArray, fft.irfft(spectrum, size))
