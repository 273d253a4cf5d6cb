"""Against the reference case R4; its crop runs where MOEE_ALL_CASES is set (`make test-all`)."""

import os

import pytest
import torch
from reference_media import bytes_hash, channels_first, videos
from synthetic_weights import fill
from torch.nn import functional as F

from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.published.i3d import FEWEST, I3d, pad_same, preprocess
from evaluation.metrics import frechet_distance

CASES = {"squash": (13.401304, 12.410887), "crop": (12.731038, 11.831416)}
RUN = CASES if os.environ.get("MOEE_ALL_CASES") else ("squash",)


@pytest.fixture(scope="module")
def network() -> I3d:
    return fill(I3d()).eval().to(memory_format=torch.channels_last_3d)


def frames(count: int, height: int = 16, width: int = 16) -> torch.Tensor:
    g = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, height, width), generator=g, dtype=torch.uint8)


def test_names_and_parameters(network):
    assert sum(p.numel() for p in network.parameters()) == 12_697_264
    state = network.state_dict()
    for name, shape in {
        "Conv3d_1a_7x7.conv3d.weight": (64, 3, 7, 7, 7),
        "Conv3d_2c_3x3.bn.running_mean": (192,),
        "Mixed_3b.b1a.conv3d.weight": (96, 192, 1, 1, 1),
        "Mixed_4f.b2b.bn.weight": (128,),
        "Mixed_5c.b3b.conv3d.weight": (128, 832, 1, 1, 1),
        "logits.conv3d.weight": (400, 1024, 1, 1, 1),
        "logits.conv3d.bias": (400,),
    }.items():
        assert tuple(state[name].shape) == shape, name


@pytest.mark.slow
@pytest.mark.parametrize("crop", RUN)
def test_the_reference_distance(network, crop, monkeypatch):
    sets = [videos(601, 8, 16, 64, 96, 0.3), videos(602, 8, 16, 64, 96, 0.6)]
    assert bytes_hash(*sets) == "13a8f2c8c606ecde"
    monkeypatch.setattr(network, "crop", crop)
    scores = [torch.cat([network.measure(v)[network.provides[0]] for v in channels_first(z)]) for z in sets]
    assert all(z.shape == (8, 400) and z.dtype == torch.float32 for z in scores)
    for ddof, wanted in ((1, CASES[crop][0]), (0, CASES[crop][1])):
        assert frechet_distance(*scores, ddof=ddof).item() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.slow
def test_nine_frames_are_enough_for_the_network_and_eight_are_not(network):
    x = torch.zeros(1, 3, FEWEST, 224, 224)
    with torch.inference_mode():
        assert network(x).shape == (1, 400)
        with pytest.raises(RuntimeError):
            network(x[:, :, 1:])


def test_windows_lie_side_by_side_or_overlap(network, monkeypatch):
    seen = []
    monkeypatch.setattr(I3d, "forward", lambda self, x: seen.append(x) or torch.zeros(1, 400))
    clip = frames(40)
    whole = preprocess(clip, "squash")
    assert network.measure(clip)["i3d_squash_16"].shape == (2, 400)
    assert torch.equal(seen[1][0], whole[:, 16:32])
    overlapping = I3d(window=10, hop=5)
    assert overlapping.measure(clip)["i3d_squash_10"].shape == (7, 400)
    assert network.measure(clip[:16])["i3d_squash_16"].shape == (1, 400)


def test_too_few_frames_are_refused(network):
    with pytest.raises(ValueError, match="i3d-kinetics400-squash-16 needs at least 16 frames, got 15"):
        network.measure(frames(15))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"window": 8}, "window >= 9 and hop >= 1 frames, got 8 and 8"),
        ({"hop": 0}, "got 16 and 0"),
        ({"crop": "pad"}, "unknown crop 'pad': known are squash, crop"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, line):
    with pytest.raises(ValueError, match=line):
        I3d(**arguments)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (97, 60), (224, 224), (300, 300)])
def test_squash_and_crop(height, width):
    clip = frames(2, height, width)
    squashed, cropped = (preprocess(clip, crop) for crop in ("squash", "crop"))
    assert squashed.shape == cropped.shape == (3, 2, 224, 224)
    assert squashed.min() >= -1
    assert squashed.max() <= 1
    assert (squashed.max() - squashed.min()).item() > 1.5  # all of [-1, 1], not half of it
    if height == width:
        assert torch.equal(squashed, cropped)
        return
    scale = 224 / min(height, width)
    size = [-(-side * 224 // min(height, width)) for side in (height, width)]
    assert min(size) == 224
    assert max(size) == pytest.approx(scale * max(height, width), abs=1)
    top, left = ((side - 224) // 2 for side in size)
    whole = F.interpolate(clip.float(), size, mode="bilinear") / 127.5 - 1
    wanted = whole[..., top : top + 224, left : left + 224].transpose(0, 1)
    assert torch.allclose(cropped, wanted, atol=1e-6)


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (7, 2), (2, 2)])
def test_padding_is_tensorflows(size, kernel, stride):
    x = pad_same(torch.ones(1, 1, size, 1, 1), (kernel, 1, 1), (stride, 1, 1))
    outputs = (x.shape[2] - kernel) // stride + 1
    assert outputs == -(-size // stride)
    zeros = x.shape[2] - size
    before = int((x.flatten().cumsum(0) == 0).sum())
    assert before == zeros // 2


def test_loading_and_what_a_result_records(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "w.pt")
    loaded = I3d.load(tmp_path / "w.pt", "crop", window=25)
    assert torch.equal(loaded.logits.conv3d.weight, network.logits.conv3d.weight)
    assert isinstance(loaded, Extractor)
    record = describe(loaded)
    assert record["name"] == "i3d-kinetics400-crop-25"
    assert record["settings"] == {
        "crop": "crop",
        "window_frames": 25,
        "hop_frames": 25,
        "dtype": "float32",
    }
    assert len(record["sha256"]) == 64
