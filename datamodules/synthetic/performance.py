"""An actor for a few seconds: voice, face, eyes and head, all moved by one blend and one script.

Letters: F video frame, T control step (5 ms), E expert, A action unit.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.action_units import prototype, regional_prototype
from datamodules.batch import ACTION_UNITS, EMOTIONS, FPS
from datamodules.synthetic.face.controls import Controls
from datamodules.synthetic.phones import LIPS
from datamodules.synthetic.script import (
    Articulation,
    Script,
    articulate,
    per_frame,
    random_script,
    smooth,
    waiting_lips,
)
from datamodules.synthetic.voice import Speaker, prosody, sample_speaker, speak

Floats = NDArray[np.float32]

_UNIT = {unit: index for index, unit in enumerate(ACTION_UNITS)}
MAX_TURN, MAX_SHIFT, MAX_SCALE = 0.12, 0.015, 0.03
# Mean head pose of each emotion (yaw, pitch, roll, shift_x, shift_y, log_scale): the sad head sinks, surprise
# and fear draw back, anger pushes forward, disgust turns away (after Wallbott 1998, table 3). Positive pitch
# looks down.
_STANCE = {
    "happy": (0.0, -0.015, 0.03, 0.0, 0.0, 0.0),
    "sad": (0.0, 0.06, 0.02, 0.0, 0.006, -0.004),
    "angry": (0.0, 0.035, 0.0, 0.0, 0.002, 0.014),
    "disgust": (0.04, -0.03, 0.02, 0.003, 0.0, -0.008),
    "fear": (0.02, -0.01, 0.0, 0.0, 0.0, -0.014),
    "surprise": (0.0, -0.045, 0.0, 0.0, -0.004, -0.010),
}
_BLINKS_PER_SECOND = 0.3
_LIDS = {
    5: (0.45, 1.0, 0.75, 0.4, 0.12),
    6: (0.45, 1.0, 1.0, 0.7, 0.4, 0.12),
    7: (0.3, 0.8, 1.0, 0.9, 0.65, 0.35, 0.1),
}


@dataclass(frozen=True)
class Utterance:
    """A sound and the lips that go with it: `lips` (F, 5) in the order of `LIPS`, in [0, 1]."""

    waveform: Floats  # (F * 640,)
    script: Script
    articulation: Articulation
    pitch: Floats  # (F,) Hz
    lips: Floats

    @property
    def opening(self) -> Floats:
        """How far speech parts the lips, bilabial closures applied."""
        return self.lips[:, 0] * (1 - self.lips[:, LIPS.index("pressing")])


@dataclass(frozen=True)
class Performance:
    """What the renderer draws and what is heard meanwhile."""

    controls: Controls
    utterance: Utterance
    expression: Floats  # (F, A): the face without speech


def utter(blend_E: NDArray, frames: int, rng: np.random.Generator, speaker: Speaker) -> Utterance:
    """Say something invented for exactly `frames` video frames, coloured by the blend (E,)."""
    mood = prosody(blend_E, rng)
    script = random_script(rng, frames / FPS, speaker.tempo * np.exp(mood.tempo), np.exp(mood.pause))
    clarity = np.clip(np.exp(0.025 * mood.level + rng.normal(0, 0.06)), 0.8, 1.25)
    waiting_T = waiting_lips(script, rng.spawn(1)[0])  # its own generator: all else stays as it was
    speech = articulate(script, float(clarity), waiting_T)
    waveform, pitch_T = speak(speech, speaker, mood, rng)
    return Utterance(waveform, script, speech, per_frame(pitch_T, frames), per_frame(speech.lips, frames))


def wander(rng: np.random.Generator, frames: int, columns: int, sigma: float) -> Floats:
    """Slow noise (frames, columns) of unit variance; `sigma` is its time scale in frames."""
    noise = smooth(rng.normal(size=(frames + int(6 * sigma), columns)), sigma)[-frames:]
    return (noise * np.sqrt(2 * sigma * np.sqrt(np.pi))).astype(np.float32)


def express(blend: NDArray, frames: int, rng: np.random.Generator) -> Floats:
    """The held expression (F, A): the prototype of a blend as one person shows it at one moment.

    The blend is that of the whole face (E,), or two by region (2, E). Each unit has its own gain for the clip
    (log-normal, 15 %), all share an envelope that swells and sometimes sets in or fades within the clip, and
    each trembles a little.
    """
    felt = torch.as_tensor(blend, dtype=torch.float32)
    target_A = (prototype(felt) if felt.ndim == 1 else regional_prototype(felt)).numpy()
    target_A = target_A * np.clip(rng.lognormal(0, 0.15, len(target_A)), 0.7, 1.3)
    if rng.random() < 0.15:
        target_A = np.maximum(target_A, random_action_units(rng, most=1) * rng.uniform(0.3, 0.6))
    envelope_F = _envelope(frames, rng)
    tremble_FA = 1 + 0.07 * wander(rng, frames, len(target_A), 5.0)
    return np.clip(target_A * envelope_F[:, None] * tremble_FA, 0, 1).astype(np.float32)


def random_action_units(rng: np.random.Generator, most: int = 4) -> Floats:
    """One unit, or up to `most`, at 0.3 to 1; the others zero: (A,). What no emotion prescribes."""
    out = np.zeros(len(ACTION_UNITS), np.float32)
    count = 1 if most == 1 or rng.random() < 0.4 else int(rng.integers(2, most + 1))
    out[rng.choice(len(out), count, replace=False)] = rng.uniform(0.3, 1.0, count)
    return out


def _envelope(frames: int, rng: np.random.Generator) -> Floats:
    """Around 1 (F,): slow swell; a third of the clips sets in quickly or fades slowly, from or to half."""
    seconds_F = np.arange(frames) / FPS
    level_F = 0.97 + 0.07 * wander(rng, frames, 1, 12.0)[:, 0]
    kind = rng.random()
    if kind < 0.2:
        start, length = rng.uniform(-0.2, 0.5), rng.uniform(0.2, 0.45)
        level_F = level_F * (0.5 + 0.5 * _ease((seconds_F - start) / length))
    elif kind < 0.33:
        start, length = seconds_F[-1] - rng.uniform(0.2, 0.8), rng.uniform(0.6, 1.2)
        level_F = level_F * (1 - 0.5 * _ease((seconds_F - start) / length))
    return level_F.astype(np.float32)


def _ease(x: NDArray) -> NDArray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def with_speech(expression_FA: Floats, utterance: Utterance) -> Floats:
    """What a FACS coder sees: the expression and the speech on one mouth, (F, A) in [0, 1].

    A speaker cannot hold the jaw down, so an expression's AU25 and AU26 yield to 45 % while speaking, and the
    two add as 1 - (1 - a)(1 - b), which never stops at the limit. A bilabial closes the lips whatever the
    face does, and lifts the jaw.
    """
    opening, jaw, _, spreading, pressing = utterance.lips.T
    speaking = per_frame(utterance.articulation.speaking, len(expression_FA))
    face_FA = expression_FA.copy()
    hold = 1 - 0.55 * speaking
    for unit, speech, closing in ((25, 0.95 * opening, 0.98), (26, 0.85 * jaw, 0.65)):
        held = face_FA[:, _UNIT[unit]] * hold
        face_FA[:, _UNIT[unit]] = (1 - (1 - held) * (1 - speech)) * (1 - closing * pressing)
    face_FA[:, _UNIT[20]] += 0.10 * spreading * speaking
    face_FA[:, _UNIT[12]] += 0.06 * spreading * speaking
    face_FA[:, _UNIT[10]] += 0.05 * opening
    face_FA[:, _UNIT[23]] += 0.10 * pressing * speaking
    return np.clip(face_FA, 0, 1).astype(np.float32)


def blinks(rng: np.random.Generator, frames: int, rate: float = _BLINKS_PER_SECOND) -> Floats:
    """Lid closure (F,): blinks of five to seven frames, closing faster than opening, at `rate` a second."""
    closure = np.zeros(frames + 8, np.float32)
    at = rng.exponential(1 / rate) - 0.3
    while at * FPS < frames:
        shape = np.array(_LIDS[int(rng.integers(5, 8))], np.float32)
        start = max(int(at * FPS), 0)
        closure[start : start + len(shape)] = np.maximum(closure[start : start + len(shape)], shape)
        at += 0.5 + rng.exponential(1 / rate)
    return closure[:frames]


def look(rng: np.random.Generator, frames: int, sadness: float = 0.0) -> Floats:
    """Gaze (F, 2), right and down in [-1, 1]: steady looks near the camera, a quick move each 1.5 s or so."""
    moves = np.cumsum(rng.random(frames) < 1 / (1.5 * FPS))
    places = rng.normal(0, 0.16, (int(moves[-1]) + 1, 2)) * np.array([1.0, 0.6])
    places[rng.random(len(places)) < 0.5] = 0.0
    places[:, 1] += 0.25 * sadness
    steps = smooth(places[moves], 0.6) + 0.015 * wander(rng, frames, 2, 2.0)
    return np.clip(steps, -1, 1).astype(np.float32)


def move_head(blend_E: NDArray, utterance: Utterance, rng: np.random.Generator) -> Floats:
    """Head pose (F, 6) as in `Controls.pose`: stance, slow sway, nods on stress, lifts on high pitch."""
    frames = len(utterance.pitch)
    stance = sum(w * np.array(_STANCE[name]) for w, name in zip(blend_E, EMOTIONS, strict=True))
    stance = stance * rng.uniform(0.6, 1.3) + rng.normal(0, 1, 6) * [0.03, 0.02, 0.018, 0.004, 0.004, 0.008]
    stance[0] *= rng.choice([-1, 1])  # people turn away to either side
    sway = wander(rng, frames, 6, 13.0) * [0.022, 0.016, 0.016, 0.003, 0.003, 0.005]
    beat_F = smooth(per_frame(utterance.articulation.stress, frames), 2.0) - 0.3
    high_F = smooth(np.log2(utterance.pitch / np.median(utterance.pitch)), 3.0)
    pose = stance + sway * rng.uniform(0.5, 1.5)
    pose[:, 1] += beat_F * rng.uniform(0.02, 0.06) - high_F * 0.03
    pose[:, 4] += beat_F * rng.uniform(0.0, 0.006)
    limit = np.array([MAX_TURN, MAX_TURN, MAX_TURN, MAX_SHIFT, MAX_SHIFT, MAX_SCALE])
    return (limit * np.tanh(pose / limit)).astype(np.float32)


def perform(
    blend_E: NDArray,
    frames: int,
    rng: np.random.Generator,
    speaker: Speaker | None = None,
    action_units: NDArray | None = None,
    regions_2E: NDArray | None = None,
) -> Performance:
    """Act a blend for some frames.

    Args:
        blend_E: what is felt, (E,); colours voice, head and face.
        frames: length; at least 5.
        rng: where everything random is drawn from.
        speaker: whose voice; a random one by default.
        action_units: an expression (A,) or (F, A) to show instead of the blend's own; taken exactly,
            speech on top.
        regions_2E: blends of the upper and the lower face to show instead of `blend_E`.

    Raises:
        ValueError: if fewer than 5 frames are asked for, or the imposed units have another shape or leave
            [0, 1].
    """
    if frames < 5:
        raise ValueError(f"a performance of {frames} frames: at least 5 are needed")
    speaker = speaker or sample_speaker(int(rng.integers(1 << 31)))
    utterance = utter(blend_E, frames, rng, speaker)
    if action_units is None:
        expression = express(blend_E if regions_2E is None else regions_2E, frames, rng)
    else:
        expression = _imposed(action_units, frames)
    controls = Controls(
        action_units=with_speech(expression, utterance),
        lips=np.ascontiguousarray(utterance.lips[:, 2:5]),
        gaze=look(rng, frames, float(blend_E[EMOTIONS.index("sad")])),
        eye_closure=blinks(rng, frames),
        pose=move_head(blend_E, utterance, rng),
    )
    return Performance(controls, utterance, expression)


def _imposed(action_units: NDArray, frames: int) -> Floats:
    track = np.asarray(action_units, np.float32)
    if track.shape not in ((len(ACTION_UNITS),), (frames, len(ACTION_UNITS))):
        raise ValueError(
            f"imposed action units of shape {track.shape}: expected ({len(ACTION_UNITS)},) or "
            f"({frames}, {len(ACTION_UNITS)})"
        )
    if not ((track >= 0) & (track <= 1)).all():
        raise ValueError(f"imposed action units {track.min():g} to {track.max():g}: allowed are 0..1")
    return np.broadcast_to(track, (frames, len(ACTION_UNITS))).copy()


def portrait(blend_E: NDArray, rng: np.random.Generator, lips_apart: float = 0.0) -> Controls:
    """One still moment without speech, for a reference picture; `lips_apart` in [0, 1] adds AU25 and AU26."""
    units_1A = express(blend_E, 2, rng)[:1]
    units_1A[:, _UNIT[25]] = np.maximum(units_1A[:, _UNIT[25]], lips_apart)
    units_1A[:, _UNIT[26]] = np.maximum(units_1A[:, _UNIT[26]], 0.7 * lips_apart)
    limit = np.array([MAX_TURN, MAX_TURN, MAX_TURN, MAX_SHIFT, MAX_SHIFT, MAX_SCALE])
    return Controls(
        action_units=units_1A,
        lips=np.zeros((1, 3), np.float32),
        gaze=look(rng, 1),
        eye_closure=np.zeros(1, np.float32),
        pose=np.clip(rng.normal(0, 0.35, (1, 6)), -1, 1).astype(np.float32) * limit.astype(np.float32),
    )
