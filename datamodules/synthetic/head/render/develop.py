"""What the camera makes of light: blur, tone curve, noise, eight bits. S side of the picture."""

import numpy as np
from numpy.typing import NDArray

from datamodules.compiled import compiled

Array = NDArray


@compiled
def develop(linear: Array, curve: Array, grain: Array, soft: float, out: Array) -> None:
    """Lens and sensor: a 3 x 3 blur (negative sharpens), the curve (n,) over the root of light, fixed grain.

    Args:
        linear: (S, S, 3).
        curve: output level 0 to 255 at evenly spaced roots of linear light from 0 to 1.5.
        grain: (S, S, 3) float32, added to the level.
        soft: weight of each direct neighbour, below 0.2.
        out: (3, S, S) uint8.
    """
    side, last = linear.shape[0], len(curve) - 1
    for i in range(side):
        up, down = max(i - 1, 0), min(i + 1, side - 1)
        for j in range(side):
            left, right = max(j - 1, 0), min(j + 1, side - 1)
            for channel in range(3):
                value = linear[i, j, channel]
                if soft != 0:
                    around = linear[up, j, channel] + linear[down, j, channel]
                    around += linear[i, left, channel] + linear[i, right, channel]
                    value += soft * (around - 4 * value)
                level = np.sqrt(max(value, 0.0)) * (last / 1.5)
                index = min(int(level), last - 1)
                share = min(level - index, 1.0)
                level = curve[index] + (curve[index + 1] - curve[index]) * share + grain[i, j, channel]
                out[channel, i, j] = np.uint8(min(max(level + 0.5, 0.0), 255.0))
