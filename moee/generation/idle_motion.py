"""Head motion and blinks that a still portrait is given while it speaks. F frame, S sample.

A talking head that only moves its lips looks dead. Human heads drift slowly, nod with the accents of speech
(Munhall et al. 2004, "Visual prosody and speech intelligibility") and blink every few seconds (Bentivoglio et
al. 1997 measured about 17 blinks a minute at rest). Everything here goes frame by frame from its own seed, so
that the result does not depend on how the sound is cut into chunks.
"""

import math

import numpy as np
import torch
from torch import Tensor

from datamodules.batch import FPS, HEAD_MOTION, SAMPLES_PER_FRAME

# How far the head drifts while speaking; units of HEAD_MOTION (inter-ocular distances, log ratio, radians).
DRIFT = {"shift_x": 0.020, "shift_y": 0.016, "log_scale": 0.010, "roll": 0.028, "yaw": 0.030, "pitch": 0.022}
CALM = 0.35  # share of the drift that is left in silence
NOD = {"pitch": 0.035, "shift_y": 0.022}  # an accent lowers the nose tip and the eyes a little
# A head that turns or tilts about its neck also carries its eyes along: (what follows, what leads) -> slope,
# as measured over 64,000 synthetic frames.
CARRIED = {("shift_x", "yaw"): 1.4, ("shift_x", "roll"): 0.94, ("shift_y", "pitch"): 0.72}
FADE_SECONDS = 0.8  # the first frame is the portrait as it is
BLINK_GAP_SECONDS = (2.0, 6.0)
BLINK_FRAMES = (6, 8)
SILENCE_DB, RANGE_DB = (
    -55.0,
    30.0,
)  # below is silence; activity spans the range under the loudest yet


class NaturalMotion:
    """Called chunk after chunk with the sound, answers with head motion (F, 7) in the order of `HEAD_MOTION`.

    Args:
        seed: the same seed and sound give the same motion.
        strength: multiplies everything but the blinks; 0 leaves a still head that blinks.
    """

    def __init__(self, seed: int = 0, strength: float = 1.0) -> None:
        rng = np.random.default_rng([seed, 0])
        self.strength = strength
        self._waves = {name: _Drift(rng) for name in DRIFT}
        self._blinks = _Blinks(np.random.default_rng([seed, 1]))
        self._voice = _VoiceFollower()
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
        activity, nod = self._voice.step(sound_S)
        fade = self.strength * _smooth_step(index / (FADE_SECONDS * FPS))
        scale = fade * (CALM + (1 - CALM) * activity)
        motion = {name: scale * DRIFT[name] * wave.at(index / FPS) for name, wave in self._waves.items()}
        for (follower, leader), slope in CARRIED.items():
            motion[follower] += slope * motion[leader]
        for name, depth in NOD.items():
            motion[name] += fade * depth * nod
        motion["eye_closure"] = self._blinks.at(index)
        return [motion[name] for name in HEAD_MOTION]


def still_motion(frame_index: int, waveform_S: Tensor) -> Tensor:
    """A head that does not move and eyes that stay as they are in the portrait: zeros (f, 7)."""
    return torch.zeros(math.ceil(len(waveform_S) / SAMPLES_PER_FRAME), len(HEAD_MOTION))


class _Drift:
    """A smooth wandering in about [-1, 1], zero on average: sines of unrelated slow frequencies."""

    def __init__(self, rng: np.random.Generator) -> None:
        low, high = np.array([0.06, 0.15, 0.30]), np.array([0.14, 0.28, 0.55])  # hertz
        self._hertz = rng.uniform(low, high)
        self._phase = rng.uniform(0, 2 * math.pi, 3)
        self._weight = np.array([0.55, 0.35, 0.15])

    def at(self, seconds: float) -> float:
        return float(self._weight @ np.sin(2 * math.pi * self._hertz * seconds + self._phase))


class _VoiceFollower:
    """Activity of the voice in [0, 1], and a nod that starts when the voice swells and swings out softly."""

    SWELL = 2.2  # nod per unit of activity above its recent mean
    SPRING_HZ = 1.6  # natural frequency of the critically damped neck

    def __init__(self) -> None:
        self._loudest = SILENCE_DB + 17.0  # a quiet recording nods too
        self._fast = self._slow = self._activity = 0.0
        self._place = self._speed = 0.0

    def step(self, sound_S: np.ndarray) -> tuple[float, float]:
        """Take one frame of sound; returns (activity, nod)."""
        level = 10 * math.log10(float(np.mean(sound_S**2)) + 1e-10)
        self._loudest = max(level, self._loudest - 0.02)  # forgets half a decibel a second
        now = 0.0 if level < SILENCE_DB else min(1.0, max(0.0, 1 + (level - self._loudest) / RANGE_DB))
        self._fast += 0.45 * (now - self._fast)
        self._slow += 0.06 * (now - self._slow)
        self._activity += 0.08 * (now - self._activity)
        return self._activity, self._swing(min(1.0, self.SWELL * max(0.0, self._fast - self._slow - 0.05)))

    def _swing(self, target: float) -> float:
        omega = 2 * math.pi * self.SPRING_HZ
        for _ in range(4):  # four substeps keep the explicit integration smooth
            dt = 1 / (4 * FPS)
            self._speed += dt * (omega**2 * (target - self._place) - 2 * omega * self._speed)
            self._place += dt * self._speed
        return self._place


class _Blinks:
    """Eye closure per frame: quick down, slower up, at irregular distances."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._start, self._curve = 0, np.zeros(0)
        self._plan(0)

    def at(self, index: int) -> float:
        while index >= self._start + len(self._curve):
            self._plan(self._start + len(self._curve))
        return float(self._curve[index - self._start]) if index >= self._start else 0.0

    def _plan(self, after: int) -> None:
        gap = self._rng.uniform(*BLINK_GAP_SECONDS)
        self._start = after + round(gap * FPS)
        self._curve = blink_curve(int(self._rng.integers(BLINK_FRAMES[0], BLINK_FRAMES[1] + 1)))


def blink_curve(frames: int) -> np.ndarray:
    """Closure (frames,) of one blink: up to exactly 1 at 40 % of its time, then down more slowly."""
    peak = max(1, round(0.4 * (frames - 1)))
    down = np.sin(0.5 * math.pi * np.arange(1, peak + 1) / peak) ** 2
    up = np.cos(0.5 * math.pi * np.arange(1, frames - peak + 1) / (frames - peak + 0.5)) ** 2
    return np.concatenate([down, up])


def _smooth_step(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
