"""Head motion and blinks that a still portrait is given while it speaks. F frame, S sample.

A talking head that only moves its lips looks dead. Human heads drift slowly, nod with the accents of speech
(Munhall et al. 2004, "Visual prosody and speech intelligibility") and blink every few seconds (Bentivoglio et
al. 1997 measured about 17 blinks a minute at rest). Everything here goes frame by frame from its own seed, so
that the result does not depend on how the sound is cut into chunks.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from datamodules.batch import FPS, HEAD_MOTION, SAMPLES_PER_FRAME

CLOSING_SHARE = 0.4  # of a blink's time; lids close faster than they open (Evinger, Manning & Sibony 1991)
SUBSTEPS = 4  # of the neck's spring in a frame: keeps the explicit integration smooth
LEAST_POWER = 1e-10  # mean square of a frame of digital silence, -100 dB


@dataclass(frozen=True)
class Manner:
    """How a head moves while it speaks. Where no source is named, the value is a choice of this suite.

    Args:
        drift: how far each coordinate of `HEAD_MOTION` wanders while speaking: inter-ocular distances, a log
            ratio, radians.
        waves: low hertz, high hertz and weight of the sines that a drift is made of; slow ones weigh most.
        calm: share of the drift that is left in silence.
        nod: how far a full nod goes: an accent lowers the nose tip and the eyes a little.
        carried: (what follows, what leads) -> slope: a head that turns or tilts about its neck also carries
            its eyes along, as measured over 64,000 synthetic frames.
        fade_seconds: in which motion grows to its full size, since the first frame is the portrait as it is.
        blink_gap: least and greatest seconds between blinks, 14 a minute (Bentivoglio et al. 1997 counted 17
            at rest).
        blink_frames: least and greatest length of a blink in frames, 240 to 320 ms.
        silence: decibels of full scale below which there is no voice.
        voice_range: decibels under the loudest level yet that the voice's activity spans.
        first_loudest: decibels above silence that count as the loudest before anything was heard, so that a
            quiet recording nods too.
        forgets: decibels a frame by which the loudest level falls, half a decibel a second.
        fast, slow, settling: share of the way towards what is heard that the level, its recent mean and the
            activity go in a frame: time constants of 0.07, 0.65 and 0.48 seconds.
        accent: activity above the recent mean that is no accent yet.
        swell: nod for a unit of activity beyond that.
        neck_hertz: natural frequency of the critically damped neck.
    """

    drift: Mapping[str, float] = field(
        default_factory=lambda: {
            **{"shift_x": 0.020, "shift_y": 0.016, "log_scale": 0.010},
            **{"roll": 0.028, "yaw": 0.030, "pitch": 0.022},
        }
    )
    waves: tuple[tuple[float, float, float], ...] = (
        (0.06, 0.14, 0.55),
        (0.15, 0.28, 0.35),
        (0.30, 0.55, 0.15),
    )
    calm: float = 0.35
    nod: Mapping[str, float] = field(default_factory=lambda: {"pitch": 0.035, "shift_y": 0.022})
    carried: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: {
            ("shift_x", "yaw"): 1.4,
            ("shift_x", "roll"): 0.94,
            ("shift_y", "pitch"): 0.72,
        }
    )
    fade_seconds: float = 0.8
    blink_gap: tuple[float, float] = (2.0, 6.0)
    blink_frames: tuple[int, int] = (6, 8)
    silence: float = -55.0
    voice_range: float = 30.0
    first_loudest: float = 17.0
    forgets: float = 0.02
    fast: float = 0.45
    slow: float = 0.06
    settling: float = 0.08
    accent: float = 0.05
    swell: float = 2.2
    neck_hertz: float = 1.6


class NaturalMotion:
    """Called chunk after chunk with the sound, answers with head motion (F, 7) in the order of `HEAD_MOTION`.

    Args:
        seed: the same seed and sound give the same motion.
        strength: multiplies everything but the blinks; 0 leaves a still head that blinks.
        manner: how far and how fast.
    """

    def __init__(self, seed: int = 0, strength: float = 1.0, manner: Manner | None = None) -> None:
        rng = np.random.default_rng([seed, 0])
        self.strength, self.manner = strength, manner or Manner()
        self._waves = {name: _Drift(self.manner, rng) for name in self.manner.drift}
        self._blinks = _Blinks(self.manner, np.random.default_rng([seed, 1]))
        self._voice = _VoiceFollower(self.manner)
        self._next = 0

    def __call__(self, frame_index: int, waveform_S: Tensor) -> Tensor:
        """Motion (f, 7) of the frames that begin at `frame_index`, f = ceil(S / 640).

        Raises:
            ValueError: if a chunk is left out or repeated.
        """
        if frame_index != self._next:
            raise ValueError(f"head motion goes frame by frame: expected {self._next}, got {frame_index}")
        frames = math.ceil(len(waveform_S) / SAMPLES_PER_FRAME)
        sound_S = np.zeros(frames * SAMPLES_PER_FRAME)
        sound_S[: len(waveform_S)] = waveform_S.double().cpu().numpy()
        rows = [self._frame(self._next + i, part) for i, part in enumerate(sound_S.reshape(frames, -1))]
        self._next += frames
        return torch.tensor(rows, dtype=torch.float32).reshape(frames, len(HEAD_MOTION))

    def _frame(self, index: int, sound_S: np.ndarray) -> list[float]:
        manner = self.manner
        activity, nod = self._voice.step(sound_S)
        fade = self.strength * _smooth_step(index / (manner.fade_seconds * FPS))
        scale = fade * (manner.calm + (1 - manner.calm) * activity)
        motion = {
            name: scale * manner.drift[name] * wave.at(index / FPS) for name, wave in self._waves.items()
        }
        for (follower, leader), slope in manner.carried.items():
            motion[follower] += slope * motion[leader]
        for name, depth in manner.nod.items():
            motion[name] += fade * depth * nod
        motion["eye_closure"] = self._blinks.at(index)
        return [motion[name] for name in HEAD_MOTION]


def still_motion(frame_index: int, waveform_S: Tensor) -> Tensor:
    """A head that does not move and eyes that stay as they are in the portrait: zeros (f, 7)."""
    return torch.zeros(math.ceil(len(waveform_S) / SAMPLES_PER_FRAME), len(HEAD_MOTION))


class _Drift:
    """A smooth wandering in about [-1, 1], zero on average: sines of unrelated slow frequencies."""

    def __init__(self, manner: Manner, rng: np.random.Generator) -> None:
        low, high, self._weight = np.array(manner.waves).T
        self._hertz = rng.uniform(low, high)
        self._phase = rng.uniform(0, 2 * math.pi, len(low))

    def at(self, seconds: float) -> float:
        return float(self._weight @ np.sin(2 * math.pi * self._hertz * seconds + self._phase))


class _VoiceFollower:
    """Activity of the voice in [0, 1], and a nod that starts when the voice swells and swings out softly."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._loudest = manner.silence + manner.first_loudest
        self._fast = self._slow = self._activity = 0.0
        self._place = self._speed = 0.0

    def step(self, sound_S: np.ndarray) -> tuple[float, float]:
        """Take one frame of sound; returns (activity, nod)."""
        manner = self._manner
        level = 10 * math.log10(float(np.mean(sound_S**2)) + LEAST_POWER)
        self._loudest = max(level, self._loudest - manner.forgets)
        now = 1 + (level - self._loudest) / manner.voice_range
        now = 0.0 if level < manner.silence else min(1.0, max(0.0, now))
        self._fast += manner.fast * (now - self._fast)
        self._slow += manner.slow * (now - self._slow)
        self._activity += manner.settling * (now - self._activity)
        swell = manner.swell * max(0.0, self._fast - self._slow - manner.accent)
        return self._activity, self._swing(min(1.0, swell))

    def _swing(self, target: float) -> float:
        omega = 2 * math.pi * self._manner.neck_hertz
        for _ in range(SUBSTEPS):
            dt = 1 / (SUBSTEPS * FPS)
            self._speed += dt * (omega**2 * (target - self._place) - 2 * omega * self._speed)
            self._place += dt * self._speed
        return self._place


class _Blinks:
    """Eye closure per frame: quick down, slower up, at irregular distances."""

    def __init__(self, manner: Manner, rng: np.random.Generator) -> None:
        self._manner, self._rng = manner, rng
        self._start, self._curve = 0, np.zeros(0)
        self._plan(0)

    def at(self, index: int) -> float:
        while index >= self._start + len(self._curve):
            self._plan(self._start + len(self._curve))
        return float(self._curve[index - self._start]) if index >= self._start else 0.0

    def _plan(self, after: int) -> None:
        shortest, longest = self._manner.blink_frames
        gap = self._rng.uniform(*self._manner.blink_gap)
        self._start = after + round(gap * FPS)
        self._curve = blink_curve(int(self._rng.integers(shortest, longest + 1)))


def blink_curve(frames: int) -> np.ndarray:
    """Closure (frames,) of one blink: up to exactly 1 by `CLOSING_SHARE`, then down more slowly."""
    peak = max(1, round(CLOSING_SHARE * (frames - 1)))
    down = np.sin(0.5 * math.pi * np.arange(1, peak + 1) / peak) ** 2
    up = np.cos(0.5 * math.pi * np.arange(1, frames - peak + 1) / (frames - peak + 0.5)) ** 2
    return np.concatenate([down, up])


def _smooth_step(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
