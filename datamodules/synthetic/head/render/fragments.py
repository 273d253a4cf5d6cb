"""What each pixel sees: fragments of surfaces, listed by material. S side of the picture, N fragment.

Samples are 2S a side. One list per material keeps each material's loop simple: a loop that branches over many
arrays counts their references at every pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.compiled import compiled
from datamodules.synthetic.head.render.materials import HAIR, MATERIALS
from datamodules.synthetic.head.render.raster import weights_at

Array = NDArray


@dataclass(frozen=True)
class Fragments:
    """Room for what a picture's pixels see, and the order to light it in.

    `pixels` (N,), `shares` (N,) of the pixel, `triangles` (N,), `weights` (N, 3) of its corners; `lists`
    (M, N) holds the numbers of each material's fragments, `counts` (M,) how many.
    """

    pixels: NDArray[np.int32]
    shares: NDArray[np.float32]
    triangles: NDArray[np.int32]
    weights: NDArray[np.float32]
    lists: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def room(cls, side: int) -> "Fragments":
        """Buffers for any picture of `side` pixels."""
        most = 4 * side * side
        return cls(
            np.empty(most, np.int32),
            np.empty(most, np.float32),
            np.empty(most, np.int32),
            np.empty((most, 3), np.float32),
            np.empty((MATERIALS, most), np.int32),
            np.zeros(MATERIALS, np.int64),
        )


@compiled
def find_fragments(
    owner: Array,
    near: Array,
    screen: Array,
    corners: Array,
    materials: Array,
    backdrop: Array,
    pixels: Array,
    shares: Array,
    triangles: Array,
    weights: Array,
    lists: Array,
    counts: Array,
    out: Array,
) -> None:
    """Fills the fragments and lays the backdrop's share into `out` (S, S, 3).

    Samples of one material whose depths agree count as one surface, seen at their middle.
    """
    side = out.shape[0]
    counts[:] = 0
    found = 0
    for i in range(side):
        for j in range(side):
            free = 0.0
            done = 0  # bit k: sample k belongs to a fragment
            t = owner[2 * i, 2 * j]
            if max(t, owner[2 * i, 2 * j + 1], owner[2 * i + 1, 2 * j], owner[2 * i + 1, 2 * j + 1]) < 0:
                free, done = 1.0, 15
            for k in range(4):
                if done >> k & 1:
                    continue
                y, x = 2 * i + (k >> 1), 2 * j + (k & 1)
                t = owner[y, x]
                count, sum_x, sum_y = 1, x + 0.5, y + 0.5
                for other in range(k + 1, 4):
                    v, u = 2 * i + (other >> 1), 2 * j + (other & 1)
                    s = owner[v, u]
                    same = s == t
                    if not same and s >= 0 and t >= 0 and materials[s] == materials[t]:
                        close = 0.003 if materials[t] == HAIR else 0.006
                        same = abs(near[v, u] - near[y, x]) < close * near[y, x]
                    if same and not done >> other & 1:
                        done |= 1 << other
                        count, sum_x, sum_y = count + 1, sum_x + u + 0.5, sum_y + v + 0.5
                if t < 0:
                    free += 0.25 * count
                    continue
                w = weights_at(
                    screen, corners[t, 0], corners[t, 1], corners[t, 2], sum_x / count, sum_y / count
                )
                pixels[found], shares[found], triangles[found] = i * side + j, 0.25 * count, t
                weights[found, 0], weights[found, 1], weights[found, 2] = w
                m = materials[t]
                lists[m, counts[m]] = found
                counts[m] += 1
                found += 1
            for channel in range(3):
                out[i, j, channel] = free * backdrop[i, j, channel]
