"""From what a user writes to an `EmotionCue`. F frame, E expert, A action unit, P point of a curve.

A timeline is a JSON list such as `[{"time": 0, "emotion": "sad"}, {"time": 2, "au": "AU12=1"}]`:
between two entries every weight moves in a straight line, before the first and after the last it holds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor

from datamodules.batch import ACTION_UNIT_NAMES, ACTION_UNITS, FPS, REGIONS, parse_blend
from evaluation.reading import read_json
from evaluation.validation import Written, checked
from moee.generation.cue_request import CueRequest

if TYPE_CHECKING:
    from lightning_modules.interfaces import EmotionCue

BETWEEN_REGIONS = " above "  # `angry above happy`: brows and eyes, then nose and mouth
MAX_TEXT = 1000  # characters; a description, not a book
MAX_SPEECH_SECONDS = 20.0  # of an emotion's recording; more says no more about its tone


@dataclass
class Timeline:
    """What changes over time; a curve that no entry names is None.

    Args:
        blend: (F, E), one blend per frame.
        action_units: (F, A), one row of intensities per frame.
        palette: (F, E), one set of expert weights per frame.
    """

    blend: Tensor | None
    action_units: Tensor | None
    palette: Tensor | None


class TimelineEntry(Written):
    """One entry of a timeline: what is asked for at a moment, in the words of the command line.

    Args:
        time: seconds from the start.
        emotion, au, palette: as in `CueRequest`.
    """

    time: Annotated[float, Field(ge=0)]
    emotion: str | None = None
    au: str | None = None
    palette: str | None = None

    @model_validator(mode="after")
    def _check_cue(self) -> "TimelineEntry":
        if self.emotion is self.au is self.palette is None:
            raise ValueError('needs "emotion", "au" or "palette"')
        return self


def check(request: CueRequest) -> None:
    """Refuse what can be refused before any file but the timeline is opened.

    Raises:
        ValueError: for an unknown emotion or action unit, a value out of range, an empty or overlong text.
        FileNotFoundError: if the timeline or the emotion's recording is missing.
    """
    build(replace(request, emotion_audio=None), frames=1)
    if request.emotion_audio is not None and not Path(request.emotion_audio).is_file():
        raise FileNotFoundError(f"--emotion-audio {request.emotion_audio}: no such file")


def build(request: CueRequest, frames: int) -> "EmotionCue":
    """The cue for a clip of `frames` frames."""
    from lightning_modules.interfaces import EmotionCue, given

    cue = EmotionCue()
    if request.emotion is not None:
        cue.label = parse_emotion(request.emotion)[None]
    if request.au is not None:
        cue.action_units = parse_action_units(request.au)[None]
    if request.text is not None:
        cue.text = _text(request.text)
    if request.palette is not None:
        cue.palette = parse_blend(request.palette)[None]
    if request.timeline is not None:
        _add_timeline(cue, read_timeline(request.timeline, frames), request)
    if request.emotion_audio is not None:
        from datamodules.media.reading import read_sound

        cue.speech = read_sound(request.emotion_audio, MAX_SPEECH_SECONDS)
    if given(cue) in ([], ["palette"]):
        cue.label = parse_blend("neutral")[None] if cue.palette is None else cue.palette
    return cue


def _add_timeline(cue: "EmotionCue", timeline: Timeline, request: CueRequest) -> None:
    for asked, curve, option in (
        (request.emotion, timeline.blend, "--emotion"),
        (request.au, timeline.action_units, "--au"),
        (request.palette, timeline.palette, "--palette"),
    ):
        if asked is not None and curve is not None:
            raise ValueError(f"{option} is also in --timeline: drop {option}, or take it out of the timeline")
    cue.label = cue.label if timeline.blend is None else timeline.blend
    cue.action_units = cue.action_units if timeline.action_units is None else timeline.action_units
    cue.palette = cue.palette if timeline.palette is None else timeline.palette


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("--text is empty: describe the emotion, or leave the option out")
    if len(text) > MAX_TEXT:
        raise ValueError(f"--text has {len(text)} characters, at most {MAX_TEXT} are read")
    return text.strip()


def parse_emotion(text: str) -> Tensor:
    """`happy:0.5,fear:0.3` to a blend (E,); `angry above happy` to those of upper and lower face (2, E).

    Raises:
        ValueError: for an unknown emotion, a bad weight, or more than two regions.
    """
    regions = text.split(BETWEEN_REGIONS)
    if len(regions) > len(REGIONS):
        raise ValueError(f"emotion {text!r}: a face has two regions; write for example 'angry above happy'")
    blends = [parse_blend(region) for region in regions]
    return blends[0] if len(blends) == 1 else torch.stack(blends)


def _same_shape(points: list[tuple[float, Tensor]]) -> list[tuple[float, Tensor]]:
    """Blends of whole faces by region, too, if one of the points is."""
    if all(value.ndim == 1 for _, value in points):
        return points
    return [(time, value if value.ndim == 2 else value.expand(len(REGIONS), -1)) for time, value in points]


def parse_action_units(text: str) -> Tensor:
    """`AU12=0.8,AU6=0.5` to intensities (A,); units that are not named are 0.

    Raises:
        ValueError: for a unit that is not known, a value outside 0..1, or a unit named twice.
    """
    known = [f"AU{unit}" for unit in ACTION_UNITS]
    values_A = torch.zeros(len(ACTION_UNITS))
    named: set[str] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(?:AU)?\s*0*(\w*)\s*[=:]\s*(\S+)\s*", part, re.IGNORECASE)
        if not match:
            raise ValueError(f"action units {text!r}: {part.strip()!r} is not of the form AU12=0.8")
        unit, amount = f"AU{match[1]}", _number(match[2], f"AU{match[1]}")
        if unit not in known:
            near = get_close_matches(unit, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ValueError(f"unknown action unit {unit!r}: {hint}known are {', '.join(known)}")
        if unit in named:
            raise ValueError(f"action units {text!r}: {unit} is given twice")
        if not 0 <= amount <= 1:
            name = ACTION_UNIT_NAMES[int(match[1])]
            raise ValueError(f"action unit {unit} ({name}): {match[2]} is outside 0..1")
        named.add(unit)
        values_A[known.index(unit)] = amount
    return values_A


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is not a number") from None


def read_timeline(path: str | Path, frames: int) -> Timeline:
    """The curves of a timeline file, `frames` rows each.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is not JSON, or an entry is not valid; the message has the entry's number, from 1.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"--timeline {path}: no such file")
    content = read_json(Path(path), "timeline")
    if not isinstance(content, list) or not content:
        raise ValueError(f'--timeline {path}: expected a list such as [{{"time": 0, "emotion": "happy"}}]')
    places = [f"--timeline {path}, entry {number}" for number in range(1, len(content) + 1)]
    entries = [checked(TimelineEntry, entry, place) for place, entry in zip(places, content, strict=True)]
    for place, (before, after) in zip(places[1:], pairwise(entries), strict=True):
        if after.time <= before.time:
            raise ValueError(f"{place}: time {after.time:g} does not come after {before.time:g}")

    def curve(key: str, parse: Callable[[str], Tensor]) -> Tensor | None:
        texts = [getattr(entry, key) for entry in entries]
        points = [
            (entry.time, _parsed(text, parse, place))
            for entry, text, place in zip(entries, texts, places, strict=True)
            if text is not None
        ]
        return interpolate(_same_shape(points), frames) if points else None

    return Timeline(
        curve("emotion", parse_emotion), curve("au", parse_action_units), curve("palette", parse_blend)
    )


def _parsed(text: str, parse: Callable[[str], Tensor], place: str) -> Tensor:
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def interpolate(points: list[tuple[float, Tensor]], frames: int) -> Tensor:
    """Straight lines through (seconds, values (...)) read at each frame: (F, ...); held before and after."""
    time_P = torch.tensor([t for t, _ in points], dtype=torch.float64)
    shape, value_PD = points[0][1].shape, torch.stack([value.flatten() for _, value in points]).double()
    if len(points) == 1:
        return value_PD.float().expand(frames, -1).clone().unflatten(1, shape)
    now_F = (torch.arange(frames, dtype=torch.float64) / FPS).clamp(time_P[0].item(), time_P[-1].item())
    right_F = torch.searchsorted(time_P, now_F, right=True).clamp(1, len(points) - 1)
    left_F = right_F - 1
    share_F = (now_F - time_P[left_F]) / (time_P[right_F] - time_P[left_F])
    return torch.lerp(value_PD[left_F], value_PD[right_F], share_F[:, None]).float().unflatten(1, shape)
