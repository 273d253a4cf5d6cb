"""Members of a shard: H.264 video, FLAC sound, PNG picture, NPZ arrays; equal input gives equal bytes.

F frame, C channel, H row, W column, S sample.
"""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.codec.context import Flags
from av.error import FFmpegError
from PIL import Image
from torch import Tensor

from datamodules.batch import FPS, SAMPLE_RATE
from datamodules.media.colours import ToRgb

GOP = 25  # a random window then costs at most one second of decoding
# Without mbtree: with it, equal frames of 32 pixels gave different bytes in half of the calls (PyAV 18.1).
X264 = {
    "preset": "medium",
    "tune": "fastdecode",
    "x264-params": f"keyint={GOP}:scenecut=0:open-gop=0:mbtree=0",
}


def check_encoders(target: Path, names: Sequence[str] = ("libx264", "aac", "flac")) -> None:
    """Refuse to write video where this build of PyAV lacks an encoder, before any work.

    Args:
        target: what is to be written, for the line.
        names: of FFmpeg's encoders.

    Raises:
        ValueError: names the encoder that is missing.
    """
    for name in names:
        try:
            av.Codec(name, "w")
        except (FFmpegError, ValueError):
            raise ValueError(f"{target}: PyAV has no encoder {name} here; pip's wheels of av do") from None


def encode_video(frames_FCHW: Tensor, crf: int = 12) -> bytes:
    """Frames (F, 3, H, W) uint8 RGB as an MP4 at 25 frames per second with closed GOPs of one second.

    Colours keep their full resolution (4:4:4): at 128 pixels halving them would blur the lips.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={**X264, "crf": str(crf)})
        stream.height, stream.width = frames_FCHW.shape[2:]
        stream.pix_fmt, stream.thread_count = "yuv444p", 1
        stream.codec_context.flags |= Flags.bitexact
        for index, rgb_HWC in enumerate(frames_FCHW.permute(0, 2, 3, 1).contiguous().numpy()):
            frame = av.VideoFrame.from_ndarray(rgb_HWC, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode_video(data: bytes, start: int = 0, length: int | None = None) -> Tensor:
    """Frames `start` to `start + length` of `encode_video` as (F, 3, H, W) uint8 RGB.

    Raises:
        ValueError: if the bytes are damaged or hold fewer frames.
    """
    frames, stop = [], None if length is None else start + length
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            stream.thread_count = 1  # the workers are the parallelism
            if start >= GOP:
                container.seek(round(start / FPS / (stream.time_base or Fraction(1, FPS))), stream=stream)
            to_rgb = ToRgb()
            for frame in container.decode(stream):
                index = round(frame.time * FPS)
                if stop is not None and index >= stop:
                    break
                if index >= start:
                    frames.append(torch.from_numpy(to_rgb(frame)))
    except (FFmpegError, IndexError) as error:
        raise ValueError(f"the video is damaged ({error})") from None
    if not frames or (length is not None and len(frames) != length):
        raise ValueError(f"the video holds {len(frames)} frames from frame {start} on, {length} are wanted")
    return torch.stack(frames).permute(0, 3, 1, 2).contiguous()


def encode_sound(waveform_S: Tensor) -> bytes:
    """A waveform (S,) in [-1, 1] at 16 kHz as 16-bit mono FLAC."""
    buffer = io.BytesIO()
    samples = (waveform_S.clamp(-1, 1) * 32767).round().to(torch.int16).numpy()
    with av.open(buffer, "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        stream.codec_context.flags |= Flags.bitexact
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode_sound(data: bytes) -> Tensor:
    """The waveform (S,) float32 of `encode_sound`.

    Raises:
        ValueError: if the bytes are damaged.
    """
    try:
        with av.open(io.BytesIO(data), "r", format="flac") as container:
            parts = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    except (FFmpegError, IndexError) as error:
        raise ValueError(f"the sound is damaged ({error})") from None
    if not parts:
        raise ValueError("the sound is empty")
    return torch.from_numpy(np.concatenate(parts).astype(np.float32) / 32767)


def encode_picture(image_CHW: Tensor) -> bytes:
    """A picture (3, H, W) uint8 RGB as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image_CHW.permute(1, 2, 0).contiguous().numpy()).save(buffer, "PNG")
    return buffer.getvalue()


def decode_picture(data: bytes) -> Tensor:
    """The picture (3, H, W) uint8 of `encode_picture`.

    Raises:
        ValueError: if the bytes are damaged.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            rgb_HWC = np.asarray(image.convert("RGB")).copy()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the picture is damaged ({error})") from None
    return torch.from_numpy(rgb_HWC).permute(2, 0, 1).contiguous()


def encode_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    """Named numeric arrays as a compressed NPZ; never pickled."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def decode_arrays(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of `encode_arrays`.

    Raises:
        ValueError: if the bytes are damaged or hold pickled objects.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # a damaged zip raises a dozen unrelated kinds
        raise ValueError(f"the arrays are damaged ({error})") from None
