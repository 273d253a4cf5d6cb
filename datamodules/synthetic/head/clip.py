"""One clip of the world in three dimensions, its faces laid out flat.

F frame, K point of the mesh, A side of the layout. The head keeps the portrait's pose, so that what moves is
the expression; `moee animate` turns the finished face.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.batch import EMOTIONS, Sample
from datamodules.face_space.mesh import ATLAS, face_mesh, unwrap
from datamodules.head_motion import MESH_TO_IBUG, head_motion
from datamodules.synthetic.face.controls import Controls
from datamodules.synthetic.head.acting.motion import motion_of
from datamodules.synthetic.head.person import Person
from datamodules.synthetic.head.renderer import CHUNK, Motion, Stage
from datamodules.synthetic.head.sampling import sample_person
from datamodules.synthetic.head.truth import mesh_points
from datamodules.synthetic.performance import portrait

POSE_SPREAD = (0.20, 0.10, 0.06)  # radians of yaw, pitch, roll of a portrait: standard deviations
POSE_LIMIT = (0.45, 0.25, 0.20)
LIP_MARGIN = 0.035  # of the layout's side, around the outer lips, that counts as mouth


def flat_faces(stage: Stage, motion: Motion) -> tuple[torch.Tensor, torch.Tensor]:
    """Faces laid out flat (F, 3, A, A) uint8, and the mesh points (F, K, 2) in pixels they lay at."""
    size, count = stage.size, len(motion.pose)
    flat = torch.empty(count, 3, ATLAS, ATLAS, dtype=torch.uint8)
    points = torch.empty(count, len(face_mesh().atlas), 2)
    frames = np.empty((CHUNK, 3, size, size), np.uint8)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        placed = stage.place(motion.actions[part], motion.pose[part])
        for row, geometry in enumerate(placed):
            stage.draw(geometry, motion.actions[start + row], motion.pose[start + row], frames[row])
            points[start + row] = torch.from_numpy(mesh_points(geometry, 2 * size))
        drawn = torch.from_numpy(frames[: len(placed)])
        flat[part] = unwrap(drawn, points[part]).round().clamp(0, 255).to(torch.uint8)
    return flat, points


def head_portrait(person_seed: int, size: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """A neutral portrait of a person (3, S, S) uint8, and its points (K, 2) in pixels."""
    rng = np.random.default_rng([person_seed, 31])
    person = sample_person(person_seed)
    motion = motion_of(person, portrait(np.zeros(len(EMOTIONS)), rng))
    stage = Stage(person, size)
    geometry = stage.place(motion.actions[:1], motion.pose[:1])[0]
    picture = np.empty((3, size, size), np.uint8)
    stage.draw(geometry, motion.actions[0], motion.pose[0], picture)
    return torch.from_numpy(picture), torch.from_numpy(mesh_points(geometry, 2 * size))


def portrait_pose(rng: np.random.Generator) -> NDArray[np.float32]:
    """How the head of a portrait stands (6,), in the order of `Motion.pose`."""
    turn = np.clip(rng.normal(0, POSE_SPREAD), -np.array(POSE_LIMIT), POSE_LIMIT)
    return np.concatenate([turn, np.zeros(3)]).astype(np.float32)


def flat_clip(
    person_seed: int,
    controls: Controls,
    still: Controls,
    rng: np.random.Generator,
    size: int,
    randomisation: float,
) -> Sample:
    """What a clip of a person looks like: the pictures of a `Sample`, and where their points lay.

    Args:
        person_seed: who.
        controls: what the face does.
        still: its first frame is the portrait.
        rng: draws how the head stands.
        size: pixels a side that are rendered.
        randomisation: as in `sample_person`.
    """
    person: Person = sample_person(person_seed, randomisation)
    stage, pose_6 = Stage(person, size), portrait_pose(rng)
    motion, rest = motion_of(person, controls), motion_of(person, still)
    flat, points = flat_faces(stage, replace(motion, pose=np.repeat(pose_6[None], len(motion.pose), 0)))
    flat_still, still_points = flat_faces(stage, Motion(rest.actions[:1], pose_6[None]))
    ibug = list(MESH_TO_IBUG)
    layout = face_mesh().atlas[ibug] * ATLAS - 0.5
    sample: dict = {
        "frames": flat,
        "reference": flat_still[0],
        "points": points,
        "reference_points": still_points[0],
        "landmarks": layout.expand(len(flat), -1, -1).clone(),
        "mouth_mask": mouth_of_layout().expand(len(flat), -1, -1).clone(),
        "head_motion": head_motion(points[:, ibug], still_points[0, ibug]),
    }
    return sample  # type: ignore[return-value]


def mouth_of_layout() -> torch.Tensor:
    """Which texels are mouth (A, A) bool: the box of the lips with a margin, rounded."""
    lips = face_mesh().atlas[list(MESH_TO_IBUG)[48:]]
    centre, reach = (lips.amax(0) + lips.amin(0)) / 2, (lips.amax(0) - lips.amin(0)) / 2 + LIP_MARGIN
    place = (torch.arange(ATLAS) + 0.5) / ATLAS
    return ((place[None] - centre[0]) / reach[0]).square() + (
        (place[:, None] - centre[1]) / reach[1]
    ).square() <= 1
