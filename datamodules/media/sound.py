"""Decoding of one audio stream to 16 kHz mono by time stamps. S sample at 16 kHz."""

from collections.abc import Iterator
from typing import BinaryIO

import av
import numpy as np

from datamodules.batch import SAMPLE_RATE

JUMP_SECONDS = 0.04  # smaller disagreements between time stamps and sample counts are rounding
PADDING_SECONDS = 0.15  # decoders return at most two codec frames beyond the end
OVERLOAD = 4.0  # float files above this are not scaled to [-1, 1]
ESTIMATED_LENGTHS = {"mp3", "aac", "adts"}  # formats whose header length is a guess from the bit rate


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


def declared_end(container: av.container.InputContainer, stream: av.AudioStream) -> float | None:
    """The time in seconds at which the header says that the sound ends, or None where it does not say."""
    if container.format.name in ESTIMATED_LENGTHS or not stream.duration:
        return None
    return float((stream.start_time or 0) * stream.time_base) + float(stream.duration * stream.time_base)


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)


def _samples(frames: list[av.AudioFrame]) -> np.ndarray:
    return np.concatenate([f.to_ndarray().reshape(-1) for f in frames]) if frames else np.zeros(0, np.float32)


def _segments(stream_frames: Iterator[av.AudioFrame]) -> Iterator[tuple[float, np.ndarray]]:
    """Resampled pieces, each with the time of its first sample if it opens a gapless stretch, else NaN."""
    resampler, expected = _resampler(), None
    for frame in stream_frames:
        begin = frame.time if frame.pts is not None else (expected or 0.0)
        if expected is None or abs(begin - expected) > JUMP_SECONDS:
            if expected is not None:
                yield np.nan, _samples(resampler.resample(None))
                resampler = _resampler()
            yield begin, np.zeros(0, np.float32)  # type: ignore[misc]
            expected = begin
        expected += frame.samples / frame.sample_rate
        frame.pts = None  # the resampler would otherwise invent silence of its own
        yield np.nan, _samples(resampler.resample(frame))
    if expected is not None:
        yield np.nan, _samples(resampler.resample(None))


def _placed(segments: Iterator[tuple[float, np.ndarray]], origin: float | None) -> Iterator[np.ndarray]:
    """Gapless samples from `origin` seconds on: silence where the stream has a gap, nothing twice."""
    position, skip = 0, 0
    for begin, samples in segments:
        if not np.isnan(begin):
            origin = begin if origin is None else origin
            missing = round((begin - origin) * SAMPLE_RATE) - position
            if missing > 0:
                yield np.zeros(missing, np.float32)
                position += missing
            skip = max(-missing, 0)
        fresh = samples[skip:]
        skip -= min(skip, len(samples))
        position += len(fresh)
        if len(fresh):
            yield fresh


def _without_padding(chunks: Iterator[np.ndarray], end: int | None) -> Iterator[np.ndarray]:
    """Drops what a decoder returns past sample `end`, unless it is too much to be codec padding."""
    allowed, position = round(PADDING_SECONDS * SAMPLE_RATE), 0
    held: list[np.ndarray] = []
    for chunk in chunks:
        if end is not None and position + len(chunk) > end:
            cut = max(end - position, 0)
            if cut:
                yield chunk[:cut]
            held.append(chunk[cut:])
            position += len(chunk)
            if sum(map(len, held)) > allowed:  # the header is wrong, not the sound
                yield from held
                held, end = [], None
            continue
        position += len(chunk)
        yield chunk


def _checked(chunk: np.ndarray, source: str, position: int) -> np.ndarray:
    if not np.isfinite(chunk).all():
        at = (position + int(np.argmin(np.isfinite(chunk)))) / SAMPLE_RATE
        raise ValueError(f"{source}: the sound holds samples that are no numbers, the first near {at:.2f} s")
    peak = float(np.abs(chunk).max(initial=0.0))
    if peak > OVERLOAD:
        raise ValueError(f"{source}: samples reach {peak:g}; float sound must be scaled to [-1, 1]")
    return np.clip(chunk, -1.0, 1.0)


def decode_sound(
    container: av.container.InputContainer, stream: av.AudioStream, source: str, origin: float | None
) -> Iterator[np.ndarray]:
    """Chunks of float32 samples at 16 kHz mono in [-1, 1].

    Sample 0 lies at `origin` seconds of the file, or where the stream starts if that is None.

    Raises:
        ValueError: if the sound is cut off, holds samples that are no numbers, or is not scaled to [-1, 1].
    """
    first = float((stream.start_time or 0) * stream.time_base) if origin is None else origin
    end = declared_end(container, stream)
    wanted = None if end is None else max(round((end - first) * SAMPLE_RATE), 0)
    total = 0
    for chunk in _without_padding(_placed(_segments(container.decode(stream)), origin), wanted):
        yield _checked(chunk, source, total)
        total += len(chunk)
    if wanted is not None and total and total < wanted - max(0.2 * SAMPLE_RATE, 0.01 * wanted):
        read, whole = total / SAMPLE_RATE, wanted / SAMPLE_RATE
        raise ValueError(f"{source}: cut off: {read:.2f} s of {whole:.2f} s can be read")
