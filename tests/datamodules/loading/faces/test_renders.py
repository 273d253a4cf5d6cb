"""The cache of rendered faces: repeatable, resumable, with truth that fits the picture."""

import numpy as np
import pytest

from datamodules.loading.faces.renders import FaceRecipe, FaceRenders, pictures_of

SMALL = FaceRecipe(people=2, faces=2, size=64, seed=36_000_000)


@pytest.fixture(scope="module")
def renders(tmp_path_factory) -> FaceRenders:
    made = FaceRenders(SMALL, tmp_path_factory.mktemp("faces"))
    made.build()
    made.open()
    return made


def test_pictures_have_people_points_and_outlines(renders):
    assert renders.missing() == []
    assert len(renders) == 4
    assert renders.pictures.shape == (4, 64, 64, 4)
    for picture, mesh, place in zip(renders.pictures, renders.meshes, renders.placements, strict=True):
        outline = picture[..., 3]
        assert 0.2 < (outline > 128).mean() < 0.95
        columns, rows = mesh.round().astype(int).T
        assert (outline[rows, columns] > 0).mean() > 0.95  # the face is within the outline
        assert place.height == pytest.approx(0.6 * 64, rel=0.3)


def test_an_interrupted_cache_is_completed_and_equal(renders, tmp_path):
    begun = FaceRenders(SMALL, tmp_path)
    begun.folder.mkdir()
    for name in ("pictures", "meshes", "done"):
        array = np.load(renders.folder / f"{name}.npy")
        array[1] = 0
        np.save(begun.folder / f"{name}.npy", array)
    assert begun.missing() == [1]
    told = []
    begun.build(watch=lambda *counts: told.append(counts))
    assert told == [(1, 1)]
    begun.open()
    assert np.array_equal(begun.pictures, renders.pictures)


def test_a_person_is_decided_by_the_number_alone():
    (first, _), (second, _) = (next(pictures_of(SMALL, index)) for index in (1, 1))
    other, _ = next(pictures_of(SMALL, 0))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert SMALL.digest() != FaceRecipe(people=2, faces=2, size=64).digest()
