"""Pictures of synthetic people with their 478 points and their outline, rendered once into a cache.

N picture, S side of it, P point of the mesh.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.digest import recipe_digest
from datamodules.faces.networks import MESH_POINTS
from datamodules.faces.placement import placement_of
from datamodules.loading.notices import Watch, unwatched
from datamodules.whole_files import whole_file

# Standard deviations of the pose: yaw, pitch, roll in radians, shifts in sides, log scale; and their limits.
POSE_SPREAD = (0.30, 0.17, 0.10, 0.02, 0.02, 0.06)
POSE_LIMIT = (0.72, 0.45, 0.30, 0.05, 0.05, 0.15)
PEOPLE_A_PIECE = 8


@dataclass(frozen=True)
class FaceRecipe:
    """What decides the content of a cache.

    Args:
        people: how many.
        faces: pictures of each, every one with its own expression and pose.
        size: side of the square pictures, pixels; a face is 0.6 of it high.
        randomisation: strongest domain randomisation; each person draws its own strength below it.
        clean_share: share of people without any.
        seed: of the first person.
    """

    people: int = 3000
    faces: int = 4
    size: int = 192
    randomisation: float = 1.0
    clean_share: float = 0.3
    seed: int = 31_000_000

    def digest(self) -> str:
        """Eight hexadecimal digits that change with the content."""
        return recipe_digest(asdict(self))

    def arrays(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Name -> (shape for one person, numpy type)."""
        return {
            "pictures": ((self.faces, self.size, self.size, 4), "u1"),
            "meshes": ((self.faces, MESH_POINTS, 2), "f4"),
        }

    def bytes(self) -> int:
        """What the whole cache takes on disk."""
        return self.people * self.faces * (4 * self.size**2 + 8 * MESH_POINTS)


def pictures_of(recipe: FaceRecipe, index: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Pictures of person number `index`, always the same ones.

    Yields:
        RGB and the share of each pixel that is the person (S, S, 4) uint8, and the mesh (P, 2) in pixels.
    """
    from datamodules.synthetic.head.acting.random_faces import random_actions
    from datamodules.synthetic.head.renderer import Stage
    from datamodules.synthetic.head.sampling import sample_person
    from datamodules.synthetic.head.truth import mesh_points

    seed, size = recipe.seed + index, recipe.size
    rng = np.random.default_rng([seed, 91])
    clean = rng.random() < recipe.clean_share
    stage = Stage(sample_person(seed, 0.0 if clean else float(rng.uniform(0, recipe.randomisation))), size)
    # Any strength: most faces in photographs are calm.
    actions = random_actions(rng, recipe.faces) * rng.uniform(0, 1, (recipe.faces, 1)).astype(np.float32)
    spread, limit = np.array(POSE_SPREAD), np.array(POSE_LIMIT)
    pose = (rng.normal(size=(recipe.faces, 6)) * spread).clip(-limit, limit).astype(np.float32)
    planes = np.empty((3, size, size), np.uint8)
    for row, geometry in enumerate(stage.place(actions, pose)):
        stage.draw(geometry, actions[row], pose[row], planes)
        person = (stage.owner.reshape(size, 2, size, 2) >= 0).mean((1, 3)) * 255
        picture = np.dstack([planes.transpose(1, 2, 0), person.astype(np.uint8)])
        yield picture, mesh_points(geometry, 2 * size)


def _fill(folder: Path, recipe: FaceRecipe, indices: list[int]) -> None:
    """Render people into the arrays of a cache; one counts as done only once everything else is written."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in (*recipe.arrays(), "done")}
    for index in indices:
        for face, (picture, mesh) in enumerate(pictures_of(recipe, index)):
            arrays["pictures"][index, face], arrays["meshes"][index, face] = picture, mesh
        arrays["done"][index] = 1


class FaceRenders:
    """A cache of pictures.

    Args:
        recipe: what it holds.
        cache: folder of all caches; this one lies in a folder named by the recipe's digest.
    """

    def __init__(self, recipe: FaceRecipe, cache: Path) -> None:
        self.recipe, self.folder = recipe, cache / f"faces-{recipe.digest()}"

    def missing(self) -> list[int]:
        """Numbers of the people who are not rendered yet."""
        path = self.folder / "done.npy"
        return np.flatnonzero(np.load(path) == 0).tolist() if path.is_file() else [*range(self.recipe.people)]

    def build(self, workers: int = 1, watch: Watch = unwatched) -> None:
        """Render what is missing; safe to interrupt and to call again.

        Args:
            workers: processes.
            watch: told people done and people to do in this call.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, (shape, kind) in (self.recipe.arrays() | {"done": ((), "u1")}).items():
            path = self.folder / f"{name}.npy"
            if not path.is_file():
                with whole_file(path) as partial:
                    np.lib.format.open_memmap(partial, "w+", kind, (self.recipe.people, *shape)).flush()
        missing = self.missing()
        pieces = [missing[i : i + PEOPLE_A_PIECE] for i in range(0, len(missing), PEOPLE_A_PIECE)]
        if workers < 2 or len(pieces) < 2:
            for number, piece in enumerate(pieces, 1):
                _fill(self.folder, self.recipe, piece)
                watch(min(PEOPLE_A_PIECE * number, len(missing)), len(missing))
            return
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            rendering = [pool.submit(_fill, self.folder, self.recipe, piece) for piece in pieces]
            for number, piece_done in enumerate(as_completed(rendering), 1):
                piece_done.result()
                watch(min(PEOPLE_A_PIECE * number, len(missing)), len(missing))

    def open(self) -> None:
        """Map `pictures` (N, S, S, 4) uint8, read `meshes` (N, P, 2), and note where each face lies."""
        pictures = np.load(self.folder / "pictures.npy", mmap_mode="r")
        self.pictures = pictures.reshape(-1, *pictures.shape[2:])
        self.meshes = np.load(self.folder / "meshes.npy").reshape(-1, MESH_POINTS, 2)
        self.placements = [placement_of(mesh_P2) for mesh_P2 in self.meshes]

    def __len__(self) -> int:
        return self.recipe.people * self.recipe.faces
