"""A voice by formant synthesis: glottal pulses and noise through moving resonances, coloured by emotion.

Source and cascade after Klatt & Klatt (1990); filtering is overlap-add in the frequency domain, so that every
filter may change each 5 ms. Letters: T control steps of 5 ms, S audio samples, K resonances, Q frequency
bins.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from datamodules.batch import EMOTIONS, SAMPLE_RATE
from datamodules.synthetic.script import CONTROL_RATE, Articulation, smooth

HOP = SAMPLE_RATE // CONTROL_RATE
BINS = 512
_FREQUENCIES = np.fft.rfftfreq(BINS, 1 / SAMPLE_RATE).astype(np.float32)
_DELAY = np.exp(-2j * np.pi * _FREQUENCIES / SAMPLE_RATE).astype(np.complex64)
_WINDOW = np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP)).astype(np.float32) ** 2
LOUDNESS = 0.06  # root mean square of a neutral voice while it speaks


@dataclass(frozen=True)
class Speaker:
    """What belongs to the person: anatomy and habit."""

    tract: float  # vocal tract length against an average man's: 0.78 (a child) to 1.12
    pitch: float  # habitual pitch in Hz
    open_quotient: float  # share of a period with open folds
    breath: float  # noise in the voice, 0..1
    bright: float  # dB at 3 kHz
    rough: float  # cycle-to-cycle irregularity, 0..1
    tempo: float
    lively: float  # factor on pitch movements
    level: float  # dB
    bandwidth: float  # factor on the resonances' widths
    upper: tuple[float, float]  # F4 and F5 of an average man, Hz


@dataclass(frozen=True)
class Prosody:
    """What belongs to the moment: how emotion moves the voice away from the speaker's habit."""

    pitch: float = 0.0  # semitones
    span: float = 0.0  # log factor on pitch movements
    rise: float = 0.0  # semitones at the end of a phrase, and upward glides on accents when above 3
    tempo: float = 0.0  # log factor
    pause: float = 0.0  # log factor
    level: float = 0.0  # dB
    accent: float = 0.0  # log factor on the loudness of stressed syllables
    bright: float = 0.0  # dB at 3 kHz
    breath: float = 0.0
    tremor: float = 0.0  # 5-7 Hz, semitones
    creak: float = 0.0  # every second pulse weakened
    smile: float = 0.0  # log factor on the resonances: spread lips raise them, a tight pharynx lowers F2


# Directions after Banse & Scherer (1996), Juslin & Laukka (2003, table 7); the amounts are ours.
_MOVES: dict[str, Prosody] = {
    "happy": Prosody(4.5, 0.45, 0.5, 0.12, -0.3, 3.0, 0.2, 3.0, 0.0, 0.0, 0.0, 0.10),
    "sad": Prosody(-2.5, -0.9, -1.0, -0.30, 0.6, -6.5, -0.5, -6.5, 0.38, 0.12, 0.0, -0.02),
    "angry": Prosody(0.5, 0.2, -3.0, 0.10, -0.4, 8.0, 0.9, 9.0, -0.1, 0.0, 0.3, 0.0),
    "disgust": Prosody(-3.0, -0.1, -2.5, -0.25, 0.2, 0.0, 0.1, -1.5, 0.05, 0.0, 0.85, -0.10),
    "fear": Prosody(6.5, -0.5, 0.5, 0.28, 0.0, -2.0, -0.3, 1.0, 0.4, 1.2, 0.0, 0.02),
    "surprise": Prosody(4.5, 0.75, 8.0, -0.05, 0.2, 1.5, 0.2, 0.0, 0.15, 0.0, 0.0, -0.02),
}
# How much the same feeling differs from one moment to the next, in the units of `Prosody`.
_SPREAD = Prosody(0.8, 0.12, 0.6, 0.06, 0.2, 1.8, 0.12, 1.2, 0.05, 0.05, 0.06, 0.012)
_STRENGTH_POWER = 0.6  # a feeling at half intensity is heard at two thirds of its moves


def sample_speaker(seed: int) -> Speaker:
    """A person's voice, the same for the same seed. Pitch and tract length go together, loosely."""
    rng = np.random.default_rng([seed, 7001])
    size = rng.uniform()
    tract = 1.08 - 0.26 * size + rng.normal(0, 0.03)
    pitch = 92.0 * (245.0 / 92.0) ** size * 2 ** (rng.normal(0, 2.0) / 12)
    return Speaker(
        tract=float(np.clip(tract, 0.78, 1.12)),
        pitch=float(np.clip(pitch, 80, 280)),
        open_quotient=float(rng.uniform(0.5, 0.75)),
        breath=float(rng.beta(1.5, 6.0) * 0.4),
        bright=float(rng.normal(0, 2.5)),
        rough=float(rng.beta(1.5, 5.0)),
        tempo=float(rng.lognormal(0, 0.09)),
        lively=float(rng.lognormal(0, 0.2)),
        level=float(rng.normal(0, 1.5)),
        bandwidth=float(rng.uniform(0.8, 1.4)),
        upper=(float(rng.uniform(3300, 3700)), float(rng.uniform(4200, 4700))),
    )


def prosody(blend_E: NDArray, rng: np.random.Generator) -> Prosody:
    """How one utterance with this blend (E,) is spoken: the emotions' moves mixed by weight, plus variation.

    Each move is scaled by its own log-normal factor (people show a feeling by different means), then noise of
    `_SPREAD` is added, so that emotions overlap as they do in people.
    """
    total = max(float(np.sum(blend_E)), 1e-6)
    shares = np.asarray(blend_E) / total * total**_STRENGTH_POWER
    out = {}
    for field in fields(Prosody):
        moves = np.array([getattr(_MOVES[name], field.name) for name in EMOTIONS])
        out[field.name] = float(
            shares @ moves * rng.lognormal(0, 0.2) + rng.normal() * getattr(_SPREAD, field.name)
        )
    for name in ("tremor", "creak"):
        out[name] = max(out[name], 0.0)
    return Prosody(**out)


def pitch_track(speech: Articulation, speaker: Speaker, mood: Prosody, rng: np.random.Generator) -> NDArray:
    """Fundamental frequency in Hz (T,): declination, accents, phrase ends, tremor and wander."""
    steps = len(speech.stress)
    seconds_T = np.arange(steps) / CONTROL_RATE
    span = speaker.lively * np.exp(mood.span)
    place_T = speech.phrase_place
    semitones_T = 1.5 * span * (0.5 - place_T) + 4.0 * span * (speech.stress - 0.3)
    semitones_T += (mood.rise - 1.0) * np.clip((place_T - 0.6) / 0.4, 0, 1) ** 2
    glide_T = np.gradient(smooth(speech.stress, 12.0)) * CONTROL_RATE / 6.0
    semitones_T -= max(mood.rise - 1.0, 0.0) * 0.35 * glide_T  # accents that are still rising when they end
    wander_T = smooth(rng.normal(size=steps), 25.0)
    semitones_T += 0.6 * span * wander_T / max(float(wander_T.std()), 1e-6)
    rate = rng.uniform(5.0, 7.0)
    semitones_T += 0.8 * mood.tremor * np.sin(2 * np.pi * (rate * seconds_T + rng.uniform()))
    return speaker.pitch * 2 ** ((semitones_T + mood.pitch) / 12)


def glottal_source(
    pitch_S: NDArray, open_quotient: float, rough: float, creak: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Derivative of the glottal flow and the flow itself, both (S,).

    KLGLOTT88: u(x) = x^2 - x^3 in the open phase. The derivative is a difference of the
    flow, which averages it over each sample and so keeps aliasing low.
    """
    phase_S = np.cumsum(pitch_S / SAMPLE_RATE) + rng.uniform()
    cycle_S = phase_S.astype(np.int64)
    cycles = int(cycle_S[-1]) + 2
    shift = rng.normal(size=cycles) * (0.004 + 0.02 * rough)  # jitter
    gain = 1 + rng.normal(size=cycles) * (0.03 + 0.12 * rough)  # shimmer
    gain[::2] *= 1 - min(0.75 * creak, 0.85)
    shift[::2] += 0.12 * min(creak, 1.0)
    x_S = (phase_S - cycle_S + shift[cycle_S] - 0.05) / open_quotient
    flow_S = np.where((x_S > 0) & (x_S < 1), x_S**2 * (1 - x_S), 0.0) * gain[cycle_S] * 6.75
    return np.diff(flow_S, prepend=flow_S[0]) * SAMPLE_RATE / (pitch_S * 6), flow_S


def tract_response(speech: Articulation, speaker: Speaker, mood: Prosody) -> NDArray:
    """Frequency response (T, Q) of five resonances in cascade and a nasal zero, at each control step."""
    warp = np.exp(np.array([0.6, 1.0, 1.0]) * mood.smile) / speaker.tract
    if mood.smile < 0:
        warp[0] = 1 / speaker.tract  # a constricted pharynx lowers F2, not F1
    centres_TK = np.concatenate(
        [speech.formants * warp, np.tile(np.array(speaker.upper) / speaker.tract, (len(speech.formants), 1))],
        1,
    )
    centres_TK = np.minimum(centres_TK, 7600).astype(np.float32)
    widths_TK = (
        speaker.bandwidth * np.array([60, 80, 120, 180, 250]) * (1 + 1.5 * speech.nasal[:, None])
    ).astype(np.float32)
    radius_TK = np.exp(-np.pi * widths_TK / SAMPLE_RATE)
    first_TK = -2 * radius_TK * np.cos(2 * np.pi * centres_TK / SAMPLE_RATE)
    second_TK = radius_TK**2
    denominator_TQ = np.ones((len(centres_TK), len(_DELAY)), np.complex64)
    for k in range(centres_TK.shape[1]):
        denominator_TQ *= 1 + first_TK[:, k, None] * _DELAY + second_TK[:, k, None] * _DELAY**2
    gain_T1 = np.prod(1 + first_TK + second_TK, axis=1, keepdims=True)
    dip_Q = np.exp(-(((_FREQUENCIES - 1000) / 350) ** 2)).astype(np.float32)
    tilt_Q = 10 ** ((speaker.bright + mood.bright) / 20 * np.log2(1 + _FREQUENCIES / 500) / np.log2(7))
    return gain_T1 * tilt_Q * (1 - 0.75 * speech.nasal[:, None] * dip_Q) / denominator_TQ


def filter_frames(sounds: list[tuple[NDArray, NDArray]], length: int) -> NDArray:
    """Sum of sounds (S,), each through its own responses (T, Q): overlap-add, Hann window of 10 ms."""
    steps = len(sounds[0][1])
    index = np.arange(steps)[:, None] * HOP + np.arange(2 * HOP)
    spectrum = np.zeros((steps, BINS // 2 + 1), np.complex64)
    for sound_S, response_TQ in sounds:
        padded = np.pad(sound_S.astype(np.float32), (HOP // 2, 2 * HOP))
        spectrum += np.fft.rfft(padded[index] * _WINDOW, BINS).astype(np.complex64) * response_TQ
    pieces = np.fft.irfft(spectrum, BINS).astype(np.float32)
    blocks = -(-BINS // HOP)
    pieces = np.pad(pieces, ((0, 0), (0, blocks * HOP - BINS))).reshape(steps, blocks, HOP)
    out = np.zeros((steps + blocks, HOP), np.float32)
    for block in range(blocks):
        out[block : block + steps] += pieces[:, block]
    return out.reshape(-1)[HOP // 2 : HOP // 2 + length]


def speak(
    speech: Articulation, speaker: Speaker, mood: Prosody, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray]:
    """The sound (S,) in [-1, 1] at 16 kHz, 80 samples to a control step, and its pitch in Hz (T,)."""
    steps = len(speech.voicing)
    samples = steps * HOP
    pitch_T = np.clip(pitch_track(speech, speaker, mood, rng), 55, 600)
    at_S = np.arange(samples) / HOP - 0.5

    def stretch(track_T: NDArray) -> NDArray:
        return np.interp(at_S, np.arange(steps), track_T)

    creaky_T = mood.creak * (0.4 + 0.6 * speech.phrase_place)
    source_S, flow_S = glottal_source(
        stretch(pitch_T), speaker.open_quotient, speaker.rough, float(creaky_T.mean()), rng
    )
    breath = np.clip(speaker.breath + mood.breath, 0.01, 0.9)
    beat_T = 1 + 0.25 * mood.tremor * np.sin(2 * np.pi * 6 * np.arange(steps) / CONTROL_RATE)
    accent_T = 10 ** (0.35 * np.exp(mood.accent) * (speech.stress - 0.35)) * beat_T
    noise_S = rng.normal(size=samples)
    voiced_S = stretch(speech.voicing * accent_T)
    excitation_S = voiced_S * ((1 - 0.5 * breath) * source_S + 0.3 * breath * noise_S * (0.3 + flow_S))
    hiss_TQ = np.exp(-(((_FREQUENCIES - speech.noise_centre[:, None]) / speech.noise_width[:, None]) ** 2))
    hiss_S = stretch(speech.noise_level * np.sqrt(accent_T)) * rng.normal(size=samples) * 0.12
    sound_S = filter_frames(
        [(excitation_S, tract_response(speech, speaker, mood)), (hiss_S, hiss_TQ)], samples
    )
    return _level(sound_S, speech.voicing, speaker.level + mood.level), pitch_T


def _level(sound_S: NDArray, voicing_T: NDArray, decibels: float) -> NDArray[np.float32]:
    """Bring the voiced parts to the standard loudness plus `decibels`; peaks are rounded off."""
    power_T = (sound_S.reshape(-1, HOP) ** 2).mean(1)
    weight_T = voicing_T + 1e-3
    rms = np.sqrt(float((power_T * weight_T).sum() / weight_T.sum())) + 1e-9
    sound_S = sound_S * (LOUDNESS * 10 ** (decibels / 20) / rms)
    return np.tanh(sound_S).astype(np.float32)


def augment_sound(
    waveform_S: NDArray, rng: np.random.Generator, strength: float = 1.0
) -> NDArray[np.float32]:
    """What rooms, microphones and codecs do to a voice, without moving it in time: (S,) to (S,) in [-1, 1].

    Room, band limits, colour, background noise, gain, clipping and a codec's low-pass, each with probability
    0.5 x strength and a random amount. Strength 0 changes nothing.

    Raises:
        ValueError: if `strength` is outside 0..1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength {strength} of augment_sound is outside 0..1")
    sound = np.asarray(waveform_S, np.float32).copy()
    loudness = float(np.sqrt((sound**2).mean())) + 1e-6
    if rng.random() < 0.5 * strength:
        sound = _in_room(sound, rng)
    if rng.random() < 0.7 * strength:
        sound = _coloured(sound, rng)
    if rng.random() < 0.6 * strength:
        noise = _background(len(sound), rng)
        sound = sound + noise * loudness * 10 ** (-rng.uniform(8, 35) / 20)
    sound = sound * 10 ** (strength * rng.uniform(-9, 6) / 20)
    if rng.random() < 0.15 * strength:
        ceiling = float(np.abs(sound).max()) * rng.uniform(0.4, 0.9) + 1e-6
        sound = np.clip(sound, -ceiling, ceiling)
    return np.clip(sound, -1, 1).astype(np.float32)


def _in_room(sound: NDArray, rng: np.random.Generator) -> NDArray:
    """Direct sound plus an exponentially decaying noise tail; the direct sound keeps its place."""
    seconds = rng.uniform(0.05, 0.5)
    tail = rng.normal(size=int(0.35 * SAMPLE_RATE))
    times = np.arange(len(tail)) / SAMPLE_RATE
    tail *= np.exp(-6.9 * times / seconds)  # 60 dB after `seconds`
    tail[: int(0.004 * SAMPLE_RATE)] = 0
    tail *= rng.uniform(0.1, 0.7) / (np.linalg.norm(tail) + 1e-9)
    tail[0] = 1.0
    size = len(sound) + len(tail)
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)]


def _coloured(sound: NDArray, rng: np.random.Generator) -> NDArray:
    """High-pass, low-pass and a random smooth equaliser curve, all without phase and so without delay."""
    frequencies = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    knots = rng.normal(0, 4.0, 7)
    curve = np.interp(np.log2(frequencies + 60), np.linspace(np.log2(60), np.log2(8100), 7), knots)
    gain = 10 ** (curve / 20)
    gain /= 1 + (rng.uniform(40, 250) / (frequencies + 1)) ** 4
    gain /= 1 + (frequencies / rng.uniform(2800, 9000)) ** 8
    return np.fft.irfft(np.fft.rfft(sound) * gain, len(sound))


def _background(samples: int, rng: np.random.Generator) -> NDArray:
    """Noise of unit power with a random spectral slope and slow swell."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    spectrum *= (np.fft.rfftfreq(samples, 1 / SAMPLE_RATE) + 50) ** -rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, samples)
    noise *= 1 + 0.5 * np.sin(
        2 * np.pi * (rng.uniform(0.1, 2) * np.arange(samples) / SAMPLE_RATE + rng.uniform())
    )
    return noise / (noise.std() + 1e-9)
