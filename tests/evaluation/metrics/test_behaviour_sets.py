"""R10 for the metrics that rest on published networks: FID, KID, FVD, LPIPS and Sync, on networks of chance.

Weights are made by the rule of the reference cases, so no file is needed; a random network sees less than a
trained one, and what it sees must still fall in line.
"""

from itertools import pairwise

import pytest
import torch
from distortions import LADDERS
from synthetic_weights import fill
from torch import Tensor, nn

from datamodules.synthetic.clip import synthetic_clip
from evaluation.metrics import METRICS, frechet_distance
from evaluation.metrics.pictures.perceptual import lpips_frames
from evaluation.metrics.sets.kid import kid
from evaluation.metrics.sync.confidence import shifted_distances, sync_of

CLIPS, FRAMES = 3, 16


@pytest.fixture(scope="module")
def clips() -> list[Tensor]:
    return [
        synthetic_clip(950_000 + i, FRAMES, identity=700 + i, split="test")["frames"] for i in range(CLIPS)
    ]


class Convolutions(nn.Module):
    """Three random layers; the mean of each channel over a picture, or over a video, is a feature."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = [
            torch.randn(16, width, 5, 5, generator=generator) * (2 / (25 * width)) ** 0.5
            for width in (inputs, 16, 16)
        ]

    def forward(self, x_NCHW: Tensor) -> Tensor:
        found = []
        for weight in self.weights:
            x_NCHW = nn.functional.conv2d(x_NCHW, weight, stride=2).relu()
            found.append(x_NCHW.mean((2, 3)))
        return torch.cat(found, 1)


def pictures(clips: list[Tensor]) -> Tensor:
    """Features (N, 48) of every second frame."""
    return Convolutions(3)(torch.cat([clip[::2] for clip in clips]).float() / 127.5 - 1)


def movements(clips: list[Tensor]) -> Tensor:
    """Features (N, 48) of overlapping windows of eight frames, seen as differences of grey neighbours."""
    grey = [clip.float().mean(1) / 127.5 - 1 for clip in clips]
    return Convolutions(7)(torch.cat([10 * x.diff(dim=0).unfold(0, 7, 2).permute(0, 3, 1, 2) for x in grey]))


def ladder(name: str, clips: list[Tensor], features) -> list[Tensor]:
    change, strengths = LADDERS[name]
    return [features(clips), *(features([change(clip, s) for clip in clips]) for s in strengths)]


@pytest.mark.parametrize("fault", ["blur", "noise", "jpeg", "tint"])
def test_distances_of_picture_sets_grow_with_the_fault(clips, fault):
    true, *made = ladder(fault, clips, pictures)
    for ddof in (0, 1):
        values = [frechet_distance(x, true, ddof).item() for x in (true, *made)]
        assert values[0] == pytest.approx(0, abs=1e-8)
        assert all(a < b for a, b in pairwise(values)), values
    values = [kid(x, true).item() for x in (true, *made)]
    assert all(a < b for a, b in pairwise(values)), values


def test_a_set_does_not_care_for_order_or_time(clips):
    true = pictures(clips)
    turned = pictures([clip.flip(0)[1:] for clip in clips[::-1]])  # flipping moves the odd frames into view
    assert frechet_distance(true.flip(0), true).item() == pytest.approx(0, abs=1e-8)
    blurred = ladder("blur", clips, pictures)[1]
    assert frechet_distance(turned, true) < frechet_distance(blurred, true) / 2


@pytest.mark.parametrize("fault", ["dropped", "shaken", "noise"])
def test_distances_of_video_sets_see_motion(clips, fault):
    true, *made = ladder(fault, clips, movements)
    values = [frechet_distance(x, true, 1).item() for x in (true, *made)]
    assert all(a < b for a, b in pairwise(values)), values


def test_every_set_metric_is_one_of_these_distances():
    g = torch.Generator().manual_seed(0)
    for name, kind in METRICS.items():
        if not kind.of_sets or not name.startswith(("fid_", "kid_", "fvd_")):
            continue
        metric = kind()
        width = getattr(metric, "width", 2048)  # a kernel asks for none
        x, y = (torch.randn(6, width, generator=g) + i for i in range(2))
        metric.update(x, y)
        wanted = (
            kid(x, y) if name.startswith("kid") else frechet_distance(x, y, 0 if name.endswith("_n") else 1)
        )
        assert metric.compute().item() == pytest.approx(wanted.item(), rel=1e-6), name


@pytest.mark.parametrize("fault", ["blur", "noise", "jpeg", "tint", "moved", "dropped"])
def test_lpips_grows_with_the_fault(clips, fault):
    lpips = pytest.importorskip("lpips")
    network = lpips.LPIPS(pnet_rand=True, verbose=False).eval()
    fill(network.net)
    change, strengths = LADDERS[fault]
    shown = [clips[0], *(change(clips[0], strength) for strength in strengths)]
    values = [lpips_frames(network, x[3::4], clips[0][3::4]).mean().item() for x in shown]
    assert values[0] == pytest.approx(0, abs=1e-8)
    assert all(a < b for a, b in pairwise(values)), values


def test_sync_falls_with_noise_on_either_side():
    g = torch.Generator().manual_seed(0)
    base, noise = (torch.randn(60, 128, generator=g, dtype=torch.float64) for _ in range(2))
    for valid in (False, True):
        found = [sync_of(shifted_distances(base + s * noise, base, valid=valid)) for s in (0, 0.5, 1, 2)]
        assert all(a.confidence > b.confidence for a, b in pairwise(found))
        assert all(a.distance < b.distance for a, b in pairwise(found))
        assert all(score.offset == 0 for score in found)
