"""Decoded frames to sRGB, by the colours that the video declares. H row, W column."""

from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc, VideoReformatter

HIGH_DYNAMIC_RANGE = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}
# Linear light of wider primaries to that of BT.709 and sRGB: BT.2020 after ITU-R BT.2087-0 (table 2, inverse
# of the matrix there), Display P3 from the chromaticities of SMPTE EG 432-1 with the white of D65.
TO_SRGB = {
    int(ColorPrimaries.BT2020): (
        (1.6605, -0.5876, -0.0728),
        (-0.1246, 1.1329, -0.0083),
        (-0.0182, -0.1006, 1.1187),
    ),
    int(ColorPrimaries.SMPTE432): (
        (1.2249, -0.2247, 0.0),
        (-0.0420, 1.0419, 0.0),
        (-0.0197, -0.0786, 1.0979),
    ),
}
LEVELS = 4096  # of linear light, when it becomes 8-bit again


class ToRgb:
    """What brings the frames of one video to RGB.

    A frame converted by itself sets FFmpeg's scaler up anew, with its threads: at 128 pixels ten times
    the work on two cores, and more the more cores there are.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def __call__(
        self, frame: av.VideoFrame, width: int | None = None, height: int | None = None
    ) -> np.ndarray:
        """(H, W, 3) uint8 sRGB; `width` and `height` in pixels if not the frame's own."""
        converted = self._scaler.reformat(frame, width=width, height=height, format="rgb24", threads=1)
        rgb_HW3 = converted.to_ndarray()
        matrix = TO_SRGB.get(int(frame.color_primaries))
        return rgb_HW3 if matrix is None else with_srgb_primaries(rgb_HW3, np.array(matrix, np.float32))


def check_dynamic_range(frame: av.VideoFrame, path: Path | str) -> None:
    """Nothing for standard video.

    Raises:
        ValueError: for PQ and HLG, whose brightness no rule without a choice of look brings to 8-bit sRGB.
    """
    kind = HIGH_DYNAMIC_RANGE.get(int(frame.color_trc))
    if kind is not None:
        raise ValueError(
            f"{path}: high dynamic range ({kind}), which would come out in wrong brightness: convert it to "
            "standard range first, for example with the tonemap filter of ffmpeg or the phone's own export"
        )


def with_srgb_primaries(rgb_HW3: np.ndarray, matrix_33: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) uint8 of wider primaries in sRGB; what sRGB cannot show is clipped.

    Args:
        rgb_HW3: the picture.
        matrix_33: its linear light to that of sRGB. The curve is that of IEC 61966-2-1 on both sides.
    """
    code = np.arange(256, dtype=np.float32) / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
    level = np.arange(LEVELS, dtype=np.float32) / (LEVELS - 1)
    curve = np.where(level <= 0.0031308, 12.92 * level, 1.055 * level ** (1 / 2.4) - 0.055)
    encoded = (255 * curve).round().astype(np.uint8)
    light_HW3 = linear[rgb_HW3] @ matrix_33.T
    return encoded[(light_HW3 * (LEVELS - 1)).round().clip(0, LEVELS - 1).astype(np.int32)]
