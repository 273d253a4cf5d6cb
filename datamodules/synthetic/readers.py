"""Speech programs that may be installed and read texts aloud: recorded people's sounds, with phones in time.

Flite (Black & Lenzo 2001; Debian's package of that name) speaks with four voices that were built from recordings
whose makers let anybody use them. Its sound is nearer to people than our synthesiser's; it is used in training
alone, where it is installed. F video frame, S sample.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.batch import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.script import Script, TimedPhone

VOICES = ("slt", "rms", "awb", "kal16")
# What Flite calls a sound -> ours; a diphthong or affricate is two of ours, an unstressed vowel a weak one.
_OURS: dict[str, tuple[str, ...]] = {
    **{"pau": ("sil",), "brth": ("sil",), "hh": ("h",), "dh": ("th",), "zh": ("sh",), "dx": ("d",)},
    **{"ax": ("ah",), "axr": ("er",), "ch": ("t", "sh"), "jh": ("d", "sh")},
    **{"ey": ("eh", "iy"), "ay": ("aa", "iy"), "oy": ("ao", "iy"), "ow": ("ao", "uw"), "aw": ("aa", "uw")},
}
_WEAK, _FULL = 0.0, 0.6  # stress of the vowels of function words and of all others
_TIMED = re.compile(r"([a-z0-9]+):([0-9.]+)")


def require_flite() -> str:
    """The program.

    Raises:
        FileNotFoundError: if it is not installed.
    """
    program = shutil.which("flite")
    if program is None:
        raise FileNotFoundError("flite is not installed, and this data needs it: apt-get install flite")
    return program


def read_aloud(
    text: str, voice: str, pitch: float = 1.0, slowness: float = 1.0
) -> tuple[NDArray[np.float32], Script]:
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
        printed = subprocess.run(command, capture_output=True, text=True, check=False)
        timed = [(name, float(end)) for name, end in _TIMED.findall(printed.stdout)]
        if printed.returncode or not timed or not out.exists():
            raise ValueError(f"flite did not speak {text[:60]!r}: {printed.stderr.strip()[:200]}")
        rate, sound = wavfile.read(out)
    if rate != SAMPLE_RATE:
        raise ValueError(f"flite's voice {voice} has {rate} samples a second, expected {SAMPLE_RATE}")
    return (sound / 32768).astype(np.float32), script_of(timed)


def script_of(timed: list[tuple[str, float]]) -> Script:
    """Flite's phones and when they end, in ours."""
    phones: list[TimedPhone] = []
    clock, phrase = 0.0, 0
    for name, end in timed:
        ours = _OURS.get(name, (name if name in PHONES else "ah",))
        phrase += ours == ("sil",)
        edges = np.linspace(clock, max(end, clock + 0.005), len(ours) + 1)
        stress = _WEAK if name in ("ax", "axr") else _FULL
        phones += [
            TimedPhone(symbol, float(first), float(last), stress, phrase)
            for symbol, first, last in zip(ours, edges[:-1], edges[1:], strict=True)
        ]
        clock = float(edges[-1])
    return Script(tuple(phones), clock)


def resized(
    sound_S: NDArray, script: Script, factor: float
) -> tuple[NDArray[np.float32], Script]:
    """The voice of a person `factor` times as large: all frequencies divided by it, all times multiplied."""
    longer = round(len(sound_S) * factor)
    at = np.arange(longer) * (len(sound_S) / longer)
    spectrum = np.fft.rfft(sound_S)
    if factor < 1:  # what would lie above half the sampling rate afterwards
        spectrum[int(len(spectrum) * factor) :] = 0
    clean_S = np.fft.irfft(spectrum, len(sound_S))
    out_S = np.interp(at, np.arange(len(sound_S)), clean_S).astype(np.float32)
    phones = tuple(
        TimedPhone(p.symbol, p.start * factor, p.end * factor, p.stress, p.phrase) for p in script.phones
    )
    return out_S, Script(phones, script.seconds * factor)
