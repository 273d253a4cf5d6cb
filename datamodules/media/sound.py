"""Decoding of one audio stream to 16 kHz mono by time stamps. S sample at 16 kHz."""

from collections.abc import Iterator

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from datamodules.batch import SAMPLE_RATE
from datamodules.media.timestamps import seconds_of

JUMP_SECONDS = 0.04  # smaller disagreements between time stamps and sample counts are rounding
PADDING_SECONDS = 0.15  # decoders return at most two codec frames beyond the end
OVERLOAD = 4.0  # float files above this are not scaled to [-1, 1]
PHASE_SECONDS = 60.0  # of a stereo sound that decide how its channels are mixed
CANCELLED = 0.1  # the mean of two channels holds less than this share of their difference's power
ESTIMATED_LENGTHS = {"mp3", "aac", "adts"}  # formats whose header length is a guess from the bit rate


def declared_end(container: InputContainer, stream: AudioStream) -> float | None:
    """The time in seconds at which the header says that the sound ends, or None where it does not say."""
    if container.format.name in ESTIMATED_LENGTHS or not stream.duration:
        return None
    return seconds_of(stream.start_time or 0, stream) + seconds_of(stream.duration, stream)


class Resampling:
    """Frames of one stream to one format; where the stream changes its own on the way, it starts anew.

    Args:
        kind: sample format in FFmpeg's words, such as `fltp`.
        layout: such as `mono`.
        rate: in hertz.
    """

    def __init__(self, kind: str, layout: str, rate: int) -> None:
        self._target = kind, layout, rate
        self._source: tuple[str, str, int] | None = None
        self._resampler = av.AudioResampler(*self._target)

    def __call__(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """Frames in the wanted format; None gives the last ones."""
        if frame is None:
            return self._resampler.resample(None) if self._source else []
        source = frame.format.name, frame.layout.name, frame.sample_rate
        before = []
        if self._source not in (None, source):
            before = self._resampler.resample(None)
            self._resampler = av.AudioResampler(*self._target)
        self._source = source
        return [*before, *self._resampler.resample(frame)]


def cancels_out(container: InputContainer, stream: AudioStream) -> bool:
    """Whether two channels are each other's opposite, so that their mean would silence what is heard.

    Reads up to `PHASE_SECONDS` of the stream from where the container stands.
    """
    if stream.codec_context.channels != 2:
        return False
    mixer, seconds = Resampling("fltp", "stereo", SAMPLE_RATE), 0.0
    mean_power = difference_power = 0.0
    for frame in container.decode(stream):
        seconds += frame.samples / frame.sample_rate
        frame.pts = None
        for part in mixer(frame):
            left_S, right_S = part.to_ndarray().astype(np.float64)
            mean_power += float(((left_S + right_S) ** 2).sum())
            difference_power += float(((left_S - right_S) ** 2).sum())
        if seconds > PHASE_SECONDS:
            break
    return mean_power < CANCELLED * difference_power


class _Mono:
    """Frames of any layout to 16 kHz mono: the mean of two channels, or half their difference.

    FFmpeg's own way to mono adds float channels at 0.71 each and averages integer ones: the same sound would
    be 3 dB louder, and clip, from a lossy file. More than two channels are mixed by FFmpeg.
    """

    def __init__(self, channels: int, opposite: bool) -> None:
        self._sign = -1 if opposite else 1
        kind, layout = ("fltp", "stereo") if channels == 2 else ("flt", "mono")
        self._resampling = Resampling(kind, layout, SAMPLE_RATE)

    def __call__(self, frame: av.AudioFrame | None) -> np.ndarray:
        """Samples (S,) float32; None gives the last ones."""
        parts = [part.to_ndarray() for part in self._resampling(frame)]
        mono = [part[0] if len(part) == 1 else (part[0] + self._sign * part[1]) / 2 for part in parts]
        return np.concatenate(mono) if mono else np.zeros(0, np.float32)


def _segments(
    stream_frames: Iterator[av.AudioFrame], channels: int, opposite: bool
) -> Iterator[tuple[float, np.ndarray]]:
    """Resampled pieces, each with the time of its first sample if it opens a gapless stretch, else NaN."""
    mono, expected = _Mono(channels, opposite), None
    for frame in stream_frames:
        begin = frame.time if frame.time is not None else (expected or 0.0)
        if expected is None or abs(begin - expected) > JUMP_SECONDS:
            if expected is not None:
                yield np.nan, mono(None)
                mono = _Mono(channels, opposite)
            yield begin, np.zeros(0, np.float32)
            expected = begin
        expected += frame.samples / frame.sample_rate
        frame.pts = None  # the resampler would otherwise invent silence of its own
        yield np.nan, mono(frame)
    if expected is not None:
        yield np.nan, mono(None)


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
    container: InputContainer, stream: AudioStream, source: str, origin: float | None, opposite: bool = False
) -> Iterator[np.ndarray]:
    """Chunks of float32 samples at 16 kHz mono in [-1, 1].

    Args:
        container: of the stream, at its start.
        stream: what is decoded.
        source: how errors name it.
        origin: where sample 0 lies, in seconds of the file; None is where the stream starts.
        opposite: two channels in opposite phase: half their difference is taken instead of their mean.

    Raises:
        ValueError: if the sound is cut off, holds samples that are no numbers, or is not scaled to [-1, 1].
    """
    first = seconds_of(stream.start_time or 0, stream) if origin is None else origin
    end = declared_end(container, stream)
    wanted = None if end is None else max(round((end - first) * SAMPLE_RATE), 0)
    total = 0
    segments = _segments(container.decode(stream), stream.codec_context.channels, opposite)
    for chunk in _without_padding(_placed(segments, origin), wanted):
        yield _checked(chunk, source, total)
        total += len(chunk)
    if wanted is not None and total and total < wanted - max(0.2 * SAMPLE_RATE, 0.01 * wanted):
        read, whole = total / SAMPLE_RATE, wanted / SAMPLE_RATE
        raise ValueError(f"{source}: cut off: {read:.2f} s of {whole:.2f} s can be read")
