"""The head that every person is a shape of: vertices, shapes, facial actions, and where they came from.

V vertex, T triangle, N action. Lengths in decimetres, origin between the ears: x to the person's left, y up,
z forward. The file ships beside this module with its origin and licence (`data/ORIGIN.md`); `python -m
datamodules.synthetic.head.source` makes it again.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.facial_actions import ACTION, FACIAL_ACTIONS

Floats = NDArray[np.floating]

ORIGIN = (0.0, 7.2, 0.6)  # of the head in the coordinates of MakeHuman's base mesh
REGIONS = (
    "skin",
    "mouth",
    "eye_left",
    "eye_right",
    "lashes_upper_left",
    "lashes_lower_left",
    "lashes_upper_right",
    "lashes_lower_right",
    "teeth_upper",
    "teeth_lower",
    "tongue",
)
# The face units are drawn for mild faces: by how much an actor goes further, chosen so that a network trained
# on real faces answers at the strength that was set.
AMPLITUDE = {
    "browDown": 1.5,
    "browInnerUp": 1.8,
    "browOuterUp": 2.0,
    "eyeLookDown": 1.8,
    "eyeLookUp": 1.3,
    "eyeSquint": 1.6,
    "eyeWide": 2.2,
    "jawLeft": 2.0,
    "jawRight": 2.0,
    "mouthFrown": 2.0,
    "mouthFunnel": 1.2,
    "mouthLeft": 1.6,
    "mouthLowerDown": 1.7,
    "mouthRight": 1.6,
    "mouthRollLower": 1.3,
    "mouthRollUpper": 1.3,
    "mouthShrugLower": 1.6,
    "mouthShrugUpper": 1.5,
    "mouthSmile": 1.15,
    "mouthStretch": 1.6,
    "mouthUpperUp": 2.0,
    "noseSneer": 1.6,
}
# Pressing lips and dimples lift the corners in the face units, which reads as a smile: how much of it goes.
LESS_SMILE = {"mouthPress": 0.35, "mouthDimple": 0.25}
LESS_FROWN = 0.6  # and of the brows' drawing together that the nose wrinkler brings in them
FILE = Path(__file__).with_name("data") / "head.safetensors"


@dataclass(frozen=True)
class HeadModel:
    """The arrays of the model file.

    `template` (V, 3); `triangles` (T, 3) with the `regions` (T,) they belong to, numbers into `REGIONS`;
    displacements `actions` (N, V, 3) in the order of `FACIAL_ACTIONS`, `phenotypes`, `local` by name; masks
    `lips` and `lids` (V,) in [0, 1]; `places` (V, 2) on lashes (along the lid, root to tip) and teeth (along
    the arch in decimetres, edge to gum).
    """

    template: Floats
    triangles: NDArray[np.int32]
    regions: NDArray[np.uint8]
    actions: Floats
    phenotypes: dict[str, Floats]
    local: dict[str, Floats]
    lips: Floats
    lids: Floats
    places: Floats

    def vertices_of(self, *regions: str) -> NDArray[np.int64]:
        """Numbers of the vertices that triangles of these regions use, ascending."""
        wanted = np.isin(self.regions, [REGIONS.index(name) for name in regions])
        return np.unique(self.triangles[wanted]).astype(np.int64)


def _acted(units_NV3: Floats) -> Floats:
    """The face units as an actor shows them."""
    actions = units_NV3 * _amplitudes()[:, None, None]
    for base, share in LESS_SMILE.items():
        for side in ("Left", "Right"):
            actions[ACTION[f"{base}{side}"]] -= share * units_NV3[ACTION[f"mouthSmile{side}"]]
    for side in ("Left", "Right"):
        actions[ACTION[f"noseSneer{side}"]] -= LESS_FROWN * units_NV3[ACTION[f"browDown{side}"]]
    return actions


def _amplitudes() -> Floats:
    bases = [name.removesuffix("Left").removesuffix("Right") for name in FACIAL_ACTIONS]
    # jawLeft and mouthLeft are no sides of one action
    pairs = zip(FACIAL_ACTIONS, bases, strict=True)
    names = [name if name in AMPLITUDE else base for name, base in pairs]
    return np.array([AMPLITUDE.get(name, 1.0) for name in names], np.float32)


@lru_cache(maxsize=1)
def head_model() -> HeadModel:
    """The shipped model, read once per process; treat it as constant."""
    return read_model(FILE)


def read_model(path: Path) -> HeadModel:
    """Reads a model file.

    Raises:
        FileNotFoundError: if it is not there.
    """
    from safetensors import safe_open

    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: the head model is not there; `python -m datamodules.synthetic.head.source` makes it"
        )
    with safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        named = file.metadata()

    def shapes(kind: str) -> dict[str, Floats]:
        return dict(zip(named[kind].split(","), arrays[kind].astype(np.float32), strict=True))

    return HeadModel(
        template=arrays["template"],
        triangles=arrays["triangles"],
        regions=arrays["regions"],
        actions=_acted(arrays["actions"].astype(np.float32)),
        phenotypes=shapes("phenotypes"),
        local=shapes("local"),
        lips=arrays["lips"].astype(np.float32),
        lids=arrays["lids"].astype(np.float32),
        places=arrays["places"].astype(np.float32),
    )
