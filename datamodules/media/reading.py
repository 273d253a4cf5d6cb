"""Video, sound and pictures read with PyAV and Pillow, aligned by time stamps.

F frame, C channel, H row, W column, S sample.

Sound and picture of a file share one clock: sample 0 belongs to the first video frame, and every frame at 25
per second has exactly 640 samples. Codec padding is removed by time stamps, never by comparing lengths.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from datamodules.batch import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from datamodules.media.colours import ToRgb
from datamodules.media.sound import decode_sound, stated_bytes

CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,asf,wav,w64,flac,mp3,ogg,aac,aiff,caf"
MAX_PICTURE_PIXELS = 64_000_000
MAX_VIDEO_BYTES = 8 << 30
SIZE_SLACK = 0.01  # of a file may be missing at its end
TAIL_FRAMES = 0.25  # a last frame is made only if more than this share of it lies before the end


@dataclass(frozen=True)
class VideoClip:
    """A decoded video at a constant frame rate, with its sound."""

    frames: Tensor  # (F, 3, H, W) uint8 RGB
    waveform: Tensor | None  # (F * 640,) float32 mono 16 kHz; None where the file has no sound
    fps_source: float
    source: Path


@dataclass(frozen=True)
class VideoInfo:
    """What the header of a video says: nothing is decoded."""

    seconds: float
    fps: float
    width: int
    height: int
    has_sound: bool


def _instead_of_file(path: Path) -> str:
    if path.is_dir():
        return "is a folder"
    return "a link to a file that is not there" if path.is_symlink() else "no such file"


@contextmanager
def open_media(path: Path | str) -> Iterator[av.container.InputContainer]:
    """A local media file; what PyAV raises becomes one line that names the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is empty, or nothing that can be decoded.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {_instead_of_file(path)}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    _check_whole(path)
    try:
        # Only containers of sound and video: a playlist would open other files or the network.
        with av.open(f"file:{path}", options={"format_whitelist": CONTAINERS}) as container:
            yield container
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ValueError(f"{path}: not readable as sound or video, or damaged ({reason})") from None


def _check_whole(path: Path) -> None:
    """Refuses a file shorter than its header says; FFmpeg would read what is left."""
    with path.open("rb") as file:
        stated = stated_bytes(file)
    size = path.stat().st_size
    if stated is not None and size < stated * (1 - SIZE_SLACK):
        raise ValueError(f"{path}: cut off: {size} of {stated} bytes are there")


def _video_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first real video stream: cover pictures of sound files do not count."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def _sound_stream(container: av.container.InputContainer, path: Path | str) -> av.AudioStream:
    if not container.streams.audio:
        raise ValueError(f"{path}: has no sound; give a file with an audio track")
    return container.streams.audio[0]


def sound_blocks(path: Path | str, block_seconds: float = 10.0) -> Iterator[Tensor]:
    """The sound of any file as blocks (S,) float32 mono 16 kHz in [-1, 1], in bounded memory.

    All blocks but the last have `block_seconds * 16000` samples. In a file with video, sample 0 belongs to
    frame 0.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, empty, truncated, has no sound, or holds samples that are no numbers.
    """
    if not block_seconds * SAMPLE_RATE >= 1:
        raise ValueError(f"block_seconds={block_seconds}: must hold at least one sample")
    size = round(block_seconds * SAMPLE_RATE)
    with open_media(path) as container:
        stream, video = _sound_stream(container, path), _video_stream(container)
        origin = None
        if video is not None and video.start_time is not None:
            origin = float(video.start_time * video.time_base)
        pending, total = np.zeros(0, np.float32), 0
        for chunk in decode_sound(container, stream, str(path), origin):
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


def video_info(path: Path | str) -> VideoInfo:
    """Length, rate and size of a video as its header states them.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable or has no video.
    """
    with open_media(path) as container:
        stream = _checked_video_stream(container, path)
        if stream.duration:
            seconds = float(stream.duration * stream.time_base)
        else:
            seconds = (container.duration or 0) / av.time_base
        return VideoInfo(seconds, _rate(stream), stream.width, stream.height, bool(container.streams.audio))


def _checked_video_stream(container: av.container.InputContainer, path: Path | str) -> av.VideoStream:
    stream = _video_stream(container)
    if stream is None:
        raise ValueError(f"{path}: has no video")
    if stream.width * stream.height > MAX_PICTURE_PIXELS:
        raise ValueError(
            f"{path}: {stream.width}x{stream.height} pixels, at most {MAX_PICTURE_PIXELS} are read"
        )
    return stream


def _declared_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """How long the header says the pictures go on; 0 where it does not say."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if container.duration and not container.streams.audio:  # else it may be the sound that goes on
        return container.duration / av.time_base
    return 0.0


def _rate(stream: av.VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else float(FPS)


def _upright(frame: av.VideoFrame, to_rgb: ToRgb) -> Tensor:
    """(3, H, W) uint8 RGB, with square pixels and as the camera was held."""
    aspect = frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
    width = round(frame.width * float(aspect)) if aspect else frame.width
    rgb_HWC = to_rgb(frame, width)
    quarter_turns = round((frame.rotation or 0) / 90) % 4
    if quarter_turns:
        rgb_HWC = np.rot90(rgb_HWC, quarter_turns)
    return torch.from_numpy(np.ascontiguousarray(rgb_HWC)).permute(2, 0, 1)  # a view: colours stay together


def _stamped_frames(
    container: av.container.InputContainer, stream: av.VideoStream, path: Path | str
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decoded frames with their times in seconds, strictly rising."""
    last, step = None, 1 / _rate(stream)
    for frame in container.decode(stream):
        if frame.is_corrupt:
            raise ValueError(f"{path}: damaged after {last or 0:.2f} s")
        if frame.pts is not None:
            seconds = float(frame.pts * frame.time_base)
        else:
            seconds = 0.0 if last is None else last + step
        if last is None or seconds > last:
            last = seconds
            yield seconds, frame


def _nearest(
    stamped: Iterator[tuple[float, av.VideoFrame]], fps: float, step: float
) -> Iterator[av.VideoFrame]:
    """Frames at a constant rate: each the source frame nearest in time, repeated if need be."""
    previous, start, made = None, 0.0, 0
    for seconds, frame in stamped:
        if previous is None:
            start = seconds
        else:
            while start + made / fps <= (previous[0] + seconds) / 2:
                yield previous[1]
                made += 1
        previous = (seconds, frame)
    while previous is not None and start + (made + TAIL_FRAMES) / fps < previous[0] + step:
        yield previous[1]
        made += 1


def video_frames(path: Path | str, fps: float = FPS) -> Iterator[Tensor]:
    """Frames (3, H, W) uint8 RGB at a constant rate, one at a time: the nearest source frame by time stamp.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, damaged, cut off, or has no video.
    """
    with open_media(path) as container:
        stream = _checked_video_stream(container, path)
        step, to_rgb = 1 / _rate(stream), ToRgb()
        shown, seen, count = None, None, 0
        for frame in _nearest(_stamped_frames(container, stream, path), fps, step):
            if frame is not shown:
                shown, seen = frame, _upright(frame, to_rgb)
            count += 1
            yield seen  # type: ignore[misc]
        declared = _declared_seconds(container, stream)
        if count == 0:
            raise ValueError(f"{path}: the video is empty")
        if count / fps < declared - max(0.5, 0.02 * declared):
            raise ValueError(f"{path}: cut off: {count / fps:.2f} s of {declared:.2f} s can be read")


def frame_sound(path: Path | str, first: int, frames: int) -> Tensor:
    """The samples (frames * 640,) of a stretch of frames at 25 per second; silence past the end."""
    waveform = read_sound(path, (first + frames) / FPS)[first * SAMPLES_PER_FRAME :]
    return torch.nn.functional.pad(waveform, (0, frames * SAMPLES_PER_FRAME - len(waveform)))


def has_sound(path: Path | str) -> bool:
    """Whether a media file has an audio track."""
    with open_media(path) as container:
        return bool(container.streams.audio)


def read_video(path: Path | str, fps: float = FPS, max_frames: int | None = None) -> VideoClip:
    """A whole video in memory, at a constant rate, with its sound at exactly `16000 / fps` samples a frame.

    Args:
        path: A local file.
        fps: The rate to resample to by nearest time stamp; must divide 16000.
        max_frames: Read no more than this; a longer video is cut, not refused.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, damaged, has no video, or does not fit into memory.
    """
    if SAMPLE_RATE % fps:
        raise ValueError(f"fps={fps}: must divide the sample rate {SAMPLE_RATE}")
    info, frames, size = video_info(path), [], 0
    for frame in itertools.islice(video_frames(path, fps), max_frames):
        frames.append(frame)
        size += frame.numel()
        if size > MAX_VIDEO_BYTES:
            raise ValueError(
                f"{path}: more than {MAX_VIDEO_BYTES >> 30} GiB of frames; read it in parts (max_frames)"
            )
    waveform = None
    if info.has_sound:
        samples = len(frames) * int(SAMPLE_RATE // fps)
        waveform = read_sound(path, samples / SAMPLE_RATE)[:samples]
        waveform = torch.nn.functional.pad(waveform, (0, samples - len(waveform)))
    return VideoClip(torch.stack(frames), waveform, info.fps, Path(path))


def read_image(path: Path | str) -> Tensor:
    """A picture as (3, H, W) uint8 RGB, upright by its EXIF tag; transparency is laid over white.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, damaged or larger than 64 megapixels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {_instead_of_file(path)}")
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise ValueError(
                    f"{path}: {image.width}x{image.height} pixels, at most {MAX_PICTURE_PIXELS} are read"
                )
            image.load()
            rgb = _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        raise ValueError(f"{path}: not readable as a picture; give a JPEG, PNG or the like") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path}: not readable as a picture, or damaged ({reason})") from None
    return torch.from_numpy(np.asarray(rgb).copy()).permute(2, 0, 1).contiguous()


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 and 32 bit grey: Pillow would clip instead of scale
        values = np.asarray(image, np.float64)
        top = 65535.0 if values.max() > 255 else 255.0
        return Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
