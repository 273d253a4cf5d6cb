"""Video, sound and pictures as they are meant to be seen and heard, aligned by time stamps.

F frame, C channel, H row, W column, S sample.

Sound and picture of a file share one clock: sample 0 belongs to the first video frame, and every frame at 25
per second has exactly 640 samples. Codec padding is removed by time stamps, never by comparing lengths.
Tracks, pixel shape, orientation and colours are those that the file declares.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor

from datamodules.batch import FPS, SAMPLE_RATE
from datamodules.media.colours import ToRgb, check_dynamic_range
from datamodules.media.container import (
    checked_picture_track,
    declared_seconds,
    open_media,
    picture_start,
    pixel_aspect,
    rate_of,
    shown_size,
    sound_track,
)
from datamodules.media.folders import frame_files
from datamodules.media.orientation import display_matrix, upright
from datamodules.media.pictures import load_picture, picture_size
from datamodules.media.sound import cancels_out, decode_sound
from datamodules.media.timestamps import at_constant_rate, seconds_of, stamped_frames

MAX_VIDEO_BYTES = 8 << 30


@dataclass(frozen=True)
class VideoClip:
    """A decoded video at a constant frame rate, with its sound."""

    frames: Tensor  # (F, 3, H, W) uint8 RGB
    waveform: Tensor | None  # (F * 640,) float32 mono 16 kHz; None where the file has no sound
    fps_source: float
    source: Path
    fps: float = FPS
    sound_seconds: float = 0.0  # how long its sound lasts of that; what follows is padding
    sound_problem: str = ""  # why there is no waveform although there is sound

    @property
    def seconds(self) -> float:
        """How long the pictures last."""
        return len(self.frames) / self.fps


@dataclass(frozen=True)
class VideoInfo:
    """What the header of a video says: nothing is decoded."""

    seconds: float
    fps: float
    width: int  # in square pixels, before any rotation
    height: int
    has_sound: bool


def sound_blocks(path: Path | str, block_seconds: float = 10.0) -> Iterator[Tensor]:
    """The sound of any file as blocks (S,) float32 mono 16 kHz in [-1, 1], in bounded memory.

    All blocks but the last have `block_seconds * 16000` samples. In a file with video, sample 0 belongs to
    frame 0. Channels are averaged, but two in opposite phase subtracted, so that what is heard stays.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, empty, truncated, has no sound, or holds samples that are no numbers.
    """
    if not block_seconds * SAMPLE_RATE >= 1:
        raise ValueError(f"block_seconds={block_seconds}: must hold at least one sample")
    size = round(block_seconds * SAMPLE_RATE)
    with open_media(path) as container:
        opposite = cancels_out(container, sound_track(container, path))
    with open_media(path) as container:
        stream, origin = sound_track(container, path), picture_start(container)
        pending, total = np.zeros(0, np.float32), 0
        for chunk in decode_sound(container, stream, str(path), origin, opposite):
            pending, total = np.concatenate([pending, chunk]), total + len(chunk)
            while len(pending) > size:
                yield torch.from_numpy(pending[:size].copy())
                pending = pending[size:]
        if total == 0:
            raise ValueError(f"{path}: the sound is empty")
        if len(pending):
            yield torch.from_numpy(pending.copy())


def read_sound(path: Path | str, max_seconds: float | None = None) -> Tensor:
    """The sound of any file as (S,) float32 mono 16 kHz in [-1, 1], at most `max_seconds` of it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: as `sound_blocks`.
    """
    if max_seconds is not None and max_seconds <= 0:
        raise ValueError(f"max_seconds={max_seconds}: must be above 0")
    blocks, total = [], 0
    for block in sound_blocks(path):
        blocks.append(block)
        total += len(block)
        if max_seconds is not None and total >= max_seconds * SAMPLE_RATE:
            break
    waveform = torch.cat(blocks)
    return waveform if max_seconds is None else waveform[: round(max_seconds * SAMPLE_RATE)]


def video_info(path: Path | str, frame_rate: float = FPS) -> VideoInfo:
    """Length, rate and size of a video as its header states them, or of a folder of numbered pictures.

    Args:
        path: the file or folder.
        frame_rate: of a folder of pictures, which does not say it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable or has no video.
    """
    if Path(path).is_dir():
        files = frame_files(path)
        _check_rate(frame_rate, path)
        return VideoInfo(len(files) / frame_rate, frame_rate, *picture_size(files[0]), has_sound=False)
    with open_media(path) as container:
        stream = checked_picture_track(container, path)
        if stream.duration:
            seconds = seconds_of(stream.duration, stream)
        else:
            seconds = (container.duration or 0) / av.time_base
        return VideoInfo(seconds, rate_of(stream), *shown_size(stream), bool(container.streams.audio))


class _ToPicture:
    """What brings the frames of one video to pictures (3, H, W) uint8 sRGB, as they are to be shown."""

    def __init__(self, aspect: float, path: Path | str) -> None:
        self.aspect, self.path, self._to_rgb = aspect, path, ToRgb()

    def __call__(self, frame: av.VideoFrame) -> Tensor:
        check_dynamic_range(frame, self.path)
        width, height = frame.width, frame.height
        if self.aspect >= 1:
            width = round(width * self.aspect)
        else:
            height = round(height / self.aspect)
        rgb_HWC = upright(self._to_rgb(frame, width, height), display_matrix(frame))
        return torch.from_numpy(np.ascontiguousarray(rgb_HWC)).permute(
            2, 0, 1
        )  # a view: colours stay together


def video_frames(path: Path | str, fps: float = FPS, frame_rate: float = FPS) -> Iterator[Tensor]:
    """Frames (3, H, W) uint8 RGB at a constant rate, one at a time: the nearest source frame by time stamp.

    Args:
        path: a video, or a folder of numbered pictures of one size.
        fps: the rate to resample to.
        frame_rate: of a folder of pictures, which does not say it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, damaged, cut off, of high dynamic range, or has no video.
    """
    if Path(path).is_dir():
        yield from _numbered_frames(Path(path), fps, frame_rate)
        return
    with open_media(path) as container:
        stream = checked_picture_track(container, path)
        step, to_picture = 1 / rate_of(stream), _ToPicture(pixel_aspect(stream), path)
        shown: tuple[av.VideoFrame, Tensor] | None = None
        count = 0
        for frame in at_constant_rate(stamped_frames(container, stream, step, path), fps, step):
            if shown is None or frame is not shown[0]:
                shown = frame, to_picture(frame)
            count += 1
            yield shown[1]
        declared = declared_seconds(container, stream)
        if count == 0:
            raise ValueError(f"{path}: the video is empty")
        if count / fps < declared - max(0.5, 0.02 * declared):
            raise ValueError(f"{path}: cut off: {count / fps:.2f} s of {declared:.2f} s can be read")


def _numbered_frames(folder: Path, fps: float, frame_rate: float) -> Iterator[Tensor]:
    _check_rate(frame_rate, folder)
    size, last = None, None
    stamped = ((index / frame_rate, path) for index, path in enumerate(frame_files(folder)))
    for path in at_constant_rate(stamped, fps, 1 / frame_rate):
        picture_3HW = last[1] if last is not None and last[0] == path else read_image(path)
        size = size or picture_3HW.shape
        if picture_3HW.shape != size:
            raise ValueError(f"{path}: {_sides(picture_3HW.shape)}, the frames before it are {_sides(size)}")
        last = path, picture_3HW
        yield picture_3HW


def _check_rate(frame_rate: float, folder: Path | str) -> None:
    if not 0 < frame_rate < float("inf"):
        raise ValueError(f"{folder}: frame_rate={frame_rate}: must be above 0")


def _sides(shape: torch.Size) -> str:
    return f"{shape[2]} x {shape[1]} pixels"


def read_video(
    path: Path | str,
    fps: float = FPS,
    max_frames: int | None = None,
    frame_rate: float = FPS,
    sound: Path | None = None,
) -> VideoClip:
    """A whole video in memory, at a constant rate, with its sound at exactly `16000 / fps` samples a frame.

    Args:
        path: A local file, or a folder of numbered pictures, which has no sound.
        fps: The rate to resample to by nearest time stamp; must divide 16000.
        max_frames: Read no more than this; a longer video is cut, not refused.
        frame_rate: Of a folder of pictures, which does not say it.
        sound: The file of its sound, where it has none of its own.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, damaged, has no video, or does not fit into memory.
    """
    if SAMPLE_RATE % fps:
        raise ValueError(f"fps={fps}: must divide the sample rate {SAMPLE_RATE}")
    info, frames, size = video_info(path, frame_rate), [], 0
    for frame in itertools.islice(video_frames(path, fps, frame_rate), max_frames):
        frames.append(frame)
        size += frame.numel()
        if size > MAX_VIDEO_BYTES:
            raise ValueError(
                f"{path}: more than {MAX_VIDEO_BYTES >> 30} GiB of frames; read it in parts (max_frames)"
            )
    waveform, heard = None, Path(path) if info.has_sound else sound
    sound_seconds = 0.0
    if heard is not None:
        samples = len(frames) * int(SAMPLE_RATE // fps)
        waveform = read_sound(heard, samples / SAMPLE_RATE)[:samples]
        sound_seconds = len(waveform) / SAMPLE_RATE
        waveform = torch.nn.functional.pad(waveform, (0, samples - len(waveform)))
    return VideoClip(torch.stack(frames), waveform, info.fps, Path(path), fps, sound_seconds)


def read_image(path: Path | str, most_side: int | None = None) -> Tensor:
    """A picture as (3, H, W) uint8 sRGB by its colour profile, upright by its EXIF tag, laid over white.

    Args:
        path: a picture of up to 100 megapixels.
        most_side: longest side in pixels; a larger picture is reduced while it is read.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, damaged or too large.
    """
    rgb_HW3 = load_picture(Path(path), most_side)
    return torch.from_numpy(rgb_HW3.copy()).permute(2, 0, 1).contiguous()
