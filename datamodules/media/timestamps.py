"""Video frames by their time stamps: in order, and at a constant rate."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

T = TypeVar("T")
# Containers that say when a frame is decoded, not when it is shown: what stands for that is out of order.
UNSTAMPED = ("avi", "asf")
TAIL_FRAMES = 0.25  # a last frame is made only if more than this share of it lies before the end


def seconds_of(ticks: int, clock: Stream | av.VideoFrame) -> float:
    """A time stamp or length in seconds, by the time base of its stream or frame."""
    return float(ticks * clock.time_base) if clock.time_base else 0.0


def stamped_frames(
    container: InputContainer, stream: VideoStream, step: float, path: Path | str
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decoded frames with their times in seconds, strictly rising.

    Args:
        container: of the stream.
        stream: what is decoded.
        step: seconds between frames, where they carry no time stamp.
        path: how errors name the file.

    Raises:
        ValueError: if a frame is damaged.
    """
    last: float | None = None
    in_decoding_order = container.format.name in UNSTAMPED
    for frame in container.decode(stream):
        if frame.is_corrupt:
            raise ValueError(f"{path}: damaged after {last or 0:.2f} s")
        following = 0.0 if last is None else last + step
        stamp = frame.dts if in_decoding_order else frame.pts
        seconds = following if stamp is None else seconds_of(stamp, frame)
        if last is None or seconds > last:
            last = seconds
            yield seconds, frame


def at_constant_rate(stamped: Iterator[tuple[float, T]], fps: float, step: float) -> Iterator[T]:
    """Frames at `fps` per second: each the source frame nearest in time, repeated if need be.

    Args:
        stamped: frames with their times in seconds, strictly rising.
        fps: the wanted rate.
        step: seconds for which the last frame is shown.
    """
    previous: tuple[float, T] | None = None
    start, count = 0.0, 0
    for seconds, frame in stamped:
        if previous is None:
            start = seconds
        else:
            while start + count / fps <= (previous[0] + seconds) / 2:
                yield previous[1]
                count += 1
        previous = (seconds, frame)
    while previous is not None and start + (count + TAIL_FRAMES) / fps < previous[0] + step:
        yield previous[1]
        count += 1
