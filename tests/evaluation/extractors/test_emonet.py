import numpy as np
import pytest
import torch
from synthetic_weights import content_hash, fill
from torch import Tensor
from torch.nn import functional as F

from evaluation.extractors.faces.mesh import POINTS, Faces
from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.published.emonet import EmoNet, EmoNetwork, face_squares
from moee.weights.registry import registered


class ToldFaces:
    """Finds a face in every frame but the second."""

    settings = {"landmarker_sha256": "0" * 64}  # noqa: RUF012

    def find(self, frames_F3HW: Tensor, who: str) -> Faces:
        mesh = 20 + 60 * torch.rand(len(frames_F3HW), POINTS, 2, generator=torch.Generator().manual_seed(0))
        mesh[1] = torch.nan
        return Faces(mesh, (None,) * len(frames_F3HW))


@pytest.fixture(scope="module")
def network() -> EmoNetwork:
    return fill(EmoNetwork()).eval().requires_grad_(False)


def test_names_and_parameters(network):
    assert sum(p.numel() for p in network.parameters()) == 13_963_410
    assert content_hash(network).startswith("09326b742ac44034")  # names and shapes of all tensors
    state = network.state_dict()
    assert len(state) == 682
    for name, shape in {
        "conv1.bias": (64,),
        "conv2.downsample.2.weight": (128, 64, 1, 1),
        "m0.b2_plus_1.conv3.weight": (64, 64, 3, 3),
        "m1.b3_4.bn1.running_mean": (256,),
        "top_m_1.conv1.weight": (128, 256, 3, 3),
        "al0.weight": (256, 68, 1, 1),
        "conv1x1_input_emo_2.weight": (256, 768, 1, 1),
        "emo_net_2.6.conv2.weight": (64, 128, 3, 3),
        "emo_fc_2.3.weight": (10, 128),
    }.items():
        assert tuple(state[name].shape) == shape, name


@pytest.mark.slow
def test_numbers_of_the_authors_network_with_weights_anyone_can_make(network):
    """What face-analysis/emonet gives, filled by the same rule; such weights grow along the shortcuts."""
    x = torch.from_numpy(np.random.default_rng(11).random((1, 3, 256, 256)).astype(np.float32))
    with torch.inference_mode():
        found = network(x)[0] / 1e10
    wanted = [0.8633422, 0.4305594, 0.3216980, -2.151700, 2.843281, -4.571522, -0.1015170, -0.5975388]
    assert torch.allclose(found, torch.tensor([*wanted, 1.582926, -2.214940]), atol=5e-3)


def test_the_square_of_the_authors():
    points = torch.tensor([[[10.0, 20.0], [90.0, 120.0]]])
    left, top, side = face_squares(points)[0].tolist()
    assert (left + side / 2, top + side / 2, side) == pytest.approx((50, 70, 180 / 1.1))


@pytest.mark.slow
def test_faces_are_cut_scaled_and_scored(network, tmp_path):
    frames = torch.randint(0, 256, (3, 3, 100, 100), generator=torch.Generator().manual_seed(4))
    extractor = EmoNet(ToldFaces())  # type: ignore[arg-type]
    extractor.network = network
    found = extractor.measure(frames.to(torch.uint8))["emotion_emonet8"]
    assert found.isnan().all(-1).tolist() == [False, True, False]
    square = face_squares(ToldFaces().find(frames, "").landmarks)[2]
    x0, y0, x1, y1 = (round(z) for z in (*square[:2].tolist(), *(square[:2] + square[2]).tolist()))
    padded = F.pad(frames[2].float(), (200, 200, 200, 200))[None, :, y0 + 200 : y1 + 200, x0 + 200 : x1 + 200]
    crop = F.interpolate(padded, (256, 256), mode="bilinear").round() / 255
    with torch.inference_mode():
        assert torch.allclose(found[2], network(crop)[0, :8].softmax(-1), atol=1e-4)
    assert isinstance(extractor, Extractor)
    assert describe(extractor)["settings"]["landmarker_sha256"] == "0" * 64


def test_published_names_with_their_prefix(network, tmp_path):
    torch.save({f"module.{name}": value for name, value in network.state_dict().items()}, tmp_path / "e.pth")
    (tmp_path / "face.task").write_text("opened when a face is looked for")
    loaded = EmoNet.load(tmp_path / "e.pth", tmp_path / "face.task")
    assert torch.equal(loaded.network.al0.weight, network.al0.weight)
    assert len(loaded.fingerprint) == 64
    with pytest.raises(FileNotFoundError, match=r"no EmoNetwork weights at .*CC BY-NC-ND"):
        EmoNet.load(tmp_path / "none.pth", tmp_path / "face.task")


def test_its_licence_is_said_and_no_hash_is_made_up():
    entry = registered("emonet8")
    assert "non-commercial" in entry.licence
    assert entry.sha256 is None
    assert "sha256 is not known" in entry.by_hand
