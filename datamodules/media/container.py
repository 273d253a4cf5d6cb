"""Media files opened safely, and the tracks in them that are meant to be seen and heard."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from datamodules.batch import FPS
from datamodules.media.timestamps import seconds_of

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,asf,wav,w64,flac,mp3,ogg,aac,aiff,caf,gif"
)
MAX_FRAME_PIXELS = 64_000_000
SIZE_SLACK = 0.01  # of a file may be missing at its end
HIGHEST_RATE = 1000.0  # frames a second; some files give the ticks of their clock for it
WIDEST_PIXEL = 8.0  # ratio of a pixel's sides; beyond it the header is wrong

Track = TypeVar("Track", AudioStream, VideoStream)


@contextmanager
def open_media(path: Path | str) -> Iterator[InputContainer]:
    """A local media file; what PyAV raises becomes one line that names the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is empty, or nothing that can be decoded.
    """
    path = Path(path)
    check_is_file(path)
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    _check_whole(path)
    try:
        # Only containers of sound and video: a playlist would open other files or the network.
        with av.open(as_file(path), "r", options={"format_whitelist": CONTAINERS}) as container:
            yield container
    except (FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ValueError(f"{path}: not readable as sound or video, or damaged ({reason})") from None


def as_file(path: Path | str) -> str:
    """A path as FFmpeg takes it for a file whatever it is called: a colon would else name a protocol."""
    return f"file:{path}"


def check_is_file(path: Path) -> None:
    """Nothing, or a line that says what is there instead of a file.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    if path.is_file():
        return
    if path.is_dir():
        raise FileNotFoundError(f"{path}: is a folder")
    instead = "a link to a file that is not there" if path.is_symlink() else "no such file"
    raise FileNotFoundError(f"{path}: {instead}")


def _check_whole(path: Path) -> None:
    """Refuses a file shorter than its header says; FFmpeg would read what is left."""
    with path.open("rb") as file:
        stated = stated_bytes(file)
    size = path.stat().st_size
    if stated is not None and size < stated * (1 - SIZE_SLACK):
        raise ValueError(f"{path}: cut off: {size} of {stated} bytes are there")


def stated_bytes(file: BinaryIO) -> int | None:
    """The size that the header of a WAV, AVI or MP3 file states; None where there is no such statement."""
    head = file.read(10)
    if head[:4] == b"RIFF":
        stated = int.from_bytes(head[4:8], "little")
        return stated + 8 if 0 < stated < 0xFFFF_F000 else None  # recorders that stream write 0 or 2^32
    # ID3 writes the length of its tag in four times seven bits.
    start = 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=False))
    file.seek(start if head[:3] == b"ID3" else 0)
    place, frame = file.tell(), file.read(64)
    tag = max(frame.find(b"Xing"), frame.find(b"Info"))  # in the first frame of most MP3 files
    if frame[:1] != b"\xff" or tag < 0:
        return None
    flags = int.from_bytes(frame[tag + 4 : tag + 8], "big")
    field = tag + 8 + 4 * (flags & 1)
    return place + int.from_bytes(frame[field : field + 4], "big") if flags & 2 else None


def _default(tracks: Sequence[Track]) -> Track | None:
    """The track that is flagged default, as a player takes it; the first where none is."""
    flagged = [track for track in tracks if track.disposition & Disposition.default]
    return next(iter(flagged or tracks), None)


def picture_track(container: InputContainer) -> VideoStream | None:
    """The video stream that a player shows; cover pictures of sound files do not count."""
    streams = container.streams.video
    return _default([stream for stream in streams if not stream.disposition & Disposition.attached_pic])


def checked_picture_track(container: InputContainer, path: Path | str) -> VideoStream:
    """The video stream that a player shows.

    Raises:
        ValueError: if there is none, or its pictures are too large or of an impossible pixel shape.
    """
    stream = picture_track(container)
    if stream is None:
        raise ValueError(f"{path}: has no video")
    _check_codec(stream, path)
    aspect = pixel_aspect(stream)
    if not 1 / WIDEST_PIXEL <= aspect <= WIDEST_PIXEL:
        raise ValueError(f"{path}: states pixels {aspect:g} times as wide as high, which cannot be right")
    width, height = shown_size(stream)
    if width * height > MAX_FRAME_PIXELS:
        raise ValueError(f"{path}: {width}x{height} pixels, at most {MAX_FRAME_PIXELS} are read")
    return stream


def sound_track(container: InputContainer, path: Path | str) -> AudioStream:
    """The sound stream that a player plays: the one flagged default, else the first.

    Raises:
        ValueError: if there is no sound.
    """
    stream = _default(container.streams.audio)
    if stream is None:
        raise ValueError(f"{path}: has no sound; give a file with an audio track")
    _check_codec(stream, path)
    return stream


def _check_codec(stream: AudioStream | VideoStream, path: Path | str) -> None:
    if not stream.codec_context:
        raise ValueError(f"{path}: its {stream.type} is coded in a way that is not known, or damaged")


def pixel_aspect(stream: VideoStream) -> float:
    """Width of a pixel over its height as the container or the codec states it; 1 where neither does."""
    return float(stream.sample_aspect_ratio or 1)


def shown_size(stream: VideoStream) -> tuple[int, int]:
    """Width and height in square pixels, before any rotation: the shorter-sampled side is stretched."""
    aspect = pixel_aspect(stream)
    if aspect >= 1:
        return round(stream.width * aspect), stream.height
    return stream.width, round(stream.height / aspect)


def picture_start(container: InputContainer) -> float | None:
    """When the first picture is shown, in seconds of the file's clock; None without pictures or statement."""
    stream = picture_track(container)
    if stream is None or stream.start_time is None:
        return None
    return seconds_of(stream.start_time, stream)


def declared_seconds(container: InputContainer, stream: VideoStream) -> float:
    """How long the header says the pictures go on; 0 where it does not say."""
    if stream.duration:
        return seconds_of(stream.duration, stream)
    if container.duration and not container.streams.audio:  # else it may be the sound that goes on
        return container.duration / av.time_base
    return 0.0


def rate_of(stream: VideoStream) -> float:
    """Frames per second of a stream; 25 where it does not say, or only the ticks of its clock."""
    rates = (float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate)
    return next((rate for rate in rates if rate <= HIGHEST_RATE), float(FPS))
