"""ArcFace's architecture and the numbers of weights anyone can make; evaluation.md, section E."""

import pytest
import torch
from synthetic_weights import fill
from told_faces import ToldFaces, moving_face

from evaluation.extractors.catalogue import load_published_extractor, published
from evaluation.extractors.interface import Configured, Extractor, describe
from evaluation.extractors.published.arcface import ArcFace
from moee.weights.registry import registered


@pytest.fixture(scope="module")
def network() -> ArcFace:
    made = ArcFace("glint360k", "r50", ToldFaces(moving_face(1)))
    fill(made)
    return made.eval().requires_grad_(False)


def faces(count: int, size: int = 112) -> torch.Tensor:
    g = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, size, size), generator=g, dtype=torch.uint8)


def parameters_of(blocks: tuple[int, ...]) -> int:
    """Counted by hand: stem, blocks, and the head over 7 x 7 places."""
    total, inputs = 3 * 64 * 9 + 3 * 64, 64
    for width, count in zip((64, 128, 256, 512), blocks, strict=True):
        total += inputs * width + 2 * width  # the skip that strides
        for _ in range(count):
            total += 2 * inputs + 9 * inputs * width + 2 * width + width + 9 * width * width + 2 * width
            inputs = width
    return total + 2 * 512 + 512 * 49 * 512 + 512 + 2 * 512


def test_names_shapes_and_counts(network):
    assert sum(p.numel() for p in network.parameters()) == parameters_of((3, 4, 14, 3)) == 43_590_848
    deep = ArcFace("ms1mv3", "r100", ToldFaces(moving_face(1)))
    assert sum(p.numel() for p in deep.parameters()) == parameters_of((3, 13, 30, 3)) == 65_156_160
    state = deep.state_dict()
    assert len(state) == 925
    assert len(network.state_dict()) == 475
    for name, shape in {
        "conv1.weight": (64, 3, 3, 3),
        "prelu.weight": (64,),
        "layer1.0.bn1.running_mean": (64,),
        "layer2.0.conv1.weight": (128, 64, 3, 3),
        "layer3.29.prelu.weight": (256,),
        "layer4.0.downsample.0.weight": (512, 256, 1, 1),
        "layer4.2.bn3.running_var": (512,),
        "bn2.weight": (512,),
        "fc.weight": (512, 25088),
        "features.running_mean": (512,),
    }.items():
        assert tuple(state[name].shape) == shape, name


def test_numbers_of_synthetic_weights(network):
    """Seen equal to the bit with arcface_torch's own class on the same weights."""
    axis = torch.arange(112).float()
    face = 127.5 + 100 * torch.sin(axis[None, :] / 7 + torch.arange(3).view(3, 1, 1)) * torch.cos(
        axis[:, None] / 9
    )
    found = network.embed(face.round().to(torch.uint8)[None])
    assert found.norm().item() == pytest.approx(1, abs=1e-5)
    assert found[0, :4].tolist() == pytest.approx([0.062614, 0.027764, -0.008664, 0.034581], abs=2e-5)


@pytest.mark.slow
def test_any_batch_gives_the_same(network, monkeypatch):
    from evaluation.extractors.published import arcface

    whole = network.embed(faces(3))
    monkeypatch.setattr(arcface, "BATCH", 2)
    assert torch.allclose(network.embed(faces(3)), whole, atol=1e-5)


@pytest.mark.slow
def test_frames_are_aligned_and_those_without_a_face_are_told(network):
    five = moving_face(3)
    five[1] = torch.nan
    network.faces = ToldFaces(five)
    found = network.measure(faces(3, 180))["identity"]
    assert found.shape == (3, 512)
    assert found[1].isnan().all()
    assert torch.allclose(found[[0, 2]].norm(dim=1), torch.ones(2), atol=1e-5)
    frame = faces(1, 260)
    moved = torch.cat([frame, frame.roll(9, 3)])
    network.faces = ToldFaces(moving_face(2, step=9.0) + torch.tensor([0.0, 40.0]))
    same = network.measure(moved)["identity"]
    assert same[0] @ same[1] > 0.9999  # a pixel may be rounded the other way


@pytest.mark.slow
def test_loading_naming_and_what_a_result_records(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "backbone.pth")
    (tmp_path / "x.task").write_bytes(b"told by its sha256")
    loaded = load_published_extractor(
        "arcface-glint360k-r50", tmp_path / "backbone.pth", [tmp_path / "x.task"]
    )
    assert isinstance(loaded, Extractor)
    assert isinstance(loaded, Configured)
    assert loaded.name == "arcface-glint360k-r50"
    assert len(describe(loaded)["settings"]["landmarker_sha256"]) == 64
    assert len(loaded.fingerprint) == 64
    with pytest.raises(ValueError, match="does not fit ArcFace"):
        load_published_extractor("arcface-ms1mv3-r100", tmp_path / "backbone.pth", [tmp_path / "x.task"])
    with pytest.raises(FileNotFoundError, match="no ArcFace weights at"):
        ArcFace.load(tmp_path / "none.pth", tmp_path / "x.task", "ms1mv3", "r50")


@pytest.mark.parametrize(
    "name", [f"arcface-{p}-{r}" for p in ("ms1mv3", "glint360k") for r in ("r50", "r100")]
)
def test_each_file_is_registered_without_an_invented_hash(name):
    family = published(name)
    assert family is not None
    file = registered(family.weights)
    assert not file.sha256
    assert "backbone.pth" in file.by_hand
