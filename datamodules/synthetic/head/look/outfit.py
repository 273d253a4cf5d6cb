"""Clothes cut from the shoulders, and glasses. Lengths in decimetres; template coordinates decide the cut."""

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.pieces import Piece
from datamodules.synthetic.head.look.skin import linear
from datamodules.synthetic.head.model import head_model
from datamodules.synthetic.head.person import Person
from datamodules.synthetic.head.render.materials import CLOTH, FRAME
from datamodules.synthetic.head.render.raster import ONE_SIDED, TWO_SIDED

Floats = NDArray[np.floating]

COLLARS = ("round", "v", "shirt", "turtle", "jacket", "wide")
GLASSES = ("none", "round", "square", "thin", "thick")


def _line(collar: str, x: Floats, z: Floats) -> Floats:
    """Height (P,) of the neckline at distance `x` from the middle, on the front (`z` large) and behind."""
    back = -1.08 + 0 * x
    front = {
        "round": -1.50 + 0.55 * (x / 0.55) ** 2,
        "v": -2.05 + 1.45 * x,
        "shirt": -1.42 + 0.75 * x,
        "turtle": -1.02 + 0 * x,
        "jacket": -2.4 + 2.2 * x,
        "wide": -1.55 + 0.16 * x,
    }[collar]
    front = np.minimum(front, -0.98)
    share = np.clip((z + 0.15) / 0.45, 0, 1)
    return back + (front - back) * share if collar != "wide" else front


def dress(person: Person, rest: Floats, normals: Floats) -> Piece:
    """Cloth over the shoulders: the body's own surface, moved outwards and cut at the neckline."""
    model = head_model()
    skin = model.triangles[model.regions == 0]
    template = model.template
    x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
    line = _line(person.outfit.collar, x, z)
    below = (y < line) & (y + 0.45 * z < -0.95)
    torso = skin[(below[skin].sum(1) >= 1) & ((y + 0.45 * z)[skin].max(1) < -0.8) & _outside(skin)]
    used, numbers = np.unique(torso, return_inverse=True)
    over = (y - line)[used]
    loose = 0.05 + 0.09 * np.clip(-over / 0.6, 0, 1) + (0.05 if person.outfit.collar == "jacket" else 0)
    points = rest[used] + normals[used] * loose[:, None]
    points[:, 1] -= np.clip(over, 0, None) * 0.92  # the cut runs along the line, not along triangles
    colours = np.tile(linear(person.outfit.cloth), (len(used), 1))
    stripe = 1 + 0.5 * person.outfit.pattern * np.sign(np.sin(template[used, 0] * 22 + 0.4)) * (
        np.abs(template[used, 0]) > 0
    )
    colours = colours * stripe[:, None]
    rim = (over > -0.10)[:, None]
    colours = np.where(rim, linear(person.outfit.trim), colours)
    return Piece(
        points=points.astype(np.float32),
        triangles=numbers.reshape(torso.shape).astype(np.int32),
        normals=normals[used],
        tangents=np.zeros_like(points, dtype=np.float32),
        places=np.zeros((len(used), 2), np.float32),
        colours=colours.clip(0, 1).astype(np.float32),
        roots=used.astype(np.int64),
        follows=np.full(len(used), 1.0, np.float32),
        occlusion=np.full(len(used), 1.0, np.float32),
        material=CLOTH,
        kind=TWO_SIDED,
    )


def covered(person: Person) -> NDArray[np.bool_]:
    """Which of the head model's triangles lie well under the cloth and need not be drawn."""
    model = head_model()
    x, y, z = np.abs(model.template[:, 0]), model.template[:, 1], model.template[:, 2]
    under = (y < _line(person.outfit.collar, x, z) - 0.2) & (y + 0.45 * z < -1.15)
    return under[model.triangles].all(1) & (model.regions == 0)


def _outside(skin: NDArray) -> NDArray[np.bool_]:
    """Leaves out what lies inside the mouth or the throat."""
    model = head_model()
    inner = model.template[skin].mean(1)
    return ~((inner[:, 1] > -1.1) & (np.abs(inner[:, 0]) < 0.2) & (inner[:, 2] > 0.2) & (inner[:, 2] < 0.6))


def glasses(person: Person, rest: Floats) -> Piece | None:
    """Two rims, a bridge and temples, standing on the nose in front of the eyes; None without glasses."""
    kind = person.outfit.glasses
    if kind == "none":
        return None
    model = head_model()
    thick = {"round": 0.016, "square": 0.020, "thin": 0.009, "thick": 0.030}[kind]
    power = {"round": 2.0, "square": 5.0, "thin": 3.0, "thick": 4.0}[kind]
    eyes = [rest[model.vertices_of(name)] for name in ("eye_left", "eye_right")]
    front = max(eye[:, 2].max() for eye in eyes) + 0.16
    ear = rest[(np.abs(model.template[:, 0]) > 0.70) & (np.abs(model.template[:, 1] - 0.05) < 0.1)]
    tubes = []
    angle = np.linspace(0, 2 * np.pi, 29)
    for eye, sign in zip(eyes, (1, -1), strict=True):
        centre = eye.mean(0)
        cos, sin = np.cos(angle), np.sin(angle)
        shape = (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)
        x = centre[0] + sign * 0.02 + 0.255 * shape * cos
        y = centre[1] - 0.03 + (0.21 if kind == "round" else 0.175) * shape * sin
        z = front - 0.10 * (np.abs(x) / 0.6) ** 2
        tubes.append(np.stack([x, y, z], 1))
        hinge = np.array([sign * (abs(centre[0]) + 0.275), centre[1] + 0.04, front - 0.12])
        back = np.array([sign * (np.abs(ear[:, 0]).max() - 0.10), centre[1] - 0.02, ear[:, 2].min() - 0.05])
        tubes.append(hinge + (back - hinge) * np.linspace(0, 1, 6)[:, None])
    left, right = eyes[0].mean(0)[0] - 0.235, eyes[1].mean(0)[0] + 0.235
    s = np.linspace(0, 1, 6)
    middle = eyes[0].mean(0)[1] + 0.03
    tubes.append(
        np.stack([left + (right - left) * s, middle + 0.03 * np.sin(s * np.pi), np.full(6, front + 0.01)], 1)
    )
    points, normals, triangles = _tubes(tubes, thick)
    nose = int(np.argmin(np.linalg.norm(model.template - np.array([0, 0.0, 0.95]), axis=1)))
    count = len(points)
    return Piece(
        points=points,
        triangles=triangles,
        normals=normals,
        tangents=np.zeros_like(points),
        places=np.zeros((count, 2), np.float32),
        colours=np.tile(linear(person.outfit.frame), (count, 1)).astype(np.float32),
        roots=np.full(count, nose),
        follows=np.full(count, 0.5, np.float32),
        occlusion=np.ones(count, np.float32),
        material=FRAME,
        kind=ONE_SIDED,
    )


def _tubes(lines: list[Floats], radius: float, around: int = 5) -> tuple[Floats, Floats, NDArray[np.int32]]:
    """Round tubes along lines: points, normals, triangles."""
    points, normals, triangles, first = [], [], [], 0
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    for line in lines:
        along = np.gradient(line, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        one = np.cross(
            along, np.array([0.13, 0.21, 0.97]) if abs(along[0, 2]) < 0.9 else np.array([0.0, 1.0, 0.0])
        )
        one /= np.linalg.norm(one, axis=1, keepdims=True)
        two = np.cross(along, one)
        off = one[:, None] * np.cos(turn)[None, :, None] + two[:, None] * np.sin(turn)[None, :, None]
        points.append((line[:, None] + radius * off).reshape(-1, 3))
        normals.append(off.reshape(-1, 3))
        i, j = np.meshgrid(np.arange(len(line) - 1), np.arange(around), indexing="ij")
        a, b = i * around + j, i * around + (j + 1) % around
        c, d = a + around, b + around
        faces = np.concatenate(
            [np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)]
        )
        triangles.append(faces + first)
        first += len(line) * around
    return (
        np.concatenate(points).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
    )
