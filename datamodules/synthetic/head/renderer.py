"""A talking head in three dimensions: a person and a motion to frames with exact truth.

F frame, S side of the picture, V vertex, N action. The head turns on its neck in front of a fixed body and
camera; pixel i has its centre at i + 0.5, and landmarks are in pixels with that centre at i.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datamodules.facial_actions import ACTION, FACIAL_ACTIONS
from datamodules.synthetic.head.figure import Figure, make_figure
from datamodules.synthetic.head.look.folds import fold_depths
from datamodules.synthetic.head.look.lighting import light_strands
from datamodules.synthetic.head.model import head_model
from datamodules.synthetic.head.person import Person
from datamodules.synthetic.head.render.develop import develop
from datamodules.synthetic.head.render.fragments import Fragments, find_fragments
from datamodules.synthetic.head.render.raster import project, rasterise, smooth_normals, turn_vertices
from datamodules.synthetic.head.render.resolve import light_fragments
from datamodules.synthetic.head.shape import PIVOT, eye_centres

Floats = NDArray[np.floating]

SIZES = (64, 512)
POSE = 6
EYE_LINE, CHIN_BELOW_EYES = 0.42, 0.36  # framing of every crop, shares of its side (`datamodules.faces.crop`)
CHIN_PLACE = (0.0, -1.0, 0.80)  # of the chin's tip in the template
LOOK_SIDE, LOOK_UP, LOOK_DOWN = 0.52, 0.52, 0.50  # radians of a gaze at full strength
CHUNK = 8


@dataclass(frozen=True)
class Motion:
    """What the head does, frame by frame.

    Args:
        actions: (F, N) in [0, 1] in the order of `FACIAL_ACTIONS`; gaze and blinks are among them.
        pose: (F, 6): yaw (nose to the picture's right), pitch (nose down), roll (clockwise) in radians,
            shift_x, shift_y in sides of the picture, log_scale.
    """

    actions: Floats
    pose: Floats


@dataclass(frozen=True)
class Geometry:
    """Where everything is in one frame: `world` (V, 3), `screen` (V, 3), `normals` (V, 3), `turn` (3, 3)."""

    world: Floats
    screen: Floats
    normals: Floats
    turn: Floats


def checked_motion(motion: Motion) -> Motion:
    """The motion as float32, actions clamped to their range.

    Raises:
        ValueError: for other shapes, no frame, or values that are not finite.
    """
    tracks = []
    for name, width in (("actions", len(FACIAL_ACTIONS)), ("pose", POSE)):
        track = np.asarray(getattr(motion, name), np.float32)
        if track.ndim != 2 or track.shape[1] != width or not len(track):
            raise ValueError(f"{name} has shape {track.shape}, expected (F, {width}) with at least one frame")
        if not np.isfinite(track).all():
            raise ValueError(f"{name} holds values that are not finite")
        tracks.append(track)
    if len(tracks[0]) != len(tracks[1]):
        raise ValueError(f"actions of {len(tracks[0])} frames and pose of {len(tracks[1])}: expected as many")
    return Motion(tracks[0].clip(0, 1), tracks[1])


class Stage:
    """One person in front of the camera, with the buffers that frames are drawn in.

    Args:
        person: who.
        size: side of the picture in pixels, 64 to 512.

    Raises:
        ValueError: for a size outside that range.
    """

    def __init__(self, person: Person, size: int):
        if not SIZES[0] <= size <= SIZES[1]:
            raise ValueError(f"size {size} is outside {SIZES[0]}..{SIZES[1]}")
        self.size = size
        self.figure = make_figure(person, size)
        self.camera = self._camera()
        count, samples = len(self.figure.rest), 2 * size
        self.near = np.empty((samples, samples), np.float32)
        self.owner = np.empty((samples, samples), np.int32)
        self.linear = np.empty((size, size, 3), np.float32)
        self.fragments = Fragments.room(size)
        self.hidden = np.empty((count, 2), np.float32)
        self.lit = self.figure.colours.copy()

    def _camera(self) -> Floats:
        """Distance, focal length and centre that put eyes and chin where every crop has them."""
        scene, rest = self.figure.person.scene, self.figure.rest
        eyes = eye_centres(head_model(), rest[: self.figure.own]).mean(0)
        chin = rest[_nearest(CHIN_PLACE)]
        depth = scene.distance - eyes[2]
        focal = scene.framing * CHIN_BELOW_EYES * depth / max(eyes[1] - chin[1], 0.5)
        middle_y = EYE_LINE + scene.shift[1] + focal * eyes[1] / depth
        return np.array([scene.distance, focal, 0.5 + scene.shift[0], middle_y], np.float32)

    def place(self, actions_FN: Floats, pose_F6: Floats) -> list[Geometry]:
        """Geometry of some frames."""
        figure, model = self.figure, head_model()
        moved = (actions_FN @ model.actions.reshape(len(FACIAL_ACTIONS), -1)).reshape(
            len(actions_FN), figure.own, 3
        )
        out = []
        for actions_N, pose_6, shift_V3 in zip(actions_FN, pose_F6, moved, strict=True):
            points = figure.rest.copy()
            points[: figure.own] += shift_V3
            points[figure.own :] += shift_V3[figure.roots] * figure.root_share[:, None]
            self._turn_eyes(points, actions_N)
            turn = rotation(pose_6[:3])
            world, screen = np.empty_like(points), np.empty_like(points)
            turn_vertices(
                points, figure.follow, turn, np.array(PIVOT, np.float32), self._shift(pose_6), world
            )
            project(world, self.camera, 2 * self.size, screen)
            normals = np.empty_like(points)
            smooth_normals(world[: figure.own], figure.triangles, figure.smooth, normals[: figure.own])
            still = figure.normals[figure.own :]
            share = figure.follow[figure.own :, None]
            normals[figure.own :] = share * (still @ turn.T) + (1 - share) * still
            out.append(Geometry(world, screen, normals, turn))
        return out

    def _shift(self, pose_6: Floats) -> Floats:
        """Shifts of the head in decimetres from shares of the picture and a log scale."""
        distance, focal = float(self.camera[0]), float(self.camera[1])
        return np.array(
            [
                pose_6[3] * distance / focal,
                -pose_6[4] * distance / focal,
                distance * (1 - np.exp(-float(pose_6[5]))),
            ],
            np.float32,
        )

    def _turn_eyes(self, points: Floats, actions_N: Floats) -> None:
        for side, sign in (("Left", 1.0), ("Right", -1.0)):
            look = {way: actions_N[ACTION[f"eyeLook{way}{side}"]] for way in ("In", "Out", "Up", "Down")}
            yaw = sign * LOOK_SIDE * (look["Out"] - look["In"])
            pitch = LOOK_DOWN * look["Down"] - LOOK_UP * look["Up"]
            if yaw or pitch:
                ball = _ball(side)
                centre = points[ball].mean(0)
                points[ball] = (points[ball] - centre) @ rotation(np.array([yaw, pitch, 0.0])).T + centre

    def draw(self, geometry: Geometry, actions_N: Floats, pose_6: Floats, out_3SS: NDArray[np.uint8]) -> None:
        """Draws a frame; afterwards `owner` and `near` hold what is seen at each sample."""
        figure = self.figure
        # Hair behind the head is hidden; further down it shows beside the neck.
        facing = np.where(geometry.world[:, 1] > -0.3, geometry.normals[:, 2] + 0.25, 1).astype(np.float32)
        rasterise(
            geometry.screen,
            figure.triangles,
            figure.kinds,
            figure.places,
            figure.sheets,
            facing,
            self.near,
            self.owner,
        )
        swing = figure.arrival @ np.array([1, pose_6[0], pose_6[1]], np.float32)
        self.hidden[:, 0], self.hidden[:, 1] = figure.occlusion, np.clip(swing, 0, 1)
        first, last = figure.strands
        if last > first:
            tangents = figure.tangents  # turned with the head, which hair follows
            turned = tangents[first:last] @ geometry.turn.T
            _light_hair(figure, geometry.normals, turned, self.hidden, self.lit)
        f = self.fragments
        find_fragments(
            self.owner,
            self.near,
            geometry.screen,
            figure.triangles,
            figure.materials,
            figure.backdrop,
            f.pixels,
            f.shares,
            f.triangles,
            f.weights,
            f.lists,
            f.counts,
            self.linear,
        )
        light_fragments(
            f,
            figure.triangles,
            figure.places,
            self.lit,
            geometry.normals,
            self.hidden,
            fold_depths(actions_N[None])[0],
            geometry.turn,
            figure.look,
            self.linear,
        )
        develop(self.linear, figure.curve, figure.grain, float(figure.person.scene.soft), out_3SS)


def _light_hair(figure: Figure, normals: Floats, tangents: Floats, hidden: Floats, lit: Floats) -> None:
    first, last = figure.strands
    part = slice(first, last)
    light_strands(
        normals[part],
        tangents,
        figure.colours[part],
        hidden[part],
        0,
        last - first,
        float(figure.person.hair.gloss),
        figure.look.lights,
        lit[part],
    )


@lru_cache(maxsize=2)
def _ball(side: str) -> NDArray[np.int64]:
    return head_model().vertices_of(f"eye_{side.lower()}")


@lru_cache(maxsize=8)
def _nearest(place: tuple[float, float, float]) -> int:
    return int(np.linalg.norm(head_model().template - np.array(place, np.float32), axis=1).argmin())


def rotation(angles_3: NDArray) -> Floats:
    """Yaw, pitch, roll in radians to a matrix (3, 3): roll first, then pitch, then yaw."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles_3), np.sin(angles_3)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return (yaw @ pitch @ roll).astype(np.float32)


def render(person: Person, motion: Motion, size: int = 256) -> NDArray[np.uint8]:
    """Frames (F, 3, S, S) of the person doing what the motion says.

    Raises:
        ValueError: for a motion of other shapes, values that are not finite, or a size outside 64..512.
    """
    motion = checked_motion(motion)
    stage = Stage(person, size)
    frames = np.empty((len(motion.pose), 3, size, size), np.uint8)
    for start in range(0, len(frames), CHUNK):
        part = slice(start, start + CHUNK)
        for offset, geometry in enumerate(stage.place(motion.actions[part], motion.pose[part])):
            at = start + offset
            stage.draw(geometry, motion.actions[at], motion.pose[at], frames[at])
    return frames
