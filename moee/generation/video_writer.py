"""H.264 pictures and AAC sound into one MP4, as they come. F frame, H row, W column, C channel, S sample.

The file is written under a temporary name beside its target and renamed when it is whole; whatever stops the
work before that, an error or Ctrl-C, leaves nothing behind.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import torch
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from torch import Tensor

from datamodules.batch import FPS, SAMPLE_RATE
from datamodules.media.clip_codec import check_encoders
from datamodules.media.container import as_file, open_media, picture_start, sound_track
from datamodules.media.sound import Resampling
from moee.generation.backdrop import ToYuv

SOUND_RATE = 48_000  # AAC pads by up to 1023 samples: 21 ms here, 64 ms at 16 kHz, more than a frame
SOUND_PER_FRAME = SOUND_RATE // FPS
AAC_BLOCK = 1024
JUMP_SECONDS = 0.04  # smaller disagreements between time stamps and sample counts are rounding
LARGE_PIXELS = 4_000_000
CRF = "17"  # visually lossless for x264; the small pictures cost little


@dataclass
class Sound:
    """Blocks (channels, S) of float32 at 48 kHz, to be read once, in order."""

    blocks: Iterator[np.ndarray]
    channels: int


def sound_from_file(path: str | Path) -> Sound:
    """The sound stream that a player plays, as it is, mono or stereo, brought to 48 kHz while it is read.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read or has no sound.
    """
    with open_media(path) as container:
        channels = min(2, sound_track(container, path).codec_context.channels)
    return Sound(_decode(path, channels), channels)


def sound_from_waveform(waveform_S: Tensor) -> Sound:
    """A 16 kHz mono waveform (S,) as a 48 kHz sound."""

    def blocks() -> Iterator[np.ndarray]:
        resampling = _resampling(1)
        frame = av.AudioFrame.from_ndarray(waveform_S.numpy()[None], format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for part in (frame, None):
            for out in resampling(part):
                yield out.to_ndarray()

    return Sound(blocks(), 1)


def _resampling(channels: int) -> Resampling:
    return Resampling("fltp", "stereo" if channels == 2 else "mono", SOUND_RATE)


def _decode(path: str | Path, channels: int) -> Iterator[np.ndarray]:
    """Blocks on the clock of `datamodules.media.reading`: sample 0 belongs to a video's first frame."""
    resampling, skip = _resampling(channels), 0
    with open_media(path) as container:
        stream, clock = sound_track(container, path), picture_start(container)
        first = True
        for frame in container.decode(stream):
            begin = frame.time if frame.time is not None else (clock or 0.0)
            clock = begin if clock is None else clock
            if first or abs(begin - clock) > JUMP_SECONDS:
                late = round((begin - clock) * SOUND_RATE)
                skip += max(0, -late)
                yield np.zeros((channels, max(0, late)), np.float32)
                clock = begin
            first = False
            clock += frame.samples / frame.sample_rate
            frame.pts = None  # gaps are filled above; the resampler must not fill them again
            for out in resampling(frame):
                block_CS = out.to_ndarray()
                yield np.clip(block_CS[:, skip:], -1, 1)
                skip -= min(skip, block_CS.shape[1])
        for out in resampling(None):
            yield np.clip(out.to_ndarray(), -1, 1)


class VideoWriter:
    """A context manager that writes one MP4 at 25 frames per second, with or without sound.

    Args:
        path: where the finished file goes; its folder must exist.
        width: picture width in pixels, even.
        height: picture height in pixels, even.
        sound: the sound beside the pictures; cut or padded with silence to the length of the pictures.
        record: who made this and how; stored as JSON in the container's `comment`.

    Raises:
        ValueError: for odd sizes, or a name that does not end in .mp4.
        OSError: if the folder is missing or cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        sound: Sound | None = None,
        record: dict | None = None,
    ) -> None:
        self.path = check_target(path)
        if width % 2 or height % 2 or width < 2 or height < 2:
            raise ValueError(f"{path}: H.264 needs even sides, got {width} x {height}")
        self.frames = 0
        self._size = (height, width)
        self._to_yuv = ToYuv()
        self._temporary = _unfinished(self.path)
        with self._named():
            self._container = av.open(as_file(self._temporary), "w", options={"movflags": "+faststart"})
        try:
            self._container.metadata.update(_metadata(record))
            self._video = _video_stream(self._container, width, height)
            self._sound = _SoundTrack(self._container, sound) if sound else None
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> "VideoWriter":
        return self

    def write(self, frames_F3HW: Tensor) -> None:
        """Append RGB pictures (F, 3, H, W) uint8, and the sound that belongs to them."""
        if frames_F3HW.shape[1:] != (3, *self._size):
            raise ValueError(
                f"{self.path}: pictures {tuple(frames_F3HW.shape[1:])}, expected {(3, *self._size)}"
            )
        with self._named():
            for picture_HWC in frames_F3HW.permute(0, 2, 3, 1).cpu().contiguous().numpy():
                self._encode(self._to_yuv(picture_HWC))

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Append one frame in 4:2:0, as a `Backdrop` gives it, and the sound that belongs to it."""
        if (frame.height, frame.width) != self._size:
            raise ValueError(f"{self.path}: a frame of {frame.width} x {frame.height} pixels")
        with self._named():
            self._encode(frame)

    def _encode(self, frame: av.VideoFrame) -> None:
        frame.pts, frame.time_base = self.frames, Fraction(1, FPS)
        self._container.mux(self._video.encode(frame))
        self.frames += 1
        if self._sound:
            self._sound.write_until(self.frames * SOUND_PER_FRAME)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """A fault of the disk names the file that was asked for, not the temporary one."""
        try:
            yield
        except FFmpegError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._finish()
        except BaseException:
            self._discard()
            raise

    def _finish(self) -> None:
        if not self.frames:
            raise ValueError(f"{self.path}: no pictures were written")
        with self._named():
            self._container.mux(self._video.encode(None))
            if self._sound:
                self._sound.close(self.frames * SOUND_PER_FRAME)
            self._container.close()
        os.replace(self._temporary, self.path)

    def _discard(self) -> None:
        try:
            with suppress(OSError, ValueError):  # a file that is thrown away needs no trailer
                self._container.close()
        finally:
            self._temporary.unlink(missing_ok=True)


class _SoundTrack:
    """Encodes a sound in step with the pictures, so that the muxer never has to hold one of them back."""

    def __init__(self, container: OutputContainer, sound: Sound) -> None:
        self._container, self._blocks = container, sound.blocks
        self._layout = "stereo" if sound.channels == 2 else "mono"
        self._stream = container.add_stream("aac", rate=SOUND_RATE, layout=self._layout)
        self._stream.bit_rate = 96_000 * sound.channels
        self._buffer = np.zeros((sound.channels, 0), np.float32)
        self._written = 0

    def write_until(self, samples: int) -> None:
        """Encode whole AAC blocks up to sample number `samples`."""
        while samples - self._written >= AAC_BLOCK:
            self._encode(self._take(AAC_BLOCK))

    def close(self, samples: int) -> None:
        """Encode the rest up to sample number `samples` and flush."""
        self.write_until(samples)
        if samples > self._written:
            self._encode(self._take(samples - self._written))
        self._container.mux(self._stream.encode(None))

    def _take(self, count: int) -> np.ndarray:
        while self._buffer.shape[1] < count:
            block = next(self._blocks, None)
            if block is None:  # the last picture lasts longer than the sound
                block = np.zeros((len(self._buffer), count - self._buffer.shape[1]), np.float32)
            self._buffer = np.concatenate([self._buffer, block.astype(np.float32, copy=False)], 1)
        taken, self._buffer = self._buffer[:, :count], self._buffer[:, count:]
        return np.ascontiguousarray(taken)

    def _encode(self, block_CS: np.ndarray) -> None:
        frame = av.AudioFrame.from_ndarray(block_CS, format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._written, Fraction(1, SOUND_RATE)
        self._written += block_CS.shape[1]
        self._container.mux(self._stream.encode(frame))


def check_target(path: str | Path) -> Path:
    """The path itself, if a video can be put there.

    Raises:
        ValueError: if the name does not end in .mp4 or is a folder, or this machine has no encoder.
        FileNotFoundError: if the folder does not exist.
        PermissionError: if the folder cannot be written to, or the name is too long.
    """
    target = Path(path)
    if target.suffix.lower() != ".mp4":
        raise ValueError(f"{path}: the video's name must end in .mp4")
    if target.is_dir():
        raise ValueError(f"{path}: is a folder, name a file inside it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder, make it first")
    unfinished = _unfinished(target)
    try:
        with unfinished.open("xb"):
            unfinished.unlink()
    except OSError as error:
        raise PermissionError(f"{path}: cannot be written there ({error.strerror})") from None
    check_encoders(target, ("libx264", "aac"))
    return target


def _unfinished(target: Path) -> Path:
    """Where a video lies while it is written."""
    return target.with_name(f".{target.stem}.{os.getpid()}.part.mp4")


def write_video(
    path: str | Path, frames_F3HW: Tensor, waveform_S: Tensor | None = None, record: dict | None = None
) -> Path:
    """A whole clip at once: pictures (F, 3, H, W) uint8 and, if given, sound (S,) at 16 kHz."""
    height, width = frames_F3HW.shape[2:]
    sound = None if waveform_S is None else sound_from_waveform(waveform_S)
    with VideoWriter(path, width, height, sound, record) as writer:
        writer.write(frames_F3HW)
    return Path(path)


def even_sides(frames_F3HW: Tensor) -> Tensor:
    """The same frames (F, 3, H, W), an odd side longer by a copy of its last row, as H.264 needs it."""
    height, width = frames_F3HW.shape[-2:]
    rows, columns = (torch.arange(n + n % 2).clamp(max=n - 1) for n in (height, width))
    return frames_F3HW if height % 2 == width % 2 == 0 else frames_F3HW[:, :, rows][..., columns]


def _video_stream(container: OutputContainer, width: int, height: int) -> VideoStream:
    options = {"crf": CRF, "preset": "veryfast"}
    if width * height > LARGE_PIXELS:  # each frame that it looks ahead takes memory
        options["rc-lookahead"] = "2"
    stream = container.add_stream("libx264", rate=FPS, options=options, width=width, height=height)
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.gop_size = FPS  # one second between entry points keeps seeking and random windows cheap
    context.time_base = Fraction(1, FPS)
    # BT.601 is what a reader without colour tags assumes below 720 rows; here it is written down as well.
    context.colorspace, context.color_range = Colorspace.SMPTE170M, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _metadata(record: dict | None) -> dict[str, str]:
    if not record:
        return {}
    return {"title": str(record.get("title", "")), "comment": json.dumps(record, sort_keys=True)}
