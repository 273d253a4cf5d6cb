"""One person as arrays that the compiled loops read: geometry, textures, baked light. Made once per person.

V vertex (the head's first, then hair, beard, clothes, glasses), T triangle, N action.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.backdrop import paint_backdrop
from datamodules.synthetic.head.look.canvas import skin_places
from datamodules.synthetic.head.look.eyes import paint_iris
from datamodules.synthetic.head.look.hair import grow_beard, grow_hair, strand_sheets
from datamodules.synthetic.head.look.lighting import bake, light_rows
from datamodules.synthetic.head.look.outfit import covered, dress, glasses
from datamodules.synthetic.head.look.pieces import Piece
from datamodules.synthetic.head.look.skin import linear, paint_skin
from datamodules.synthetic.head.model import REGIONS, HeadModel, head_model
from datamodules.synthetic.head.person import Person
from datamodules.synthetic.head.render.materials import EYE, LASH, MOUTH, SKIN, TEETH, TONGUE
from datamodules.synthetic.head.render.raster import COVERED, CUT_OUT, ONE_SIDED, TWO_SIDED, smooth_normals
from datamodules.synthetic.head.render.resolve import Look
from datamodules.synthetic.head.shape import eye_centres, head_share, rest_vertices

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Figure:
    """What is drawn of a person.

    Args:
        person: who.
        rest: (V, 3) neutral places in decimetres; the first `own` are the head model's.
        own: vertices of the head model.
        smooth: how many triangles, the first, belong to the head model and get normals each frame.
        follow: (V,) how much of the head's turn each vertex takes.
        roots: (V - own,) the head vertex that each further vertex moves with.
        root_share: (V - own,) how much of that vertex's facial movement it takes.
        normals: (V, 3) at rest.
        tangents: (V, 3) along hair, zero elsewhere.
        triangles: (T, 3).
        materials: (T,) of `materials`.
        kinds: (T,) of `raster`.
        places: (V, 2) in the texture of the vertex's material.
        colours: (V, 3) linear RGB for what has no texture.
        occlusion: (V,) share of the sky that is free.
        arrival: (V, 3) of the key light, see `lighting.bake`.
        strands: first and last vertex of hair and beard.
        sheets: (2, h, w) alpha of strands and lashes.
        look: textures, colours and lights.
        backdrop: (S, S, 3) linear RGB.
        grain: (S, S, 3) sensor noise in output levels.
        curve: (n,) output level over the root of linear light.
    """

    person: Person
    rest: Floats
    own: int
    smooth: int
    follow: Floats
    roots: NDArray[np.int64]
    root_share: Floats
    normals: Floats
    tangents: Floats
    triangles: NDArray[np.int32]
    materials: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    places: Floats
    colours: Floats
    occlusion: Floats
    arrival: Floats
    strands: tuple[int, int]
    sheets: NDArray[np.uint8]
    look: Look
    backdrop: Floats
    grain: Floats
    curve: Floats


def make_figure(person: Person, side: int) -> Figure:
    """Builds the person for pictures of `side` pixels."""
    model = head_model()
    rest = rest_vertices(person.shape)
    normals = np.empty_like(rest)
    smooth_normals(rest, model.triangles, len(model.triangles), normals)
    hair = [piece for piece in (grow_hair(person, rest, normals), grow_beard(person, rest, normals)) if piece]
    solid = [piece for piece in (dress(person, rest, normals), glasses(person, rest)) if piece]
    materials, kinds = _head_materials(model)
    kinds = np.where(covered(person), COVERED, kinds).astype(np.uint8)
    mesh = _Join(model, rest, normals, hair + solid, materials, kinds, person)
    first = len(rest)
    last = first + sum(len(piece.points) for piece in hair)
    occlusion, arrival = bake(mesh.points, mesh.normals, mesh.triangles, mesh.kinds, person.light)
    occlusion, arrival = _correct(model, mesh, occlusion, arrival)
    sheets, tone = strand_sheets()
    return Figure(
        person=person,
        rest=mesh.points,
        own=len(rest),
        smooth=len(model.triangles),
        follow=mesh.follow,
        roots=mesh.roots,
        root_share=mesh.root_share,
        normals=mesh.normals,
        tangents=mesh.tangents,
        triangles=mesh.triangles,
        materials=mesh.materials,
        kinds=mesh.kinds,
        places=mesh.places,
        colours=mesh.colours,
        occlusion=occlusion,
        arrival=arrival,
        strands=(first, last),
        sheets=sheets,
        look=_look(person, side, tone),
        backdrop=paint_backdrop(person, side),
        grain=_grain(person, side),
        curve=_curve(person),
    )


def _look(person: Person, side: int, tones: Floats) -> Look:
    skin = paint_skin(person, 384 if side <= 320 else 640)
    return Look(
        albedo=skin.albedo,
        relief=skin.relief,
        zones=skin.zones,
        tones=tones,
        even=np.ones((1, 1), np.float32),
        iris=paint_iris(person),
        white=linear(person.eyes.white),
        teeth=linear(person.eyes.teeth),
        pupil=float(person.eyes.pupil),
        lights=light_rows(person.light),
    )


class _Join:
    """The head and its pieces as single arrays."""

    def __init__(
        self,
        model: HeadModel,
        rest: Floats,
        normals: Floats,
        pieces: list[Piece],
        materials: NDArray,
        kinds: NDArray,
        person: Person,
    ):
        count = len(rest)
        firsts = np.cumsum([count, *(len(piece.points) for piece in pieces)])[:-1]
        share = head_share(model)

        def cat(own: NDArray, name: str) -> NDArray:
            return np.ascontiguousarray(np.concatenate([own, *(getattr(piece, name) for piece in pieces)]))

        self.points, self.normals = cat(rest, "points"), cat(normals, "normals")
        self.tangents = cat(np.zeros_like(rest), "tangents")
        self.places = cat(_head_places(model), "places")
        self.colours = cat(_head_colours(model, person), "colours")
        self.given = cat(np.ones(count, np.float32), "occlusion")
        triangles = [model.triangles, *(p.triangles + first for p, first in zip(pieces, firsts, strict=True))]
        self.triangles = np.ascontiguousarray(np.concatenate(triangles), dtype=np.int32)
        self.materials = np.concatenate(
            [materials, *(np.full(len(p.triangles), p.material, np.uint8) for p in pieces)]
        )
        self.kinds = np.concatenate([kinds, *(np.full(len(p.triangles), p.kind, np.uint8) for p in pieces)])
        none = np.zeros(0)
        self.roots = np.concatenate([none, *(p.roots for p in pieces)]).astype(np.int64)
        self.root_share = np.concatenate([none, *(p.follows for p in pieces)]).astype(np.float32)
        self.follow = np.concatenate([share, share[self.roots]]).astype(np.float32)


def _head_materials(model: HeadModel) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Material and kind of each of the head's triangles."""
    table = {"skin": SKIN, "mouth": MOUTH, "tongue": TONGUE}
    materials, kinds = [], []
    for name in REGIONS:
        part = name.split("_")[0]
        materials.append(table.get(name, {"eye": EYE, "lashes": LASH, "teeth": TEETH}.get(part, SKIN)))
        kinds.append({"lashes": CUT_OUT + 1, "teeth": TWO_SIDED, "mouth": TWO_SIDED}.get(part, ONE_SIDED))
    return np.array(materials, np.uint8)[model.regions], np.array(kinds, np.uint8)[model.regions]


def _head_places(model: HeadModel) -> Floats:
    """Skin by direction, eyes by the direction from their centre, lashes and teeth as the model has them."""
    places = model.places.copy()
    skin = model.vertices_of("skin", "mouth")
    places[skin] = skin_places(model.template[skin])
    centres = eye_centres(model, model.template)
    for name, centre in zip(("eye_left", "eye_right"), centres, strict=True):
        ball = model.vertices_of(name)
        offset = model.template[ball] - centre
        offset /= np.linalg.norm(offset, axis=1, keepdims=True)
        behind = np.maximum(1.0, 1 - offset[:, 2:3])  # the back of the ball lies outside the iris's disc
        places[ball] = offset[:, :2] * behind
    return places.astype(np.float32)


def _head_colours(model: HeadModel, person: Person) -> Floats:
    """Linear RGB of mouth, tongue and lashes, darker towards the throat."""
    colours = np.zeros_like(model.template)
    depth = np.clip((model.template[:, 2] - 0.15) / 0.75, 0, 1) ** 1.5
    colours[model.vertices_of("mouth")] = np.array([0.20, 0.045, 0.04], np.float32)
    colours[model.vertices_of("tongue")] = np.array([0.42, 0.13, 0.12], np.float32)
    colours *= depth[:, None]
    skin_edge = np.intersect1d(model.vertices_of("mouth"), model.vertices_of("skin"))
    colours[skin_edge] = 0.6 * linear(person.skin.lip)
    lashes = model.vertices_of(*(name for name in REGIONS if name.startswith("lashes")))
    colours[lashes] = 0.02 + 0.15 * linear(person.hair.brow) * (1 - person.hair.lashes)
    return colours.astype(np.float32)


def _correct(model: HeadModel, mesh: _Join, occlusion: Floats, arrival: Floats) -> tuple[Floats, Floats]:
    """What a bake with closed lips cannot know: teeth and tongue are lit once the mouth opens."""
    inner = np.zeros(len(occlusion), bool)
    inner[model.vertices_of("mouth", "tongue", "teeth_upper", "teeth_lower")] = True
    inner[model.vertices_of("skin")] = False
    front = np.clip((mesh.points[:, 2] - 0.35) / 0.5, 0.08, 1)
    occlusion = np.where(inner, 0.75 * front, occlusion)
    arrival = np.where(inner[:, None], np.array([0.35, 0, 0]) * front[:, None], arrival)
    lips = np.concatenate([model.lips > 0.3, np.zeros(len(occlusion) - len(model.lips), bool)])
    occlusion = np.where(lips, np.maximum(occlusion, 0.45), occlusion)
    eyes = model.vertices_of("eye_left", "eye_right")
    occlusion[eyes] = np.clip(occlusion[eyes] * 1.2 + 0.25, 0.3, 1)
    arrival[eyes, 0] = np.clip(arrival[eyes, 0] + 0.2, 0, 1)
    return (occlusion * mesh.given).astype(np.float32), arrival.astype(np.float32)


def _grain(person: Person, side: int) -> Floats:
    rng = np.random.default_rng([person.seed, 61])
    grey = rng.normal(size=(side, side, 1))
    return (person.scene.noise * (0.8 * grey + 0.5 * rng.normal(size=(side, side, 3)))).astype(np.float32)


def _curve(person: Person) -> Floats:
    """Exposure, a soft shoulder (Reinhard's, extended) and the sRGB curve with the person's contrast."""
    root = np.linspace(0, 1.5, 1025)
    light = root**2 * person.scene.exposure
    light = light * (1 + light / 4.0) / (1 + light * 0.55)
    level = np.clip(light, 0, 1) ** (1 / 2.2)
    level = 0.5 + (level - 0.5) * person.scene.contrast
    return (255 * np.clip(level, 0, 1)).astype(np.float32)
