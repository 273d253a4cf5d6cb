"""Pictures in the colours of an encoder, and one that stands still but for a part of it.

H row, W column.
"""

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from torch import Tensor

# Colours are filtered while they are halved: so far around the part pixels change with it, and twice as far
# others matter to these.
MARGIN = 4
Part = tuple[slice, slice]  # rows and columns of a picture


class ToYuv:
    """Brings RGB pictures (H, W, 3) uint8 to frames of H.264: 4:2:0 in BT.601, limited range."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, rgb_HW3: np.ndarray) -> av.VideoFrame:
        """The frame; sides must be even."""
        return self._reformatter.reformat(
            av.VideoFrame.from_ndarray(rgb_HW3, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            threads=1,  # more only wait for each other at such sizes
        )


class Backdrop:
    """Frames of a large picture in which one part changes: only that part is converted for each frame.

    Args:
        picture_3HW: uint8 RGB of even sides.
        part: rows and columns that change.
    """

    def __init__(self, picture_3HW: Tensor, part: Part) -> None:
        self._to_yuv, (height, width) = ToYuv(), picture_3HW.shape[1:]
        # Of the rows and columns: those that are written, of even bounds, and those that are converted.
        rows, columns = (_bounds(at, side) for at, side in zip(part, (height, width), strict=True))
        self._written, near = (rows[0], columns[0]), (rows[1], columns[1])
        rgb_HW3 = picture_3HW.permute(1, 2, 0)
        self._rgb_HW3 = np.ascontiguousarray(rgb_HW3[near].numpy())
        self._place, self._inside = _moved(part, near), _moved(self._written, near)
        self._yuv = self._to_yuv(np.ascontiguousarray(rgb_HW3.numpy())).to_ndarray()

    def frame(self, part_3HW: Tensor) -> av.VideoFrame:
        """The whole picture with a part (3, H, W) uint8 in its place."""
        self._rgb_HW3[self._place] = part_3HW.permute(1, 2, 0).numpy()
        changed = _planes(self._to_yuv(self._rgb_HW3).to_ndarray())
        for scale, whole, part in zip((1, 2, 2), _planes(self._yuv), changed, strict=True):
            whole[_scaled(self._written, scale)] = part[_scaled(self._inside, scale)]
        return av.VideoFrame.from_ndarray(self._yuv, format="yuv420p")


def _planes(yuv: np.ndarray) -> list[np.ndarray]:
    """Views of brightness and both colour planes of an array as PyAV gives it."""
    height, width = len(yuv) * 2 // 3, yuv.shape[1]
    colours = yuv[height:].reshape(2, height // 2, width // 2)
    return [yuv[:height], colours[0], colours[1]]


def _bounds(part: slice, side: int) -> tuple[slice, slice]:
    """A range of even bounds widened by the margin, and by twice that, within a side of so many pixels."""
    start, stop = part.start - part.start % 2, part.stop + part.stop % 2
    once, twice = (slice(max(0, start - margin), min(side, stop + margin)) for margin in (MARGIN, 2 * MARGIN))
    return once, twice


def _moved(part: Part, corner: Part) -> Part:
    """A part of a picture as a part of a cut from it."""
    rows, columns = (
        slice(at.start - by.start, at.stop - by.start) for at, by in zip(part, corner, strict=True)
    )
    return rows, columns


def _scaled(part: tuple[slice, ...], scale: int) -> tuple[slice, ...]:
    return tuple(slice(at.start // scale, at.stop // scale) for at in part)
