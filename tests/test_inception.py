"""Against the reference case R3 and torchvision's network.

The two filters farthest apart run always, the two between them where MOEE_ALL_CASES is set.
"""

import os

import pytest
import torch
from reference_media import bytes_hash, channels_first, pictures
from synthetic_weights import content_hash, fill
from torch import Tensor
from torch.nn import functional as F

from evaluation.extractors.inception import BATCH, Inception, spread
from evaluation.extractors.network import ready
from evaluation.features import Extractor, describe
from evaluation.metrics import frechet_distance

CASES = {"tf1": 164.008694, "clean": 208.094959, "torch": 164.686480, "torch_aa": 163.216897}
RUN = CASES if os.environ.get("MOEE_ALL_CASES") else ("tf1", "clean")


@pytest.fixture(scope="module")
def network() -> Inception:
    """As it is built; `loaded` is as users get it."""
    return ready(fill(Inception()))


@pytest.fixture(scope="module")
def loaded(network, tmp_path_factory) -> Inception:
    path = tmp_path_factory.mktemp("weights") / "w.pth"
    torch.save(network.state_dict(), path)
    return Inception.load(path, "torch_aa")


@pytest.fixture(scope="module")
def sets() -> list[Tensor]:
    made = [pictures(501, 24, 128, 128, 60), pictures(502, 24, 128, 128, 90)]
    assert bytes_hash(*made) == "327ce389fe27b7be"
    return [channels_first(z) for z in made]


@pytest.mark.slow
def test_names_shapes_and_synthetic_weights(network):
    assert content_hash(network).startswith("856f114a95f8eb81")
    state = network.state_dict()
    assert state["Conv2d_1a_3x3.conv.weight"].shape == (32, 3, 3, 3)
    assert state["Mixed_7c.branch3x3dbl_3b.bn.running_var"].shape == (384,)
    assert state["fc.weight"].shape == (1008, 2048)
    from torchvision.models import inception_v3

    theirs = inception_v3(num_classes=1008, aux_logits=False, init_weights=False).state_dict()
    assert {k: v.shape for k, v in theirs.items()} == {k: v.shape for k, v in state.items()}


@pytest.mark.slow
@pytest.mark.parametrize("resize", RUN)
def test_the_reference_distance(loaded, sets, resize, monkeypatch):
    monkeypatch.setattr(loaded, "resize", resize)
    features = [loaded.measure(z)[loaded.provides[0]] for z in sets]
    assert all(z.shape == (24, 2048) and z.dtype == torch.float32 for z in features)
    assert frechet_distance(*features).item() == pytest.approx(CASES[resize], rel=1e-3)


@pytest.mark.slow
def test_torchvision_with_its_three_differences_patched_agrees(network, monkeypatch):
    from torchvision.models import inception_v3

    theirs = inception_v3(num_classes=1008, aux_logits=False, init_weights=False).eval()
    theirs.load_state_dict(network.state_dict())
    theirs.fc = torch.nn.Identity()
    mean = F.avg_pool2d
    pools = {"last": False}

    def pool(x, kernel_size, stride, padding):
        if pools["last"]:
            return F.max_pool2d(x, kernel_size, stride, padding)
        return mean(x, kernel_size, stride, padding, count_include_pad=False)

    monkeypatch.setattr(F, "avg_pool2d", pool)
    theirs.Mixed_7c.register_forward_pre_hook(lambda *_: pools.update(last=True))
    x = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        wanted = theirs(x)
    monkeypatch.undo()
    with torch.inference_mode():
        found = network(x)
    assert wanted.abs().max() > 0.1
    assert (found - wanted).abs().max() < 1e-4


@pytest.mark.slow
def test_torch_fidelity_agrees(network, sets, tmp_path, monkeypatch):
    outsider = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3", reason="not installed")
    torch.save(network.state_dict(), tmp_path / "w.pth")
    theirs = outsider.FeatureExtractorInceptionV3("x", ["2048"], str(tmp_path / "w.pth"))
    monkeypatch.setattr(network, "resize", "tf1")
    found = network.measure(sets[0][:2])[network.provides[0]]
    assert (found - theirs(sets[0][:2])[0]).abs().max() < 1e-4


@pytest.mark.slow
def test_batches_change_nothing(loaded, sets, monkeypatch):
    from evaluation.extractors import inception

    whole = loaded.measure(sets[0][:3])[loaded.provides[0]]
    monkeypatch.setattr(inception, "BATCH", 2)
    assert (loaded.measure(sets[0][:3])[loaded.provides[0]] - whole).abs().max() < 1e-4


@pytest.mark.slow
def test_loading_folds_and_changes_nothing(network, loaded):
    x = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        assert (loaded(x) - network(x)).abs().max() < 1e-4
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in loaded.modules())
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


@pytest.mark.slow
def test_what_a_result_records(loaded):
    assert isinstance(loaded, Extractor)
    record = describe(loaded)
    assert record["name"] == "inception-tf2015-torch_aa"
    assert record["sha256"] == loaded.fingerprint
    assert len(loaded.fingerprint) == 64
    settings = {"resize": "torch_aa", "size": 299, "batch_size": BATCH, "dtype": "float32"}
    assert record["settings"] == settings | {"frames_of_a_clip": "all"}


def test_pictures_are_spread_over_a_clip():
    places = torch.arange(50)
    assert spread(places, 5).tolist() == [5, 15, 25, 35, 45]
    assert spread(places, 0) is spread(places, 50) is spread(places, 99) is places
    with pytest.raises(ValueError, match="-1 frames of a clip"):
        Inception("clean", frames=-1)


def test_an_unknown_filter_is_refused():
    with pytest.raises(ValueError, match="known are tf1, torch, torch_aa, clean"):
        Inception("bicubic")
