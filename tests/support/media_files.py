"""Small media files made on the fly: a moving pattern with a counter in its brightness, a sine, a chirp."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def sine(seconds: float, rate: int = 48_000, hertz: float = 440.0) -> np.ndarray:
    """A tone (S,) float32 that begins at once."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pattern(index: int, height: int, width: int) -> np.ndarray:
    """Frame number `index` (H, W, 3): brightness 40 + 6 * (index % 32), with a red corner."""
    frame = np.full((height, width, 3), 40 + 6 * (index % 32), np.uint8)
    frame[: height // 4, : width // 4] = (220, 60, 60)
    return frame


def write_sound(path: Path, samples: np.ndarray, rate: int, codec: str) -> Path:
    """Samples (S,) or (S, 2) to a sound file in the container that the ending names."""
    with av.open(str(path), "w") as container:
        stream = _sound_stream(container, samples, rate, codec)
        _add_sound(container, stream, samples, rate)
    return path


def _sound_stream(container, samples: np.ndarray, rate: int, codec: str):
    return container.add_stream(codec, rate=rate, layout="mono" if samples.ndim == 1 else "stereo")


def _add_sound(container, stream, samples: np.ndarray, rate: int) -> None:
    if len(samples):
        planes = np.ascontiguousarray(np.atleast_2d(samples.T))
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=stream.layout.name)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_video(
    path: Path,
    frames: int = 20,
    fps: float = 25,
    size: tuple[int, int] = (64, 96),
    sound: np.ndarray | None = None,
    rate: int = 48_000,
    times: list[float] | None = None,
) -> Path:
    """A pattern clip in H.264 with AAC sound if given; `times` in seconds makes the frame rate uneven."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1001), options={"crf": "10"}
        )
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        base = Fraction(1, 90_000)
        stream.codec_context.time_base = base
        heard = None if sound is None else _sound_stream(container, sound, rate, "aac")
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(pattern(index, *size), format="rgb24")
            frame.pts = round((times[index] if times else index / fps) * 90_000)
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _add_sound(container, heard, sound, rate)
    return path
