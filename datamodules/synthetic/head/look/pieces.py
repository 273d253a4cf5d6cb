"""A piece of geometry that is added to the head: hair, beard, clothes, glasses. P point, T triangle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Piece:
    """Geometry at rest, in decimetres.

    Args:
        points: (P, 3).
        triangles: (T, 3), numbers of points.
        normals: (P, 3) unit.
        tangents: (P, 3) unit along hair; zero for what is no hair.
        places: (P, 2) on the piece's alpha sheet.
        colours: (P, 3) linear RGB.
        roots: (P,) the head's vertex that each point moves with.
        follows: (P,) in [0, 1]: how much of that vertex's facial movement it takes over.
        occlusion: (P,) how much of the sky each point sees.
        material: of `materials`.
        kind: of `raster`: one-sided, two-sided or cut out.
    """

    points: Floats
    triangles: NDArray[np.int32]
    normals: Floats
    tangents: Floats
    places: Floats
    colours: Floats
    roots: NDArray[np.int64]
    follows: Floats
    occlusion: Floats
    material: int
    kind: int


def ribbons(
    lines: Floats,
    across: Floats,
    outward: Floats,
    half_width: Floats,
    colours: Floats,
    roots: NDArray,
    shade: Floats,
    material: int,
    kind: int,
    follows: float,
) -> Piece:
    """Bands (R) along lines of K points.

    Args:
        lines: (R, K, 3) middle lines.
        across: (R, K, 3) unit vectors across each band.
        outward: (R, K, 3) unit vectors off the surface.
        half_width: (R, K).
        colours: (R, 3) linear RGB.
        roots: (R,) the head's vertex each grows from.
        shade: (R, K) occlusion.
        material: of the bands.
        kind: of their triangles.
        follows: how much of the root's facial movement they take over.
    """
    count, length = lines.shape[:2]
    along = np.gradient(lines, axis=1)
    along /= np.linalg.norm(along, axis=-1, keepdims=True) + 1e-9
    sides = np.array([-1.0, 1.0], np.float32)
    points = lines[:, :, None] + across[:, :, None] * (half_width[..., None, None] * sides[:, None])
    normals = outward[:, :, None] + 0.7 * across[:, :, None] * sides[:, None]
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9
    v = np.broadcast_to(np.linspace(0, 1, length)[None, :, None], (count, length, 2))
    shift = np.random.default_rng(count).random((count, 1, 1))
    u = np.broadcast_to(np.array([0.0, 0.25])[None, None] + shift, (count, length, 2))
    first = (np.arange(count)[:, None] * length + np.arange(length - 1)[None]).ravel() * 2
    triangles = np.concatenate(
        [np.stack([first, first + 2, first + 1], 1), np.stack([first + 1, first + 2, first + 3], 1)]
    )
    flat = (count * length * 2,)

    def spread(values: Floats) -> Floats:
        return np.ascontiguousarray(
            np.broadcast_to(values, (count, length, 2, 3)).reshape(-1, 3), dtype=np.float32
        )

    return Piece(
        points=spread(points),
        triangles=triangles.astype(np.int32),
        normals=spread(normals),
        tangents=spread(along[:, :, None]),
        places=np.stack([u.reshape(flat), v.reshape(flat)], -1).astype(np.float32),
        colours=spread(colours[:, None, None]),
        roots=np.repeat(roots, length * 2).astype(np.int64),
        follows=np.full(flat, follows, np.float32),
        occlusion=np.repeat(shade.reshape(-1), 2).astype(np.float32),
        material=material,
        kind=kind,
    )
