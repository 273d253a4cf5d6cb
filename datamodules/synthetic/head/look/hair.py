"""Hair and beards as ribbons of strands that grow from the head, bend under their weight and keep off it.

R ribbon, K point along it. Lengths in decimetres; x to the person's left, y up, z forward.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.look.canvas import CENTRE, canvas, skin_places
from datamodules.synthetic.head.look.facial_hair import BEARDS, beard_area
from datamodules.synthetic.head.look.hairline import scalp_depth
from datamodules.synthetic.head.look.pieces import Piece, ribbons
from datamodules.synthetic.head.look.skin import linear
from datamodules.synthetic.head.model import head_model
from datamodules.synthetic.head.person import Person
from datamodules.synthetic.head.render.materials import HAIR
from datamodules.synthetic.head.render.raster import CUT_OUT

Floats = NDArray[np.floating]
LONG, SHORT = 8, 6  # points of a ribbon


@dataclass(frozen=True)
class Style:
    """How a kind of hair grows.

    `count` ribbons of `length`; `lift` off the head at the root; `comb` (towards the side of the parting, up,
    forward) as a pull along the head; `fall` pull of gravity; `curl` radius of waves; `width` of a ribbon;
    `thick` distance of the outer layer from the head.
    """

    count: int
    length: float
    lift: float
    comb: tuple[float, float, float]
    fall: float
    curl: float
    width: float
    thick: float
    fringe: float = 0.0

    @property
    def points(self) -> int:
        """Points along a ribbon: more for what is long or curls."""
        return LONG if self.length > 1.2 or self.curl > 0.05 else SHORT


STYLES: dict[str, Style | None] = {
    "bald": None,
    "shaved": None,
    "balding": Style(300, 0.35, 0.3, (0.2, -0.2, -0.5), 0.3, 0.0, 0.07, 0.05),
    "crop": Style(520, 0.30, 1.0, (0.2, 0.1, 0.5), 0.1, 0.01, 0.06, 0.05),
    "side": Style(520, 0.75, 0.9, (1.2, 0.1, 0.25), 0.35, 0.02, 0.08, 0.10),
    "swept": Style(520, 0.85, 1.1, (0.3, 0.3, -1.0), 0.25, 0.02, 0.08, 0.12),
    "curls": Style(620, 0.60, 1.3, (0.2, 0.0, 0.2), 0.3, 0.10, 0.09, 0.14),
    "afro": Style(760, 0.55, 2.6, (0.0, 0.1, 0.0), 0.0, 0.07, 0.12, 0.16),
    "bob": Style(340, 1.75, 0.35, (0.35, 0.0, -0.15), 1.3, 0.02, 0.11, 0.10),
    "bangs": Style(380, 1.9, 0.35, (0.25, 0.0, -0.1), 1.3, 0.02, 0.11, 0.10, 1.0),
    "long": Style(270, 3.2, 0.35, (0.35, 0.0, -0.22), 1.4, 0.02, 0.18, 0.10),
    "waves": Style(270, 2.9, 0.45, (0.35, 0.0, -0.20), 1.3, 0.07, 0.19, 0.12),
    "tied": Style(560, 1.15, 0.15, (0.0, 0.05, -1.6), 0.25, 0.01, 0.10, 0.05),
}


def grow_hair(person: Person, rest: Floats, normals: Floats) -> Piece | None:
    """The person's hair, or None; `rest` (V, 3) and `normals` (V, 3) of the head's vertices."""
    style = STYLES[person.hair.style]
    if style is None:
        return None
    rng = np.random.default_rng([person.seed, 41])
    style = replace(
        style,
        length=style.length * person.hair.length,
        curl=style.curl + 0.08 * person.hair.curl,
        thick=style.thick * person.hair.volume,
        lift=style.lift * person.hair.volume,
    )
    model = head_model()
    depth = scalp_depth(model.template, person)
    roots, places = _roots(rest, depth, style.count, rng)
    lines, outward = _grow(person, style, rest, normals, roots, places, rng)
    return _bands(person, style, lines, outward, roots, rng)


def _roots(rest: Floats, depth: Floats, count: int, rng: np.random.Generator) -> tuple[NDArray, Floats]:
    """Vertices (R,) that ribbons grow from and their places (R, 3), even over the scalp, some at its edge."""
    model = head_model()
    skin = model.triangles[model.regions == 0]
    skin = skin[(depth[skin].min(1) > 0.0) & (model.template[skin].mean(1)[:, 1] > -0.75)]
    a, b, c = (rest[skin[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    area *= 1 + 1.2 * (depth[skin].mean(1) < 0.10)
    area *= np.where(model.template[skin].mean(1)[:, 2] < -0.1, 0.45, 1)  # little is seen of the back
    chosen = rng.choice(len(skin), count, p=area / area.sum())
    w = rng.dirichlet((1, 1, 1), count)
    places = (w[..., None] * rest[skin[chosen]]).sum(1)
    return skin[chosen, 0], places.astype(np.float32)


def _grow(
    person: Person,
    style: Style,
    rest: Floats,
    normals: Floats,
    roots: NDArray,
    places: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Middle lines (R, K, 3) and directions off the head (R, K, 3)."""
    count, points = len(roots), style.points
    model = head_model()
    head = _Surface(rest)
    template = model.template[roots]
    length = style.length * rng.lognormal(0, 0.13, count) * _length_share(person, style, template)
    side = np.where(template[:, 0] - 0.22 * person.hair.parting + rng.normal(0, 0.03, count) > 0, 1.0, -1.0)
    comb = np.tile(np.array(style.comb, np.float32), (count, 1))
    comb[:, 0] *= side
    forward = (
        (style.fringe > 0)
        * (template[:, 2] > 0.30)
        * (np.abs(template[:, 0]) < 0.50)
        * (template[:, 1] > 0.6)
    )
    comb = np.where(forward[:, None] > 0, np.array([0.05, 0.0, 1.3], np.float32) + 0 * comb, comb)
    length = np.where(forward > 0, np.minimum(length, rng.uniform(0.62, 0.85, count)), length)
    layer = np.sort(rng.uniform(0.15, 1, count))[::-1]  # the outer ones first: what they hide is drawn faster
    phase, turn = rng.uniform(0, 6.3, count), rng.uniform(5, 9, count)
    at = places + 0.01 * normals[roots]
    path: list[Floats] = [at]
    normal = normals[roots]
    jitter = 0.12 * rng.normal(size=(count, 3))
    for k in range(1, points):
        t = k / (points - 1)
        pull = comb + jitter
        pull = pull - (pull * normal).sum(1, keepdims=True) * normal * (1 if style.thick > 0.01 else 0)
        direction = style.lift * (1 - t) ** 2 * normal + 0.75 * pull * (1 - 0.6 * t)
        direction = direction + style.fall * min(1.0, 0.25 + 1.3 * t) * np.array([0, -1, 0], np.float32)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-6
        at = at + direction * (length / (points - 1))[:, None]
        at = np.where((forward > 0)[:, None], at, _beside_face(at, side))
        at, normal = head.keep_off(at, style.thick * (0.25 + 0.75 * layer) * min(1.0, 0.35 + 1.1 * t))
        path.append(at)
    lines = np.stack(path, 1)
    outward = head.outward(lines)
    return _waved(style, lines, outward, (phase, turn * (1 + length))), outward


def _waved(style: Style, lines: Floats, outward: Floats, wave: tuple[NDArray, NDArray]) -> Floats:
    """Lines (R, K, 3) with waves or curls; `wave` is each line's phase and turns in radians (R,)."""
    t = np.linspace(0, 1, lines.shape[1])[None]
    angle = wave[0][:, None] + wave[1][:, None] * t
    radius = style.curl * np.minimum(t * 2.5, 1)
    across = np.cross(np.gradient(lines, axis=1), outward)
    across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-6
    sway, lift = radius * np.sin(angle), 0.6 * radius * (1 + np.cos(angle))
    return (lines + across * sway[..., None] + outward * lift[..., None]).astype(np.float32)


def _beside_face(points: Floats, side: Floats) -> Floats:
    """Points (R, 3) in front of the face moved to its side (R,), -1 or 1."""
    x, y, z = points.T
    least = 0.60 * np.clip((0.78 - y) / 0.30, 0, 1) * np.clip((z - 0.15) / 0.15, 0, 1)
    off = np.where(x * side < least, side * least, x)
    return np.stack([off, y, z], 1)


def _length_share(person: Person, style: Style, template: Floats) -> Floats:
    """Shorter at the sides and the nape for short styles."""
    if style.length > 1.2:
        return np.ones(len(template))
    top = np.clip((template[:, 1] - 0.35) / 0.5, 0, 1)
    return 0.35 + 0.65 * top if style.lift < 2 else 0.75 + 0.25 * top


class _Surface:
    """The head as distances from its middle by direction: keeps hair outside."""

    def __init__(self, rest: Floats):
        from scipy.spatial import KDTree

        model = head_model()
        skin = model.vertices_of("skin")
        skin = skin[model.template[skin, 1] > -0.95]  # the shoulders would push long hair outwards
        self.centre = np.array(CENTRE, np.float32)
        offset = rest[skin] - self.centre
        self.radius = np.linalg.norm(offset, axis=1)
        self.tree = KDTree(offset / self.radius[:, None])

    def keep_off(self, points: Floats, distance: Floats) -> tuple[Floats, Floats]:
        """Points (R, 3) pushed out to at least `distance` (R,) over the head, and directions off it."""
        offset = points - self.centre
        radius = np.linalg.norm(offset, axis=1)
        direction = offset / radius[:, None]
        _, which = self.tree.query(direction, 3)
        ground = self.radius[which].mean(1)
        return self.centre + direction * np.maximum(radius, ground + distance)[:, None], direction

    def outward(self, lines: Floats) -> Floats:
        """Directions (R, K, 3) off the head: from its middle down to the ears, level below."""
        offset = lines - self.centre
        offset[..., 1] = np.maximum(offset[..., 1], -0.15)
        return offset / (np.linalg.norm(offset, axis=-1, keepdims=True) + 1e-6)


def _bands(
    person: Person,
    style: Style,
    lines: Floats,
    outward: Floats,
    roots: NDArray,
    rng: np.random.Generator,
) -> Piece:
    count, points = lines.shape[:2]
    along = np.gradient(lines, axis=1)
    across = np.cross(along, outward)
    across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-6
    t = np.linspace(0, 1, points)[None]
    width = 0.5 * style.width * rng.lognormal(0, 0.2, count)[:, None] * (1 - 0.45 * t**3)
    tone = linear(person.hair.tone) * rng.lognormal(0, 0.13, count)[:, None]
    grey = (person.hair.grey * rng.uniform(0.2, 1, count))[:, None]
    tone = tone + grey * (linear((0.62, 0.61, 0.60)) - tone)
    height = np.linalg.norm(lines - lines[:, :1], axis=-1)
    shade = np.clip(0.45 + 0.55 * np.minimum(height / 0.25, 1), 0, 1) * rng.uniform(0.75, 1, count)[:, None]
    return ribbons(lines, across, outward, width, tone.astype(np.float32), roots, shade, HAIR, CUT_OUT, 0.0)


def grow_beard(person: Person, rest: Floats, normals: Floats) -> Piece | None:
    """Short ribbons where the beard grows, moving with the skin; None for stubble and bare chins."""
    parts = BEARDS[person.hair.beard]
    if not parts:
        return None
    rng = np.random.default_rng([person.seed, 43])
    model, c = head_model(), canvas()
    places = skin_places(model.template)
    side = c.x.shape[0]
    rows, columns = (places[:, ::-1] * side).astype(int).clip(0, side - 1).T
    areas = beard_area(c)
    dense = np.max([areas[part] for part in parts], 0)[rows, columns]
    skin = model.triangles[model.regions == 0]
    skin = skin[dense[skin].mean(1) > 0.5]
    a, b, d = (rest[skin[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, d - a), axis=1)
    count = min(650, int(1300 * area.sum()) + 80)
    chosen = rng.choice(len(skin), count, p=area / area.sum())
    roots = skin[chosen, 0]
    w = rng.dirichlet((1, 1, 1), count)
    start = (w[..., None] * rest[skin[chosen]]).sum(1)
    normal = normals[roots]
    length = (0.07 + 0.16 * person.hair.length * (start[:, 1] < rest[:, 1].max() - 2.2)) * rng.lognormal(
        0, 0.2, count
    )
    outward_x = np.sign(start[:, :1]) * np.array([[0.5, 0, 0]])
    comb = np.array([[0, -1.0, 0.15]]) + outward_x + 0.25 * rng.normal(size=(count, 3))
    t = np.linspace(0, 1, 4)[None, :, None]
    direction = comb + 0.7 * normal
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    lines = start[:, None] + 0.006 * normal[:, None] + direction[:, None] * (length[:, None, None] * t)
    lines -= 0.25 * normal[:, None] * length[:, None, None] * t**2
    outward = np.broadcast_to(normal[:, None], lines.shape).astype(np.float32)
    across = np.cross(np.gradient(lines, axis=1), outward)
    across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-6
    width = 0.016 * (1 - 0.5 * t[..., 0]) * np.ones((count, 1))
    tone = linear(person.hair.beard_tone) * rng.lognormal(0, 0.15, count)[:, None]
    shade = np.clip(0.5 + 0.5 * t[..., 0], 0, 1) * np.ones((count, 1))
    return ribbons(
        lines.astype(np.float32),
        across.astype(np.float32),
        outward,
        width,
        tone.astype(np.float32),
        roots,
        shade,
        HAIR,
        CUT_OUT,
        1.0,
    )


def strand_sheets() -> tuple[NDArray[np.uint8], Floats]:
    """Alpha (2, 64, 128) of strands (0) and lashes (1), and the strands' brightness (64, 128) around 1."""
    rng = np.random.default_rng(7)
    v = np.linspace(0, 1, 64)[:, None]
    u = np.linspace(0, 1, 128, endpoint=False)[None]
    count, phase, bend = np.array([9, 17, 31, 45]), rng.uniform(0, 6, 4), rng.uniform(0, 6, 4)
    waves = u[..., None] * 2 * np.pi * count + phase + 1.2 * np.sin(v[..., None] * 4 + bend)
    tone = np.sin(waves).sum(-1) / 3
    ends = rng.uniform(0.55, 1.02, 128)[None]
    ends = np.minimum(ends, np.roll(ends, 1, 1) + 0.2)
    edge = np.abs(((u * 4) % 1) - 0.5) * 2
    alpha = (
        np.clip((ends - v) * 6, 0, 1)
        * np.clip((1.0 - edge) * 5 + 0.25, 0, 1)
        * np.clip(1.15 + 0.55 * tone, 0, 1)
    )
    lash_at = (u * 26) % 1
    lashes = np.clip(1.25 - 2.4 * np.abs(lash_at - 0.5) - 0.9 * v, 0, 1) * 1.3
    sheets = np.stack([alpha, np.broadcast_to(lashes, alpha.shape)])
    return (sheets.clip(0, 1) * 255).astype(np.uint8), (1 + 0.38 * tone).astype(np.float32)
