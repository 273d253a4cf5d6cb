"""The skin's texture plane: where each texel lies on the head, and fields to paint with.

A texel's place is the direction from the middle of the head: distance from the plane's centre is the angle to
straight ahead, so that the face fills the middle and the back of the head the rim. All textures are painted
as functions of the template's coordinates and so ride on every person's shape. H texel row, W texel column.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.model import head_model

Floats = NDArray[np.floating]

CENTRE = (0.0, -0.15, 0.0)  # of the directions, in template coordinates
RIM_POWER = 0.8
SIDE = 384


def skin_places(points: Floats) -> Floats:
    """Places (..., 2) in [0, 1] of template points (..., 3): u to the person's left, v down."""
    d = points - np.array(CENTRE, np.float32)
    across = np.hypot(d[..., 0], d[..., 1])
    radius = (np.arctan2(across, d[..., 2]) / np.pi) ** RIM_POWER
    scale = 0.5 * radius / np.maximum(across, 1e-6)
    return np.stack([0.5 + d[..., 0] * scale, 0.5 - d[..., 1] * scale], -1).astype(np.float32)


@dataclass(frozen=True)
class Canvas:
    """Constant fields of the plane: template place `points` (H, W, 3), `lips` (H, W) in [0, 1].

    `slope_u`, `slope_v` (H, W, 3) turn a height's change per texel into its gradient on the surface.
    `noise` (K, H, W) are fields of unit variance, finest first, that wrap around.
    """

    points: Floats
    lips: Floats
    slope_u: Floats
    slope_v: Floats
    noise: Floats

    @property
    def x(self) -> Floats:
        """To the person's left, decimetres."""
        return self.points[..., 0]

    @property
    def y(self) -> Floats:
        """Up."""
        return self.points[..., 1]

    @property
    def z(self) -> Floats:
        """Forward."""
        return self.points[..., 2]

    def gradient(self, height: Floats) -> Floats:
        """Gradient (H, W, 3) along the surface of a height in decimetres (H, W)."""
        rows, columns = np.asarray(np.gradient(height))
        return self.slope_u * columns[..., None] + self.slope_v * rows[..., None]


@lru_cache(maxsize=2)
def canvas(side: int = SIDE) -> Canvas:
    """The plane at `side` texels, made once per process."""
    model = head_model()
    skin = model.triangles[model.regions == 0]
    values = np.concatenate([model.template, model.lips[:, None]], 1)
    painted = _spread(values, skin, side)
    points, lips = painted[..., :3], painted[..., 3].clip(0, 1)
    rows, columns = np.gradient(points, axis=(0, 1))
    uu, vv = (columns**2).sum(-1), (rows**2).sum(-1)
    uv = (columns * rows).sum(-1)
    determinant = np.maximum(uu * vv - uv * uv, 1e-10)[..., None]
    slope_u = (columns * vv[..., None] - rows * uv[..., None]) / determinant
    slope_v = (rows * uu[..., None] - columns * uv[..., None]) / determinant
    limit = 1.5 / np.sqrt(np.minimum(uu, vv).clip(1e-6))[..., None]
    return Canvas(
        points.astype(np.float32),
        lips.astype(np.float32),
        np.clip(slope_u, -limit, limit).astype(np.float32),
        np.clip(slope_v, -limit, limit).astype(np.float32),
        _noise(side),
    )


def _spread(values: Floats, triangles: NDArray, side: int) -> Floats:
    """Vertex values (V, K) at each texel (side, side, K): of the outermost surface, in gaps the nearest."""
    from scipy.ndimage import distance_transform_edt

    from datamodules.synthetic.head.render.raster import interpolate, rasterise

    model = head_model()
    places = skin_places(model.template)
    out_of = np.linalg.norm(model.template - np.array(CENTRE, np.float32), axis=1)
    screen = np.column_stack([places * side, out_of]).astype(np.float32)
    across_rim = np.ptp(places[triangles], axis=1).max(1) < 0.3
    triangles = np.ascontiguousarray(triangles[across_rim])
    near, owner = np.empty((side, side), np.float32), np.empty((side, side), np.int32)
    kinds, facing = np.ones(len(triangles), np.uint8), np.ones(len(screen), np.float32)
    rasterise(screen, triangles, kinds, places, np.zeros((1, 1, 1), np.uint8), facing, near, owner)
    flat = screen.copy()
    flat[:, 2] = 1
    out = np.zeros((side, side, values.shape[1]), np.float32)
    interpolate(owner, flat, triangles, values.astype(np.float32), 1, out)
    nearest = distance_transform_edt(owner < 0, return_distances=False, return_indices=True)
    rows, columns = np.asarray(nearest)
    return out[rows, columns]


def _noise(side: int) -> Floats:
    """Six fields of Gaussian noise, each half as fine as the one before, from one texel on."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(20)
    fields = []
    for octave in range(6):
        field = gaussian_filter(rng.normal(size=(side, side)), 0.5 * 2.0**octave, mode="wrap")
        fields.append(field / field.std())
    return np.stack(fields).astype(np.float32)


def bump(x: Floats, y: Floats, cx: float, cy: float, sx: float, sy: float) -> Floats:
    """A Gaussian hill of height 1."""
    return np.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2))


def groove(x: Floats, y: Floats, start: tuple, end: tuple, bow: float, soft: float) -> Floats:
    """1 along a bent line between two places, Gaussian across it, fading at the ends.

    `bow` is how far its middle lies to the left of the straight line; `soft` its half width.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(dx, dy))
    t = ((x - start[0]) * dx + (y - start[1]) * dy) / length**2
    off = ((x - start[0]) * -dy + (y - start[1]) * dx) / length - bow * 4 * t * (1 - t)
    ends = np.clip(np.minimum(t + 0.15, 1.15 - t) / 0.35, 0, 1)
    return np.exp(-0.5 * (off / soft) ** 2) * ends * ends * (3 - 2 * ends)


def ease(value: Floats, low: float | Floats, high: float | Floats) -> Floats:
    """0 below `low`, 1 above `high`, smooth between (low may exceed high)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
