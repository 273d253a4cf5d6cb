"""How a frame is to be held: the display matrix of a video. H row, W column, C channel."""

import struct

import av
import numpy as np
from av.sidedata.sidedata import SideData, Type

Matrix = tuple[int, ...]


def display_matrix(frame: av.VideoFrame) -> Matrix | None:
    """The nine numbers of FFmpeg's display matrix (a b u, c d v, x y w), or None where there is none.

    A pixel at (x, y) is shown at (a x + c y, b x + d y), y downwards.
    """
    for data in frame.side_data:
        if isinstance(data, SideData) and data.type == Type.DISPLAYMATRIX:
            return struct.unpack("=9i", bytes(data)[:36])
    return None


def upright(rgb_HWC: np.ndarray, matrix: Matrix | None) -> np.ndarray:
    """The picture turned and mirrored as the matrix says, to the nearest of the eight ways; a view."""
    if matrix is None:
        return rgb_HWC
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        rgb_HWC, across, down = rgb_HWC.swapaxes(0, 1), c, b
    else:
        across, down = a, d
    return rgb_HWC[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
