"""Against the reference case R3 and torchvision's network.

The two filters farthest apart run always at 128 pixels; the two between them, all four at 512 and
torchmetrics' own class where MOEE_ALL_CASES is set (`make test-all`).
"""

import os

import pytest
import torch
from reference_media import bytes_hash, channels_first, pictures
from synthetic_weights import content_hash, fill
from torch import Tensor
from torch.nn import functional as F

from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.network import ready
from evaluation.extractors.published.inception import BATCH, Inception, spread
from evaluation.metrics import frechet_distance

CASES = {"tf1": 164.008694, "clean": 208.094959, "torch": 164.686480, "torch_aa": 163.216897}
# at 512 pixels, covariances over N - 1 and over N
LARGE = {
    "tf1": (225.557229, 225.460129),
    "torch": (226.730085, 226.629416),
    "torch_aa": (223.524915, 223.423595),
    "clean": (231.958559, 231.856075),
}
ALL = bool(os.environ.get("MOEE_ALL_CASES"))
RUN = CASES if ALL else ("tf1", "clean")
needs_time = pytest.mark.skipif(not ALL, reason="takes minutes: MOEE_ALL_CASES=1, as `make test-all` does")


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


@pytest.fixture(scope="module")
def large_sets() -> list[Tensor]:
    made = [pictures(501, 24, 512, 512, 60), pictures(502, 24, 512, 512, 90)]
    assert bytes_hash(*made) == "70e9e9a787ea62f6"
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
def test_the_large_pictures_are_those_of_the_reference(large_sets):
    assert all(z.shape == (24, 3, 512, 512) for z in large_sets)


@needs_time
@pytest.mark.slow
def test_the_reference_distances_of_large_pictures(loaded, large_sets, monkeypatch):
    found = {}
    for resize, wanted in LARGE.items():
        monkeypatch.setattr(loaded, "resize", resize)
        features = [loaded.measure(z)[loaded.provides[0]] for z in large_sets]
        found[resize] = [frechet_distance(*features, ddof=ddof).item() for ddof in (1, 0)]
        assert found[resize] == pytest.approx(wanted, rel=1e-3)
    for kind in (0, 1):  # the gaps between the filters are smaller than the tolerance of each
        order = sorted(LARGE, key=lambda name: LARGE[name][kind])
        assert sorted(found, key=lambda name: found[name][kind]) == order
        gaps, wanted = ([z[name][kind] - z["torch_aa"][kind] for name in order] for z in (found, LARGE))
        assert gaps == pytest.approx(wanted, abs=0.02)


@needs_time
@pytest.mark.slow
@pytest.mark.parametrize(("resize", "wanted"), [("torch_aa", 223.52489), ("tf1", 225.55721)])
def test_the_class_of_torchmetrics_agrees(network, loaded, large_sets, tmp_path, monkeypatch, resize, wanted):
    pytest.importorskip("torch_fidelity", reason="not installed")
    from torchmetrics.image.fid import FrechetInceptionDistance

    torch.save(network.state_dict(), tmp_path / "w.pth")
    theirs = FrechetInceptionDistance(
        2048, feature_extractor_weights_path=str(tmp_path / "w.pth"), antialias=resize == "torch_aa"
    )
    for real, pictures_NCHW in zip((False, True), large_sets, strict=True):
        for part in pictures_NCHW.split(8):
            theirs.update(part, real=real)
    monkeypatch.setattr(loaded, "resize", resize)
    features = [loaded.measure(z)[loaded.provides[0]] for z in large_sets]
    value = theirs.compute().item()
    assert value == pytest.approx(wanted, rel=1e-3)
    assert frechet_distance(*features).item() == pytest.approx(value, rel=1e-5)


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
    from evaluation.extractors.published import inception

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
