"""Decoded frames to RGB."""

import av
import numpy as np
from av.video.reformatter import VideoReformatter


class ToRgb:
    """What brings the frames of one video to RGB.

    A frame converted by itself sets FFmpeg's scaler up anew, with its threads: at 128 pixels ten times
    the work on two cores, and more the more cores there are.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, width: int | None = None) -> np.ndarray:
        """(H, W, 3) uint8; `width` in pixels if not the frame's own."""
        return self._scaler.reformat(frame, width=width, format="rgb24", threads=1).to_ndarray()
