"""Scenes and squares for the face finder, made of rendered people when they are asked for.

C channel, S side, P point of the mesh.
"""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.digest import recipe_digest
from datamodules.faces.networks import MESH_POINTS
from datamodules.loading.drawn_samples import Drawn, drawn_loader
from datamodules.loading.faces.clutter import clutter
from datamodules.loading.faces.creatures import creature
from datamodules.loading.faces.crops import Crop, face_crop, lost_face, nothing, spoiled_face
from datamodules.loading.faces.renders import FaceRecipe, FaceRenders
from datamodules.loading.faces.scenes import scene
from datamodules.loading.notices import Watch, unwatched
from datamodules.loading.synthetic_heads import check_room

BACKDROPS, BACKDROP_SIDE = 1000, 192
CREATURES = 0.3  # of the backdrops
CROPS_A_SCENE = 4
NO_FACE = 0.36  # of the squares
VERSION = 1  # counts changes of what is made of the same renderings


class SyntheticFaces(L.LightningDataModule):
    """For the face finder: a scene and four squares a sample, each drawn anew from renderings in a cache.

    A sample has `scene` (3, 128, 128) uint8, `cells` (5, 16, 16) of `scenes.targets`, `squares`
    (4, 3, 96, 96) uint8, `meshes` (4, P, 2) in their pixels, and `faces` (4,), 1 where there is one.

    Args:
        global_batch: samples a step, over all devices.
        samples: in an epoch.
        train: who is rendered for training.
        val: who is rendered for validation.
        val_samples: of validation.
        cache: folder for the renderings.
        workers: processes that render.
        seed: where everything is drawn from.
    """

    places = ("cache",)

    def __init__(
        self,
        global_batch: int = 8,
        samples: int = 1_000_000,
        train: FaceRecipe = FaceRecipe(),  # noqa: B008 - plain values
        val: FaceRecipe = FaceRecipe(people=64, randomisation=0.3, seed=33_000_000),  # noqa: B008
        val_samples: int = 256,
        cache: str = "data/synthetic",
        workers: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.global_batch, self.samples, self.val_samples = global_batch, samples, val_samples
        self.workers, self.seed = workers, seed
        self.train_recipe, self.val_recipe, self.cache = train, val, Path(cache)

    def _caches(self) -> list[FaceRenders]:
        return [FaceRenders(recipe, self.cache) for recipe in (self.train_recipe, self.val_recipe)]

    def digest(self) -> str:
        """Digits of both recipes and of what is made of them."""
        recipes = [asdict(recipe) for recipe in (self.train_recipe, self.val_recipe)]
        return recipe_digest(["faces", VERSION, self.seed, *recipes])

    def notices(self, devices: int) -> list[str]:
        """How many people will be rendered before the first step, and where."""
        return [
            f"rendering {missing:,} synthetic people into {renders.folder} "
            f"({renders.recipe.bytes() / 1e9:.1f} GB), once; `moee cache` lists and removes them"
            for renders in self._caches()
            if (missing := len(renders.missing()))
        ]

    def render(self, watch: Watch = unwatched) -> None:
        """Render who is not in the cache yet.

        Raises:
            OSError: before the first picture, if the disk has no room for them.
        """
        caches = self._caches()
        counts = [len(renders.missing()) for renders in caches]
        check_room(self.cache, sum(r.recipe.bytes() for r, n in zip(caches, counts, strict=True) if n))
        rendered, total = 0, sum(counts)
        for renders, count in zip(caches, counts, strict=True):
            renders.build(self.workers, lambda done, _, before=rendered: watch(before + done, total))
            rendered += count

    def prepare_data(self) -> None:
        """Render who is not in the cache yet."""
        self.render()

    def setup(self, stage: str | None = None) -> None:
        """Open the caches and draw what stands behind people."""
        self.train, self.val = self._caches()
        for renders in (self.train, self.val):
            renders.open()
        self.backdrops = [backdrop(np.random.default_rng([self.seed, 7, i])) for i in range(BACKDROPS)]

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Samples from where training stands."""
        items = Drawn(partial(self.sample, self.train, 0), self.samples)
        return drawn_loader(items, self.global_batch, self.trainer, training=True)

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """The same samples every time."""
        items = Drawn(partial(self.sample, self.val, 1), self.val_samples)
        return drawn_loader(items, self.global_batch, self.trainer, training=False)

    def sample(self, renders: FaceRenders, stage: int, index: int) -> dict[str, Any]:
        """Sample number `index` of a stage, always the same one."""
        rng = np.random.default_rng([self.seed, stage, index])
        people = [(renders.pictures[i], renders.placements[i]) for i in rng.integers(0, len(renders), 3)]
        picture, cells = scene(people, self._back(rng), rng)
        crops = [self._crop(renders, rng) for _ in range(CROPS_A_SCENE)]
        return {
            "scene": _planes(picture),
            "cells": torch.from_numpy(cells),
            "squares": torch.stack([_planes(crop.picture) for crop in crops]),
            "meshes": torch.from_numpy(np.stack([crop.mesh for crop in crops])),
            "faces": torch.tensor([float(crop.face) for crop in crops]),
        }

    def _back(self, rng: np.random.Generator) -> np.ndarray:
        return self.backdrops[int(rng.integers(len(self.backdrops)))]

    def _crop(self, renders: FaceRenders, rng: np.random.Generator) -> Crop:
        index = int(rng.integers(len(renders)))
        rendered, mesh, back = renders.pictures[index], renders.meshes[index], self._back(rng)
        place, kind = renders.placements[index], rng.random()
        if kind >= NO_FACE:
            return face_crop(rendered, mesh, place, back, rng)
        if kind < 0.4 * NO_FACE:
            picture = nothing(back, rng)
        elif kind < 0.85 * NO_FACE:
            picture = lost_face(rendered, place, back, rng)
        else:
            picture = spoiled_face(rendered, mesh, place, back, rng)
        return Crop(picture, np.zeros((MESH_POINTS, 2), np.float32), False)


def backdrop(rng: np.random.Generator) -> np.ndarray:
    """Anything but people (S, S, 3)."""
    return (creature if rng.random() < CREATURES else clutter)(rng, BACKDROP_SIDE)


def _planes(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
