"""Lays the 478 points of a face out flat, once, from the shipped head: the file of `datamodules.face_space`.

`python -m datamodules.synthetic.head.source.face_layout [--out FILE]`. The layout is the head seen from the
front with its mouth and eyes wide open, so that upper and lower lips and lids lie apart in it.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.face_space.mesh import (
    ATLAS,
    EYE_RINGS,
    INNER_LIPS,
    IRIS,
    LEFT_CORNER,
    MESH_FILE,
    RIGHT_CORNER,
)
from datamodules.facial_actions import ACTION
from datamodules.synthetic.head.model import head_model
from datamodules.synthetic.head.truth import landmark_table

Floats = NDArray[np.floating]

# Decimetres of the template that the layout spans: a little more than the points do.
LEFT, RIGHT, TOP, BOTTOM = -0.78, 0.78, 0.62, -1.24
WIDE_OPEN = {"jawOpen": 0.7, "mouthLowerDown": 0.3, "eyeWide": 0.6}


def points_on_head(actions: dict[str, float]) -> Floats:
    """The 478 points (K, 3) on the template that does so; a name without a side is done on both."""
    model, table = head_model(), landmark_table()
    shape = model.template.copy()
    for name, amount in actions.items():
        for action in (name, f"{name}Left", f"{name}Right"):
            if action in ACTION:
                shape += amount * model.actions[ACTION[action]]
    corners = model.triangles[table.triangles]
    return (shape[corners] * table.weights[..., None]).sum(1)


def symmetric(points_K3: Floats) -> Floats:
    """The mean of the points and their mirror image; partners are nearest to each other's reflection."""
    mirrored = points_K3 * np.array([-1, 1, 1])
    partner = np.linalg.norm(mirrored[:, None] - points_K3[None], axis=-1).argmin(1)
    return (points_K3 + mirrored[partner]) / 2


def layout() -> dict[str, NDArray]:
    """The arrays of the file, see `datamodules.face_space.mesh.FaceMesh`."""
    from scipy.spatial import Delaunay

    wide, rest = symmetric(points_on_head(WIDE_OPEN)), symmetric(points_on_head({}))
    span = np.array([RIGHT - LEFT, TOP - BOTTOM])
    atlas = np.stack([wide[:, 0] - LEFT, TOP - wide[:, 1]], 1) / span
    unit = np.linalg.norm(rest[LEFT_CORNER, :2] - rest[RIGHT_CORNER, :2])
    middle = (rest[LEFT_CORNER] + rest[RIGHT_CORNER]) / 2
    flat = (rest - middle) / unit * np.array([1, -1, 1])
    triangles = Delaunay(atlas[:IRIS]).simplices
    kinds = np.zeros(len(triangles), np.uint8)
    kinds[np.isin(triangles, INNER_LIPS).all(1)] = 1
    for ring in EYE_RINGS:
        kinds[np.isin(triangles, ring).all(1)] = 2
    centres = (np.stack(np.meshgrid(*[np.arange(ATLAS)] * 2), -1).reshape(-1, 2) + 0.5) / ATLAS
    mesh = Delaunay(atlas)
    simplex = mesh.find_simplex(centres)
    affine = mesh.transform[simplex]
    two = np.einsum("nij,nj->ni", affine[:, :2], centres - affine[:, 2])
    weights = np.concatenate([two, 1 - two.sum(1, keepdims=True)], 1) * (simplex >= 0)[:, None]
    return {
        "atlas": atlas.astype(np.float32),
        "rest": flat.astype(np.float32),
        "triangles": np.ascontiguousarray(triangles, np.int16),
        "kinds": kinds,
        "texel_points": mesh.simplices[simplex].astype(np.int16),
        "texel_weights": weights.astype(np.float16),
    }


def main() -> None:
    """Writes the file."""
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=MESH_FILE)
    save_file(layout(), parser.parse_args().out)


if __name__ == "__main__":
    main()
