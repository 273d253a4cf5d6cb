"""The data module of the face finder: shapes, the same samples again, resuming."""

import pytest
import torch

from datamodules.faces.networks import CROP, MESH_POINTS
from datamodules.loading.faces import synthetic_faces
from datamodules.loading.faces.renders import FaceRecipe
from datamodules.loading.faces.synthetic_faces import SyntheticFaces

SMALL = FaceRecipe(people=2, faces=1, size=64, seed=36_000_000)


@pytest.fixture
def data(tmp_path, monkeypatch) -> SyntheticFaces:
    monkeypatch.setattr(synthetic_faces, "BACKDROPS", 3)
    module = SyntheticFaces(2, 6, SMALL, SMALL, val_samples=3, cache=str(tmp_path), workers=1)
    assert "rendering 2 synthetic people" in module.notices(1)[0]
    module.prepare_data()
    module.setup()
    assert module.notices(1) == []
    return module


def test_batches_have_scenes_and_squares(data):
    batches = list(data.train_dataloader())
    assert len(batches) == 3
    first = batches[0]
    assert first["scene"].shape == (2, 3, 128, 128)
    assert first["cells"].shape == (2, 5, 16, 16)
    assert first["squares"].shape == (2, 4, 3, CROP, CROP)
    assert first["meshes"].shape == (2, 4, MESH_POINTS, 2)
    assert first["scene"].dtype == first["squares"].dtype == torch.uint8
    assert set(first["faces"].flatten().tolist()) <= {0.0, 1.0}
    assert [len(batch["scene"]) for batch in data.val_dataloader()] == [2, 1]


def test_a_sample_depends_on_its_number_alone(data):
    one, again = (data.sample(data.train, 0, 4) for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    other = data.sample(data.train, 0, 5)
    assert not torch.equal(one["scene"], other["scene"])


def test_the_digest_goes_by_recipes_and_not_by_places(tmp_path):
    digest = SyntheticFaces(train=SMALL, cache=str(tmp_path)).digest()
    assert digest == SyntheticFaces(train=SMALL).digest()
    assert digest != SyntheticFaces(train=SMALL, seed=1).digest()
