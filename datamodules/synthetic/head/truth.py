"""What is true of a frame, exactly: flow from the portrait, what the portrait shows of it, depth, points.

F frame, S side of the picture, K landmark, V vertex. Pixel i has its centre at i + 0.5; places of landmarks
are in pixels with that centre at i.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.head_motion import MESH_TO_IBUG
from datamodules.synthetic.head.model import head_model
from datamodules.synthetic.head.person import Person
from datamodules.synthetic.head.render.materials import MOUTH, TEETH, TONGUE
from datamodules.synthetic.head.render.raster import interpolate, project
from datamodules.synthetic.head.renderer import CHUNK, Geometry, Motion, Stage, checked_motion

Floats = NDArray[np.floating]

LANDMARK_FILE = Path(__file__).with_name("data") / "landmarks.safetensors"
SAME_SURFACE = 0.004  # relative difference of inverse depths up to which two surfaces are the same


@dataclass(frozen=True)
class Landmarks:
    """Where MediaPipe's 478 points lie on the head: `triangles` (K,) and `weights` (K, 3) of corners."""

    triangles: NDArray[np.int32]
    weights: Floats


@lru_cache(maxsize=1)
def landmark_table() -> Landmarks:
    """The fitted table that ships with the head."""
    from safetensors.numpy import load_file

    arrays = load_file(LANDMARK_FILE)
    return Landmarks(arrays["triangles"], arrays["weights"])


def mesh_points(geometry: Geometry, samples: int) -> Floats:
    """The 478 points (K, 2) in pixels on a picture of `samples` / 2 a side."""
    table, model = landmark_table(), head_model()
    corners = model.triangles[table.triangles]
    w = table.weights * geometry.screen[corners, 2]
    places = (geometry.screen[corners, :2] * w[..., None]).sum(1) / w.sum(1, keepdims=True)
    return (places / 2 - 0.5).astype(np.float32)


@dataclass(frozen=True)
class Filmed:
    """Frames and everything that is true of them.

    Args:
        frames: (F, 3, S, S) uint8 RGB.
        portrait: (3, S, S) uint8 RGB.
        points: (F, 478, 2) in MediaPipe's order, pixels.
        portrait_points: (478, 2).
        mouth_mask: (F, S, S) bool, lips with a margin and what they bare.
        flow: (F, 2, S, S) float32: what each pixel shows lies that many columns and rows further in the
            portrait; zero on the backdrop.
        seen: (F, S, S) bool: whether the portrait shows that same surface there.
        depth: (F, S, S) float32, decimetres from the camera, 0 on the backdrop.
        motion: what was set.
    """

    frames: NDArray[np.uint8]
    portrait: NDArray[np.uint8]
    points: Floats
    portrait_points: Floats
    mouth_mask: NDArray[np.bool_]
    flow: Floats
    seen: NDArray[np.bool_]
    depth: Floats
    motion: Motion

    @property
    def landmarks(self) -> Floats:
        """The 68 points (F, 68, 2) of iBUG 300-W."""
        return self.points[:, list(MESH_TO_IBUG)]


@lru_cache(maxsize=1)
def _mouth_area() -> Floats:
    """1 on and near the lips (V, 1), falling outwards through 0.5 at the margin of the mask."""
    x, y, z = head_model().template.T
    off = np.hypot(x / 0.36, (y + 0.60) / 0.19)
    return (np.clip(1.5 - off, 0, 1) * (z > 0.55))[:, None].astype(np.float32)


class _Portrait:
    """The portrait's geometry and depth, to compare frames with."""

    def __init__(self, stage: Stage, motion: Motion):
        self.stage, size = stage, stage.size
        self.geometry = stage.place(motion.actions[:1], motion.pose[:1])[0]
        self.picture = np.empty((3, size, size), np.uint8)
        stage.draw(self.geometry, motion.actions[0], motion.pose[0], self.picture)
        self.near = stage.near.copy()
        self.points = mesh_points(self.geometry, 2 * size)

    def flow(self, now: Geometry) -> tuple[Floats, NDArray[np.bool_], Floats]:
        """Flow (2, S, S), seen (S, S) and depth (S, S) of the frame `now` that the stage has just drawn."""
        stage, size = self.stage, self.stage.size
        world = np.full((size, size, 3), np.nan, np.float32)
        depth = np.zeros((size, size, 1), np.float32)
        triangles = stage.figure.triangles
        interpolate(stage.owner, now.screen, triangles, self.geometry.world, 2, world)
        interpolate(stage.owner, now.screen, triangles, now.world[:, 2:], 2, depth)
        drawn = np.isfinite(world[..., 0])
        place = np.zeros((size * size, 3), np.float32)
        project(np.nan_to_num(world).reshape(-1, 3), stage.camera, 2 * size, place)
        place = place.reshape(size, size, 3)
        rows, columns = (np.floor(place[..., i]).astype(int) for i in (1, 0))
        inside = (rows >= 0) & (rows < 2 * size) & (columns >= 0) & (columns < 2 * size)
        there = self.near[rows.clip(0, 2 * size - 1), columns.clip(0, 2 * size - 1)]
        seen = np.where(
            drawn, inside & (place[..., 2] >= there * (1 - SAME_SURFACE)), self.near[::2, ::2] == 0
        )
        own = np.arange(size, dtype=np.float32) + 0.25  # the sample that was looked at
        offset = np.stack([place[..., 0] / 2 - own[None], place[..., 1] / 2 - own[:, None]])
        flow = np.where(drawn, offset, 0)
        return flow, seen, np.where(drawn, stage.camera[0] - depth[..., 0], 0)


def film(person: Person, motion: Motion, portrait: Motion, size: int = 256) -> Filmed:
    """Renders the person with all truth.

    Args:
        person: who.
        motion: F frames.
        portrait: a motion whose first frame is the portrait.
        size: side of the pictures, 64 to 512.

    Raises:
        ValueError: for motions of other shapes, values that are not finite, or a size outside 64..512.
    """
    motion, portrait = checked_motion(motion), checked_motion(portrait)
    stage = Stage(person, size)
    still = _Portrait(stage, portrait)
    count = len(motion.pose)
    frames = np.empty((count, 3, size, size), np.uint8)
    points, flow = np.empty((count, 478, 2), np.float32), np.empty((count, 2, size, size), np.float32)
    seen, mask = np.empty((count, size, size), bool), np.empty((count, size, size), bool)
    depth = np.empty((count, size, size), np.float32)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        for offset, geometry in enumerate(stage.place(motion.actions[part], motion.pose[part])):
            at = start + offset
            stage.draw(geometry, motion.actions[at], motion.pose[at], frames[at])
            flow[at], seen[at], depth[at] = still.flow(geometry)
            points[at], mask[at] = mesh_points(geometry, 2 * size), _mouth_mask(stage, geometry)
    return Filmed(frames, still.picture, points, still.points, mask, flow, seen, depth, motion)


def _mouth_mask(stage: Stage, geometry: Geometry) -> NDArray[np.bool_]:
    figure, size = stage.figure, stage.size
    area = np.zeros((len(figure.rest), 1), np.float32)
    area[: figure.own] = _mouth_area()
    painted = np.zeros((size, size, 1), np.float32)
    interpolate(stage.owner, geometry.screen, figure.triangles, area, 2, painted)
    owner = stage.owner[::2, ::2]
    inner = np.isin(figure.materials[owner.clip(0)], (MOUTH, TEETH, TONGUE)) & (owner >= 0)
    return (painted[..., 0] > 0.5) | inner
