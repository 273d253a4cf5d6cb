"""Flite, a speech program that may be installed, reads texts aloud: people's own sounds, with phones in time.

Flite (Black & Lenzo 2001; Debian has it) speaks with voices that were built from recordings of people who let
anybody use them. They are nearer to people than our synthesiser; training hears them on request, where the
program is installed. S sample.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.batch import EMOTIONS, SAMPLE_RATE
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.script import Script, TimedPhone
from datamodules.synthetic.text import describe

Floats = NDArray[np.float32]

VOICES = ("slt", "rms", "awb", "kal16")
# What Flite calls a sound -> ours; a diphthong or affricate is two of ours, an unstressed vowel a weak one.
_OURS: dict[str, tuple[str, ...]] = {
    **{"pau": ("sil",), "brth": ("sil",), "hh": ("h",), "dh": ("th",), "zh": ("sh",), "dx": ("d",)},
    **{"ax": ("ah",), "axr": ("er",), "ch": ("t", "sh"), "jh": ("d", "sh")},
    **{"ey": ("eh", "iy"), "ay": ("aa", "iy"), "oy": ("ao", "iy"), "ow": ("ao", "uw"), "aw": ("aa", "uw")},
}
_WEAK, _FULL = 0.0, 0.6  # stress of the reduced vowels and of all else
_TIMED = re.compile(r"([a-z0-9]+):([0-9.]+)")
_WORD_PARTS = {
    "onset": "b c d f g h j k l m n p r s t v w y z sh ch th br st pl tr kr fl sp gr",
    "nucleus": "a e i o u ee oo ai ou ow ar er or ea aw",
    "coda": "n m t s l p k d b ng f st nt r v z sh ch",
}
_NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirty fifty hundred"


def require_flite() -> str:
    """Path of the program.

    Raises:
        FileNotFoundError: if it is not installed.
    """
    program = shutil.which("flite")
    if program is None:
        raise FileNotFoundError(
            "flite is not installed, and voices that read aloud need it: install it (Debian: flite), or set "
            "read_share=0"
        )
    return program


def read_aloud(text: str, voice: str, pitch: float = 1.0, slowness: float = 1.0) -> tuple[Floats, Script]:
    """A text in one of `VOICES`: sound (S,) in [-1, 1] at 16 kHz, and its phones.

    Args:
        text: English words.
        voice: one of `VOICES`.
        pitch: factor on the voice's own.
        slowness: factor on durations.

    Raises:
        FileNotFoundError: if Flite is not installed.
        ValueError: if it does not speak.
    """
    from scipy.io import wavfile

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "spoken.wav"
        command = [require_flite(), "-voice", voice, "--setf", f"f0_shift={pitch:.3f}"]
        command += ["--setf", f"duration_stretch={slowness:.3f}", "-psdur", "-t", text, "-o", str(out)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        timed = [(name, float(end)) for name, end in _TIMED.findall(said.stdout)]
        if said.returncode or not timed or not out.exists():
            raise ValueError(f"flite did not speak {text[:60]!r}: {said.stderr.strip()[:200]}")
        rate, sound_S = wavfile.read(out)
    if rate != SAMPLE_RATE:
        raise ValueError(f"flite's voice {voice} has {rate} samples a second, expected {SAMPLE_RATE}")
    return (sound_S / 32768).astype(np.float32), script_of(timed)


def script_of(timed: list[tuple[str, float]]) -> Script:
    """Flite's phones and when they end (seconds), in ours."""
    phones: list[TimedPhone] = []
    clock, phrase = 0.0, 0
    for name, end in timed:
        ours = _OURS.get(name, (name if name in PHONES else "ah",))
        phrase += ours == ("sil",)
        edges = np.linspace(clock, max(end, clock + 0.005), len(ours) + 1).tolist()
        stress = _WEAK if name in ("ax", "axr") else _FULL
        for symbol, start, stop in zip(ours, edges[:-1], edges[1:], strict=True):
            phones.append(TimedPhone(symbol, start, stop, stress, phrase))
        clock = edges[-1]
    return Script(tuple(phones), clock)


def resized(sound_S: NDArray, script: Script, factor: float) -> tuple[Floats, Script]:
    """The voice of a person `factor` times as large: all frequencies divided by it, all times multiplied."""
    spectrum = np.fft.rfft(sound_S)
    if factor < 1:  # what would lie above half the sampling rate afterwards
        spectrum[int(len(spectrum) * factor) :] = 0
    longer = round(len(sound_S) * factor)
    at_S = np.arange(longer) * (len(sound_S) / longer)
    out_S = np.interp(at_S, np.arange(len(sound_S)), np.fft.irfft(spectrum, len(sound_S)))
    phones = tuple(
        TimedPhone(p.symbol, p.start * factor, p.end * factor, p.stress, p.phrase) for p in script.phones
    )
    return out_S.astype(np.float32), Script(phones, script.seconds * factor)


def random_text(rng: np.random.Generator, words: int) -> str:
    """At least so many words: invented ones, sentences of this package, numbers and letters, with commas."""
    out: list[str] = []
    while len(out) < words:
        kind = rng.random()
        if kind < 0.45:
            out += [_invented(rng) for _ in range(rng.integers(2, 6))]
        elif kind < 0.85:
            blend_E = torch.eye(len(EMOTIONS))[int(rng.integers(len(EMOTIONS)))] * float(
                rng.uniform(0.3, 1.0)
            )
            out += describe(blend_E, rng, "train", "english").split()
        elif kind < 0.93:
            out += [_any_of(_NUMBERS, rng) for _ in range(2)]
        else:
            out += [str(rng.choice(list(ascii_lowercase))) for _ in range(2)]
        if rng.random() < 0.25:
            out[-1] = out[-1].rstrip(".,") + str(rng.choice([",", "."]))
    return " ".join(out)


def _invented(rng: np.random.Generator) -> str:
    """A word of one to three syllables, as English would spell it."""
    word = ""
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        word += _any_of(_WORD_PARTS["onset"], rng) + _any_of(_WORD_PARTS["nucleus"], rng)
        word += _any_of(_WORD_PARTS["coda"], rng) if rng.random() < 0.7 else ""
    return word


def _any_of(listed: str, rng: np.random.Generator) -> str:
    return str(rng.choice(listed.split()))
