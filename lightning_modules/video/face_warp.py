"""A portrait moved as its points say: a mesh over the face, a ring around the head, and eyes that turn.

K point of the mesh, V vertex (points, then ring and border), T triangle, H row, W column, A side of the
layout. Compiled for the CPU: a frame is a loop over pixels, whatever computed its latents.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datamodules.face_space.mesh import ATLAS, EYE_RINGS, IRIS, IRISES, OVAL, SKIN, face_mesh

Floats = NDArray[np.float32]

RING = 1.45  # how far out the ring around the head lies, against the face's outline
RING_FOLLOWS, NECK_FOLLOWS = 1.0, 0.35  # how far it goes with the head: hair and ears; the neck
LID_INSET = 0.035  # of an eye's half width: what the lids hide is continued from just inside their edges


@dataclass(frozen=True)
class Surround:
    """A portrait's vertices beside those of its face, and the triangles of all.

    Args:
        vertices: (V, 2) pixels, the mesh's own points first.
        triangles: (T, 3).
        places: of the vertices in the layout (V, 2), below 0 where they have none.
        follows: how far the vertices after the mesh's go with the head.
    """

    vertices: Floats
    triangles: NDArray[np.int32]
    places: Floats
    follows: Floats


def surround(points_K2: Floats, height: int, width: int) -> Surround:
    """Ring and border around a portrait's points in a picture of that size."""
    from scipy.spatial import Delaunay

    mesh = face_mesh()
    outline = points_K2[list(OVAL)]
    middle = (outline.max(0) + outline.min(0)) / 2
    ring = middle + (outline - middle) * RING
    inside = ((ring > 1) & (ring < [width - 2, height - 2])).all(1)
    chin = outline[:, 1].max()
    low = np.clip((ring[:, 1] - middle[1]) / max(chin - middle[1], 1.0), 0, 1)
    follows = RING_FOLLOWS + (NECK_FOLLOWS - RING_FOLLOWS) * low
    steps = np.linspace(0, 1, 9)
    sides = [np.stack([steps, np.full(9, e)], 1) for e in (0.0, 1.0)]
    border = np.unique(np.concatenate([*sides, *(s[:, ::-1] for s in sides)]), axis=0) * [
        width - 1,
        height - 1,
    ]
    outer = np.concatenate([ring[inside], border]).astype(np.float32)
    share = np.concatenate([follows[inside], np.zeros(len(border))]).astype(np.float32)
    around = np.concatenate([outline, outer])
    number = np.concatenate([OVAL, np.arange(len(outer)) + len(points_K2)])
    cells = Delaunay(around).simplices
    own = (cells < len(OVAL)).all(1) & inside_outline(around[cells].mean(1), outline)
    cells = cells[~own]  # the face has its own triangles
    skin = mesh.triangles[mesh.kinds == SKIN].numpy()
    mouth = mesh.triangles[mesh.kinds == 1].numpy()
    places = np.full((len(points_K2) + len(outer), 2), -1, np.float32)
    places[: len(points_K2)] = mesh.atlas.numpy()
    return Surround(
        np.concatenate([points_K2, outer]).astype(np.float32),
        np.concatenate([number[cells], mouth, skin]).astype(np.int32),
        places,
        share,
    )


def inside_outline(places_N2: Floats, outline_K2: Floats) -> NDArray[np.bool_]:
    """Which places lie inside a closed outline (N,): a ray to the right crosses it an odd number of times."""
    first, second = outline_K2, np.roll(outline_K2, -1, 0)
    x, y = places_N2[:, :1], places_N2[:, 1:]
    between = (first[:, 1] > y) != (second[:, 1] > y)
    rise = second[:, 1] - first[:, 1]
    share = (y - first[:, 1]) / np.where(rise == 0, 1, rise)
    return (between & (x < first[:, 0] + share * (second[:, 0] - first[:, 0]))).sum(1) % 2 == 1


@lru_cache(maxsize=1)
def _eye_triangles() -> NDArray[np.int32]:
    """Triangles of both eyes (T, 4): three points, and which eye."""
    mesh = face_mesh()
    cells = mesh.triangles[mesh.kinds == 2].numpy()
    right = np.isin(cells, EYE_RINGS[0]).all(1)
    return np.concatenate([cells, np.where(right, 0, 1)[:, None]], 1).astype(np.int32)


def eye_frames(points_K2: Floats) -> Floats:
    """For each eye (2, 44) its middle, half axis, the axis across it, its gaze, and the lids' heights.

    The gaze is the place of the iris' centre (along, across). Heights are (along, across) pairs of nine
    places from the outer to the inner corner, upper lid then lower, in half widths of the eye.
    """
    rows = []
    for ring, iris in zip(EYE_RINGS, IRISES, strict=True):
        outer, inner = points_K2[ring[0]], points_K2[ring[8]]
        middle, half = (outer + inner) / 2, (inner - outer) / 2
        across = np.array([-half[1], half[0]]) * (1 if half[0] > 0 else -1)
        to_local = np.stack([half, across], 1) / max(float(half @ half), 1e-6)
        local = (points_K2[list(ring)] - middle) @ to_local
        upper = local[[0, *range(15, 7, -1)]]
        lower = local[[0, *range(1, 9)]]
        gaze = (points_K2[iris[0]] - middle) @ to_local
        rows.append(np.concatenate([middle, half, across, gaze, upper.ravel(), lower.ravel()]))
    return np.array(rows, np.float32)


class FaceWarp:
    """Puts frames of one portrait together.

    Args:
        picture_HW3: uint8 RGB.
        points_K2: its points in pixels.
    """

    def __init__(self, picture_HW3: NDArray[np.uint8], points_K2: Floats) -> None:
        height, width = picture_HW3.shape[:2]
        self.picture = np.ascontiguousarray(picture_HW3)
        self.around = surround(points_K2, height, width)
        self.eyes = eye_frames(points_K2)

    def frame(self, moved_V2: Floats, keep_AA: Floats, painted_AA3: Floats) -> NDArray[np.uint8]:
        """A frame (H, W, 3).

        Args:
            moved_V2: where the vertices of `around` go.
            keep_AA: share of the portrait that is kept, over the layout.
            painted_AA3: what is added, in grey levels.
        """
        from lightning_modules.video.warp_kernels import draw_eyes, place_triangles, put_together

        height, width = self.picture.shape[:2]
        source = np.full((height, width, 4), np.nan, np.float32)
        moved = np.ascontiguousarray(moved_V2, np.float32)
        place_triangles(moved, self.around.vertices, self.around.places, self.around.triangles, source)
        draw_eyes(moved, _eye_triangles(), eye_frames(moved[: IRIS + 10]), self.eyes, LID_INSET, source)
        out = np.empty_like(self.picture)
        put_together(self.picture, source, keep_AA, painted_AA3, ATLAS, out)
        return out
