"""What is said, and what the lips do meanwhile: random phones in time, and smooth articulation tracks.

Letters: T control steps of 5 ms (eight to a video frame), F video frame.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.batch import FPS
from datamodules.synthetic.phones import CODAS, NUCLEI, ONSETS, PHONES

Floats = NDArray[np.float32]

CONTROL_RATE = 200
STEPS_PER_FRAME = CONTROL_RATE // FPS


@dataclass(frozen=True)
class TimedPhone:
    """A phone and its place in seconds from the start. `stress` in [0, 1], `phrase` counts up."""

    symbol: str
    start: float
    end: float
    stress: float
    phrase: int


@dataclass(frozen=True)
class Script:
    """Phones that fill [0, seconds] without gap or overlap; silence is a phone."""

    phones: tuple[TimedPhone, ...]
    seconds: float


@dataclass(frozen=True)
class Articulation:
    """What source, tract and lips do at each step; all (T,) but `formants` (T, 3), `lips` (T, 5)."""

    voicing: Floats
    noise_level: Floats
    noise_centre: Floats
    noise_width: Floats
    nasal: Floats
    formants: Floats
    lips: Floats
    stress: Floats
    speaking: Floats
    phrase_place: Floats  # 0 at the start of a phrase, 1 at its end


def random_script(
    rng: np.random.Generator, seconds: float, tempo: float = 1.0, pauses: float = 1.0
) -> Script:
    """Invented words in phrases, in the sound structure of English, for exactly `seconds`.

    Args:
        rng: where the words and durations are drawn from.
        seconds: length of the sound; at least 0.2.
        tempo: 1 speaks about four to five syllables a second, 2 twice as many.
        pauses: factor on the pauses between phrases.

    Raises:
        ValueError: if `seconds` is below 0.2, or tempo or pauses are not positive.
    """
    if seconds < 0.2 or tempo <= 0 or pauses <= 0:
        raise ValueError(
            f"script of {seconds} s, tempo {tempo}, pauses {pauses}: need seconds >= 0.2 and positive factors"
        )
    clock = float(rng.uniform(-0.35, 0.2))  # negative: the clip starts in the middle of speech
    quiet_end = seconds - float(rng.uniform(-0.2, 0.2))
    start, phrase = min(clock, 0.0), 0
    spoken = [("sil", clock, 0.0, 0)] if clock > 0 else []
    while clock < quiet_end:
        for symbol, length, stress in _random_phrase(rng, tempo):
            spoken.append((symbol, length, stress, phrase))
            clock += length
            if clock >= quiet_end:
                break
        pause = float(rng.uniform(0.12, 0.4)) * pauses
        spoken.append(("sil", pause, 0.0, phrase))
        clock += pause
        phrase += 1
    return _cut(spoken, start, seconds)


def _random_phrase(rng: np.random.Generator, tempo: float) -> list[tuple[str, float, float]]:
    """Phones of two to six words as (symbol, seconds, stress)."""
    phones: list[tuple[str, float, float]] = []
    for _ in range(rng.integers(2, 7)):
        syllables = int(rng.choice([1, 1, 2, 2, 3]))
        stressed = int(rng.integers(syllables))
        accent = float(rng.uniform(0.45, 1.0))
        for syllable in range(syllables):
            stress = accent if syllable == stressed else accent * 0.25
            nucleus = NUCLEI[rng.integers(len(NUCLEI))]
            coda = CODAS[rng.integers(len(CODAS))] if syllable == syllables - 1 else ()
            for symbol in (*ONSETS[rng.integers(len(ONSETS))], *nucleus, *coda):
                length = PHONES[symbol].seconds * float(rng.lognormal(0.0, 0.15)) / tempo
                if PHONES[symbol].kind == "vowel":
                    length *= (0.85 + 0.45 * stress) * (0.7 if len(nucleus) > 1 else 1.0)
                phones.append((symbol, length, stress))
        if rng.random() < 0.15:
            phones.append(("sil", float(rng.uniform(0.03, 0.08)) / tempo, 0.0))
    return phones


def _cut(spoken: list[tuple[str, float, float, int]], start: float, seconds: float) -> Script:
    """Lay phones end to end from `start` and keep what falls into [0, seconds]."""
    phones, clock = [], start
    for symbol, length, stress, phrase in spoken:
        begin, clock = clock, clock + length
        if clock > 0 and begin < seconds:
            phones.append(TimedPhone(symbol, max(begin, 0.0), min(clock, seconds), stress, phrase))
    if clock < seconds:
        phones.append(TimedPhone("sil", clock, seconds, 0.0, spoken[-1][3]))
    return Script(tuple(phones), seconds)


def smooth(track: NDArray, sigma_steps: float) -> NDArray:
    """Gaussian smoothing along the first axis, edges replicated; the length stays."""
    reach = max(int(3 * sigma_steps), 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_steps) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(track, [(reach, reach)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    columns = padded.reshape(len(padded), -1)
    out = np.stack([np.convolve(column, kernel, mode="valid") for column in columns.T], -1)
    return out.reshape(track.shape).astype(np.float32)


def coarticulate(targets_TD: NDArray, weight_T1: NDArray, sigma_steps: float) -> Floats:
    """Weighted mean of the targets (T, D) under a Gaussian at each step (T, D)."""
    return (smooth(targets_TD * weight_T1, sigma_steps) / smooth(weight_T1, sigma_steps)).astype(np.float32)


def waiting_lips(script: Script, rng: np.random.Generator) -> Floats:
    """Opening (T,) of lips that say nothing, zero while they speak.

    Before most phrases people part their lips and breathe in; afterwards they close them, or keep them a
    little apart, each in their own way.
    """
    rest = float(rng.uniform(0.05, 0.2)) if rng.random() < 0.35 else 0.0
    waiting_T = np.zeros(round(script.seconds * CONTROL_RATE), np.float32)
    for phone, after in zip(script.phones, (*script.phones[1:], None), strict=True):
        if phone.symbol != "sil":
            continue
        start, end = round(phone.start * CONTROL_RATE), round(phone.end * CONTROL_RATE)
        waiting_T[start:end] = rest
        if after is not None and rng.random() < 0.8:
            parted, seconds = rng.uniform(0.15, 0.6), rng.uniform(0.4, 2.0)
            waiting_T[max(start, end - round(seconds * CONTROL_RATE)) : end] = max(parted, rest)
    return smooth(waiting_T, 8.0)


def articulate(script: Script, clarity: float = 1.0, waiting_T: NDArray | None = None) -> Articulation:
    """The tracks of a script at 200 steps a second.

    Targets of neighbouring phones blend by dominance: each track is a weighted mean of targets under a
    Gaussian of 30 ms (lips) or 17 ms (resonances), the weight being the phone's grip (after Cohen & Massaro
    1993, eq. 1-3).

    Args:
        script: what is said.
        clarity: factor on the mouth's opening; 1 is clear speech.
        waiting_T: opening of the lips in silence (T,), as of `waiting_lips`; closed by default.
    """
    steps = round(script.seconds * CONTROL_RATE)
    times_T = (np.arange(steps) + 0.5) / CONTROL_RATE
    ends = np.array([phone.end for phone in script.phones])
    index_T = np.minimum(np.searchsorted(ends, times_T, side="right"), len(ends) - 1)
    table = [PHONES[phone.symbol] for phone in script.phones]

    def column(values: list) -> NDArray:
        return np.asarray(values, np.float32)[index_T]

    begins = column([phone.start for phone in script.phones])
    place_T = (times_T - begins) / np.maximum(column([p.end - p.start for p in script.phones]), 1e-3)
    plosive_T = column([phone.kind == "plosive" for phone in table]) > 0
    grip_T = column([phone.grip for phone in table])[:, None]
    stress_T = column([phone.stress for phone in script.phones])
    lips_T5 = column([phone.lips for phone in table])
    spoken_T = column([phone.kind != "silence" for phone in table])
    lips_T5[:, :2] *= (0.62 + 0.5 * stress_T[:, None]) * clarity  # a weak syllable is half said
    if waiting_T is not None:
        lips_T5 = _waiting(lips_T5, waiting_T * (1 - spoken_T))
    lips_T5 = coarticulate(lips_T5, grip_T, 6.0)
    noise_T = column([phone.noise[2] for phone in table]) * np.where(plosive_T, place_T > 0.7, 1.0)
    weight_T = np.maximum(spoken_T, 0.05)[:, None]
    return Articulation(
        voicing=smooth(column([phone.voicing for phone in table]), 1.6),
        noise_level=smooth(noise_T, 0.9),
        noise_centre=column([phone.noise[0] for phone in table]),
        noise_width=column([phone.noise[1] for phone in table]),
        nasal=smooth(column([phone.kind == "nasal" for phone in table]), 2.0),
        formants=coarticulate(column([phone.formants for phone in table]), weight_T, 3.4),
        lips=np.clip(lips_T5, 0.0, 1.0),
        stress=smooth(stress_T, 6.0),
        speaking=smooth(spoken_T, 8.0),
        phrase_place=_phrase_place(script, times_T, index_T),
    )


def _waiting(lips_T5: NDArray, waiting_T: NDArray) -> NDArray:
    """Targets of the lips with at least that opening where nothing is said."""
    opening_T, jaw_T = (np.maximum(lips_T5[:, i], share * waiting_T) for i, share in ((0, 1.0), (1, 0.6)))
    pressing_T = lips_T5[:, 4] * np.clip(1 - 10 * waiting_T, 0, 1)
    return np.stack([opening_T, jaw_T, lips_T5[:, 2], lips_T5[:, 3], pressing_T], axis=1)


def _phrase_place(script: Script, times_T: NDArray, index_T: NDArray) -> Floats:
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for phone in script.phones:
        starts.setdefault(phone.phrase, phone.start)
        if phone.symbol != "sil":
            ends[phone.phrase] = phone.end
    start_T = np.array([starts[phone.phrase] for phone in script.phones])[index_T]
    end_T = np.array([ends.get(phone.phrase, 0.0) for phone in script.phones])[index_T]
    return np.clip((times_T - start_T) / np.maximum(end_T - start_T, 0.05), 0.0, 1.0).astype(np.float32)


def per_frame(track: NDArray, frames: int) -> Floats:
    """Mean of each video frame's eight control steps: (T, ...) to (frames, ...)."""
    cut = track[: frames * STEPS_PER_FRAME]
    return cut.reshape(frames, STEPS_PER_FRAME, *track.shape[1:]).mean(1).astype(np.float32)
