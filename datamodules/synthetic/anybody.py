"""Anybody's speech: our synthesiser far beyond the people of the world, and texts read aloud, with lips.

The world's speakers are like each other; people are not. Here size, source, tempo, effort and accent are
drawn widely, so that what learns from it hears phones and not a speaker. F video frame, T control step of
5 ms, S sample.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from datamodules.batch import EMOTIONS, FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.readers import VOICES, random_text, read_aloud, resized
from datamodules.synthetic.script import (
    CONTROL_RATE,
    Articulation,
    Script,
    TimedPhone,
    articulate,
    per_frame,
    random_script,
    smooth,
    waiting_lips,
)
from datamodules.synthetic.voice import HOP, Speaker, prosody, speak

Floats = NDArray[np.float32]

EFFORT_DECIBELS, EFFORT_OPENING = 6.0, 0.25  # what full effort adds to the level and to the opening
SCHWA = (500.0, 1500.0, 2500.0)  # resonances of a tract at rest (Hz), which weak syllables tend to
PEAK = 0.5


@dataclass(frozen=True)
class Speech:
    """A sound (F * 640,) with the lips that go with it (F, 5), in the order of `LIPS`, and its phones."""

    waveform: Floats
    lips: Floats
    script: Script


def anybody(rng: np.random.Generator) -> Speaker:
    """A speaker from child to giant, breathy to pressed, slow to hasty."""
    tract = _between(rng, 0.72, 1.2)
    return Speaker(
        tract=tract,
        pitch=float(np.clip(120 * tract**-1.6 * np.exp(rng.normal(0, 0.35)), 62, 420)),
        open_quotient=float(rng.uniform(0.35, 0.9)),
        breath=float(rng.beta(1, 3) * 0.7),
        bright=float(rng.normal(0, 6)),
        rough=float(rng.beta(1.2, 3)),
        tempo=_between(rng, 0.6, 1.8),
        lively=float(rng.lognormal(0, 0.4)),
        level=0.0,
        bandwidth=_between(rng, 0.5, 2.5),
        upper=(float(rng.uniform(3000, 4000)), float(rng.uniform(4000, 5200))),
    )


def spoken_by_anybody(rng: np.random.Generator, frames: int) -> Speech:
    """Our synthesiser says something invented, in some mood and accent."""
    speaker = anybody(rng)
    mood = prosody(np.eye(len(EMOTIONS))[rng.integers(len(EMOTIONS))] * rng.uniform(0, 1), rng)
    pauses = np.exp(mood.pause + rng.normal(0, 0.4))
    script = random_script(rng, frames / FPS, speaker.tempo * np.exp(mood.tempo), pauses)
    speech = articulate(script, _clarity(rng), waiting_lips(script, rng))
    speech, strength_T = with_accent(speech, script, rng)
    sound_S, _ = speak(speech, speaker, mood, rng)
    return _said(sound_S, speech.lips, script, frames, rng, strength_T)


def read_by_anybody(rng: np.random.Generator, frames: int) -> Speech:
    """A text read aloud by Flite, by a person of any size; starts anywhere in it.

    Raises:
        FileNotFoundError: if Flite is not installed.
    """
    size = _between(rng, 0.78, 1.25)
    voice = VOICES[rng.choice(len(VOICES), p=[0.3, 0.27, 0.27, 0.16])]  # the last is the least like a person
    slowness = _between(rng, 0.65, 1.5)
    text = random_text(rng, max(round(frames / FPS * 4 / slowness), 3))
    sound_S, script = resized(*read_aloud(text, voice, rng.lognormal(0, 0.25), slowness / size), size)
    late = rng.uniform(0, 1.2) if rng.random() < 0.3 else 0.0
    sound_S, script = _window(sound_S, script, rng, frames / FPS, late)
    lips_T5 = articulate(script, _clarity(rng), waiting_lips(script, rng)).lips
    return _said(sound_S, lips_T5, script, frames, rng)


def with_accent(
    speech: Articulation, script: Script, rng: np.random.Generator
) -> tuple[Articulation, NDArray]:
    """The same words by somebody who says every phone a little differently and weak syllables only half.

    Returns the articulation and by how much the lips open, a factor (T, 1).
    """
    steps, names = len(speech.voicing), list(PHONES)
    ends = np.array([phone.end for phone in script.phones])
    phone_N = np.array([names.index(phone.symbol) for phone in script.phones])
    at_T = np.searchsorted(ends, (np.arange(steps) + 0.5) / CONTROL_RATE, side="right")
    own_N3 = np.exp(rng.normal(0, 0.07, (len(names), 3)))
    formants_T3 = speech.formants * smooth(own_N3[phone_N[np.minimum(at_T, len(ends) - 1)]], 2.0)
    weak_T1 = rng.uniform(0, 0.5) * (1 - speech.stress)[:, None]
    formants_T3 = smooth(formants_T3 * (1 - weak_T1) + weak_T1 * np.array(SCHWA), rng.uniform(0.5, 4.0))
    murmur = rng.uniform(0.2, 1.6)  # how well voiced consonants are heard
    spoken = replace(
        speech,
        formants=formants_T3,
        noise_centre=speech.noise_centre * np.float32(rng.lognormal(0, 0.12)),
        noise_width=speech.noise_width * np.float32(rng.lognormal(0, 0.25)),
        noise_level=speech.noise_level * np.float32(rng.lognormal(0, 0.5)),
        voicing=np.where(speech.voicing < 0.5, speech.voicing * murmur, speech.voicing),
    )
    return spoken, 1 - 0.5 * weak_T1


def _said(
    sound_S: NDArray,
    lips_T5: NDArray,
    script: Script,
    frames: int,
    rng: np.random.Generator,
    strength_T1: NDArray | float = 1.0,
) -> Speech:
    """Sound and lips with effort that comes and goes, louder being wider, and with breath before phrases."""
    steps = len(lips_T5)
    effort_T = smooth(rng.normal(size=steps), rng.uniform(14, 40))
    effort_T = np.clip(effort_T / max(float(effort_T.std()), 1e-6) * rng.uniform(0, 0.5), -1, 1)
    sound_S = sound_S * _stretched(10 ** (EFFORT_DECIBELS / 20 * effort_T), len(sound_S))
    sound_S = sound_S + _breathing(script, lips_T5, len(sound_S), rng) * float(np.abs(sound_S).max())
    lips_T5 = lips_T5.copy()
    lips_T5[:, :2] *= strength_T1 * (1 + EFFORT_OPENING * effort_T)[:, None]
    waveform_S = sound_S[: frames * SAMPLES_PER_FRAME] * (PEAK / (float(np.abs(sound_S).max()) + 1e-6))
    return Speech(waveform_S.astype(np.float32), per_frame(np.clip(lips_T5, 0, 1), frames), script)


def _breathing(script: Script, lips_T5: NDArray, samples: int, rng: np.random.Generator) -> NDArray:
    """Air drawn in through parted lips in silence (S,), in some people audible."""
    if rng.random() < 0.5:
        return np.zeros(samples)
    silent_T = np.zeros(len(lips_T5))
    for phone in script.phones:
        if phone.symbol == "sil":
            silent_T[round(phone.start * CONTROL_RATE) : round(phone.end * CONTROL_RATE)] = 1
    air_T = smooth(np.clip(lips_T5[:, 0] * 3 - 0.3, 0, 1) * silent_T, 10.0)
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    centre = rng.uniform(900, 3500)
    shape = np.exp(-(((frequencies - centre) / rng.uniform(600, 2500)) ** 2))
    noise_S = np.fft.irfft(np.fft.rfft(rng.normal(size=samples)) * shape, samples)
    level = 10 ** (-rng.uniform(18, 45) / 20)
    return noise_S / (float(noise_S.std()) + 1e-9) * level * _stretched(air_T, samples)


def _stretched(track_T: NDArray, samples: int) -> NDArray:
    """A track of control steps at every sample."""
    return np.interp(np.arange(samples) / HOP - 0.5, np.arange(len(track_T)), track_T)


def _window(
    sound_S: NDArray, script: Script, rng: np.random.Generator, seconds: float, late: float
) -> tuple[Floats, Script]:
    """A piece of so many seconds, from `late` seconds before the beginning or from anywhere; then silence."""
    first = -late if late else rng.uniform(0, max(script.seconds - seconds, 0.0))
    samples, at = round(seconds * SAMPLE_RATE), round(first * SAMPLE_RATE)
    piece_S = np.pad(sound_S[max(at, 0) :], (max(-at, 0), samples))[:samples]
    phones = [TimedPhone("sil", 0.0, late, 0.0, 0)] if late else []
    for phone in script.phones:
        start, end = max(phone.start - first, 0.0), min(phone.end - first, seconds)
        if end > start:
            phones.append(replace(phone, start=start, end=end))
    if phones[-1].end < seconds:
        phones.append(TimedPhone("sil", phones[-1].end, seconds, 0.0, phones[-1].phrase))
    return piece_S.astype(np.float32), Script(tuple(phones), seconds)


def _clarity(rng: np.random.Generator) -> float:
    return float(np.clip(rng.lognormal(0, 0.12), 0.7, 1.35))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """A factor drawn evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
