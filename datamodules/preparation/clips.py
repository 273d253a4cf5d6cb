"""Raw files to samples: cut, find the face, crop it, measure it.

F frame, C channel, H row, W column, K landmark.

A video is cut from its start into clips of equal length; what remains at the end is left out. The crop
stands still within a clip, so that the head moves in it as it did.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.action_units import from_blendshapes
from datamodules.batch import FPS, LABELS, LANDMARKS, SAMPLES_PER_FRAME, Sample, parse_blend
from datamodules.corpora.folder import Source
from datamodules.faces.crop import Box, Face, crop, crop_box, parse_box, to_crop
from datamodules.faces.finder import OWN, Finder
from datamodules.faces.single_face import quarter_turns
from datamodules.faces.track import clip_square, track_face
from datamodules.head_motion import eye_centres, eye_opening, head_motion, lip_opening
from datamodules.media.reading import read_sound, sound_blocks, video_frames, video_info

LEAST_DETAIL = 0.5  # side of the crop in the source over the side of the sample
SILENT_PEAK = 1e-3  # -60 dB of full scale
LEAST_LASTING = 0.9  # share of a clip that its sound must last
LEAST_HEARD = 0.2  # share of its frames that must be louder than SILENT_PEAK; pauses in speech are the rest
LEAST_VOICE_SECONDS = 0.5
LIP_MARGIN = 0.2  # of the distance between the eyes, by which the mouth mask exceeds the lips
LIPS = slice(48, 60)


@dataclass(frozen=True)
class ClipSettings:
    """What decides how a clip comes out; two runs with equal settings give equal bytes."""

    size: int = 128
    frames: int = 50
    face_box: str | None = None
    detector: str | None = None  # "<name of the finder>@<first 12 digits of its file's sha256>"

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise ValueError(f"frames={self.frames}: a clip needs at least 2")
        if self.size < 32 or self.size % 2:
            raise ValueError(f"size={self.size}: must be even and at least 32 pixels")
        if self.face_box is not None:
            parse_box(self.face_box)


@dataclass(frozen=True)
class PreparedClip:
    """A sample and what is worth keeping beside it."""

    sample: Sample
    facts: dict[str, Any]


def clips_of(
    source: Source, folder: Path, settings: ClipSettings, finder: Finder | None
) -> Iterator[tuple[str, PreparedClip | str]]:
    """Every clip of a video by key: a sample, or the reason why it is none.

    Raises:
        FileNotFoundError: if the video is not there.
        ValueError: if it is unreadable, damaged, too short, or without any sound.
    """
    path, sound = folder / source.path, _sound_file(source, folder)
    frame = video_frames(path, frame_rate=source.frame_rate)
    cut = iter(lambda: list(islice(frame, settings.frames)), [])
    blocks = sound_blocks(sound, settings.frames / FPS)
    for number, (frames, block) in enumerate(zip_longest(cut, blocks)):
        if frames is None:
            break  # sound that goes on after the last frame
        if len(frames) < settings.frames:
            if number == 0:
                raise ValueError(
                    f"too short: {len(frames)} frames at {FPS} per second, {settings.frames} are needed"
                )
            break
        first = number * settings.frames
        key = f"{source.key}-{first:06d}"
        try:
            waveform = sound_of_clip(block, settings.frames)
            yield key, _clip(key, source, first, frames, waveform, settings, finder)
        except ValueError as error:
            yield key, str(error)


def _sound_file(source: Source, folder: Path) -> Path:
    if video_info(folder / source.path).has_sound:
        return folder / source.path
    if source.sound is None:
        raise ValueError("no sound: neither a track of its own nor a sound file of the same name")
    return folder / source.sound


def sound_of_clip(block: Tensor | None, frames: int) -> Tensor:
    """The waveform (frames * 640,) of a clip from what there is of its sound, judged by itself.

    Args:
        block: (S,) samples from the clip's first frame on; None where the sound has ended before.
        frames: of the clip.

    Raises:
        ValueError: if the sound ends too early, or too little of it is heard; says the shares.
    """
    block = torch.zeros(0) if block is None else block
    lasting = len(block) / (frames * SAMPLES_PER_FRAME)
    if lasting < LEAST_LASTING:
        raise ValueError(
            f"sound ends early: it lasts {lasting:.0%} of the clip, {LEAST_LASTING:.0%} are needed"
        )
    waveform = torch.nn.functional.pad(block, (0, frames * SAMPLES_PER_FRAME - len(block)))
    loud_F = waveform.unflatten(0, (frames, SAMPLES_PER_FRAME)).abs().amax(1) >= SILENT_PEAK
    heard = float(loud_F.float().mean())
    if heard < LEAST_HEARD:
        raise ValueError(
            f"silent: above -60 dB in {heard:.0%} of the frames, {LEAST_HEARD:.0%} are needed for speech"
        )
    return waveform


def _clip(
    key: str,
    source: Source,
    first: int,
    frames: Sequence[Tensor],
    waveform: Tensor,
    settings: ClipSettings,
    finder: Finder | None,
) -> PreparedClip:
    height, width = frames[0].shape[1:]
    wanted = settings.face_box or source.face_box
    box = parse_box(wanted) if wanted else None
    faces = _tracked(finder, frames, box, settings)
    if faces is None:
        if box is None:
            raise ValueError("no face box: give a detector, --face-box, or a column face_box in the manifest")
        square = crop_box(box, width, height)
    else:
        if sum(quarter_turns(face) != 0 for face in faces) > len(faces) / 2:
            raise ValueError("the head lies on its side or upside down: turn the video upright")
        square = clip_square(faces, width, height)
    if square[2] < LEAST_DETAIL * settings.size:
        raise ValueError(f"face too small: its crop has {square[2]} pixels, samples have {settings.size}")
    small = torch.stack([crop(frame, square, settings.size) for frame in frames])
    sample = _described(key, source, small, waveform)
    facts = {**source.facts, "source": source.path, "first_frame": first, "crop": list(square)}
    if faces is None:
        sample["reference"] = small[0]
    else:
        _measure(sample, faces, square, settings)
    return PreparedClip(sample, facts)


def _tracked(
    finder: Finder | None, frames: Sequence[Tensor], box: Box | None, settings: ClipSettings
) -> list[Face] | None:
    """The face in every frame; None where a box must do.

    Where only the small finder looks and sees nothing, a box that was given is trusted, as without a finder.
    """
    if finder is None:
        return None
    try:
        return track_face(finder, frames, box)
    except ValueError:
        if box is not None and (settings.detector or "").startswith(f"{OWN}@"):
            return None
        raise


def _described(key: str, source: Source, frames_FCHW: Tensor, waveform: Tensor) -> Sample:
    """The sample without its reference and measurements; only what the corpus says about it."""
    provenance: dict[str, str] = {}
    sample: Sample = {
        "key": key,
        "corpus": source.corpus,
        "identity": source.identity,
        "frames": frames_FCHW,
        "reference": frames_FCHW[0],
        "waveform": waveform,
        "provenance": provenance,
    }
    label = source.facts.get("emotion", "")
    if label:
        sample["label"] = label
        provenance["label"] = "corpus"
    if label in LABELS:  # another word stays a label: never mapped silently
        sample["blend"] = parse_blend(label)
        provenance["blend"] = "corpus"
    if source.facts.get("text"):
        sample["text"] = source.facts["text"]
        provenance["text"] = "corpus"
    return sample


def _measure(sample: Sample, faces: list[Face], square: tuple[int, int, int], settings: ClipSettings) -> None:
    landmarks = torch.stack([to_crop(face.landmarks, square, settings.size) for face in faces])
    reference = closed_mouth(landmarks)
    sample["reference"] = sample["frames"][reference]
    sample["landmarks"] = landmarks
    sample["mouth_mask"] = mouth_mask(landmarks, settings.size)
    sample["head_motion"] = head_motion(landmarks, landmarks[reference])
    names = ["landmarks", "mouth_mask", "head_motion"]
    if all(face.blendshapes for face in faces):  # the finder that ships has none
        sample["action_units"] = torch.stack([from_blendshapes(face.blendshapes) for face in faces])
        names.append("action_units")
    measured = dict.fromkeys(names, f"detector:{settings.detector}")
    sample["provenance"] = {**sample.get("provenance", {}), **measured}


def closed_mouth(landmarks_FK2: Tensor) -> int:
    """The frame that serves as reference: lips closed, eyes no less open than usual."""
    eyes = eye_opening(landmarks_FK2)
    return int((lip_opening(landmarks_FK2) + (eyes.median() - eyes).clamp(min=0)).argmin())


def mouth_mask(landmarks_FK2: Tensor, size: int) -> Tensor:
    """Hull of the lips, widened by a fifth of the eyes' distance, as (F, size, size) bool."""
    import cv2

    if landmarks_FK2.shape[1:] != (LANDMARKS, 2):
        raise ValueError(f"expected landmarks (F, {LANDMARKS}, 2), got {tuple(landmarks_FK2.shape)}")
    right_F2, left_F2 = eye_centres(landmarks_FK2)
    masks = np.zeros((len(landmarks_FK2), size, size), np.uint8)
    for mask, points, apart in zip(masks, landmarks_FK2, (left_F2 - right_F2).norm(dim=-1), strict=True):
        hull = cv2.convexHull(points[LIPS].round().int().numpy())
        cv2.fillConvexPoly(mask, hull, 1)
        reach = max(round(LIP_MARGIN * float(apart)), 1)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        cv2.dilate(mask, disc, dst=mask)
    return torch.from_numpy(masks).bool()


def voice_of(source: Source, folder: Path) -> tuple[Tensor, dict[str, Any], dict[str, Any]]:
    """An utterance: waveform (S,), what the corpus says of it, and the facts beside it.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if it is unreadable, damaged, silent, or shorter than half a second.
    """
    waveform = read_sound(folder / source.path)
    seconds = len(waveform) / SAMPLES_PER_FRAME / FPS
    if seconds < LEAST_VOICE_SECONDS:
        raise ValueError(f"too short: {seconds:.2f} s, {LEAST_VOICE_SECONDS} s are needed")
    if waveform.abs().max() < SILENT_PEAK:
        raise ValueError("silent: the sound stays below -60 dB")
    described = {"corpus": source.corpus, "identity": source.identity, "seconds": round(seconds, 4)}
    if source.facts.get("emotion"):
        described["label"] = source.facts["emotion"]
    return waveform, described, {**source.facts, "source": source.path}
