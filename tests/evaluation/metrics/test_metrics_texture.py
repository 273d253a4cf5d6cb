import pytest
import torch

from evaluation.metrics import Flicker, Grain, Sharpness


@pytest.fixture
def still() -> torch.Tensor:
    """A soft picture, ten times."""
    y, x = torch.meshgrid(torch.linspace(0, 6, 48), torch.linspace(0, 6, 48), indexing="ij")
    picture = 127 + 60 * torch.sin(x) * torch.cos(y)
    return picture.expand(10, 3, -1, -1).round().to(torch.uint8)


def noisy(frames: torch.Tensor, level: float, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(frames.shape, generator=torch.Generator().manual_seed(seed)) * level
    return (frames + noise).round().clamp(0, 255).to(torch.uint8)


def value(kind, pred: torch.Tensor, true: torch.Tensor) -> float:
    metric = kind()
    metric.update(pred, true)
    return metric.compute().item()


@pytest.mark.parametrize(("kind", "wanted"), [(Flicker, 0), (Grain, 0), (Sharpness, 1)])
def test_the_truth_itself(kind, wanted, still):
    assert value(kind, still, still) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("kind", [Flicker, Grain, Sharpness])
def test_more_noise_is_seen(kind, still):
    values = [value(kind, noisy(still, level), still) for level in (0, 2, 4, 8)]
    assert values == sorted(values)
    assert values[1] > values[0]


def test_noise_that_stands_still_is_grain_and_no_flicker(still):
    frozen = noisy(still[:1], 6).expand_as(still)
    assert value(Flicker, frozen, still) == 0
    assert value(Grain, frozen, still) > 1


def test_flicker_only_counts_where_the_truth_stands_still(still):
    moving = still.clone()
    moving[::2, :, :24] += 60  # the upper half blinks by more than rounding, everywhere
    assert value(Flicker, moving, moving) == 0
    assert value(Flicker, moving, still) > 10


def test_blur_is_soft(still):
    sharp = noisy(still, 10)
    soft = torch.nn.functional.avg_pool2d(sharp.float(), 3, 1, 1).round().to(torch.uint8)
    assert value(Sharpness, soft, sharp) < 0.5


def test_short_clips_have_no_flicker(still):
    assert torch.tensor(value(Flicker, still[:2], still[:2])).isnan()


@pytest.mark.parametrize("frames", [3, 4, 5, 6, 7, 10])
@pytest.mark.parametrize("kind", [Flicker, Grain, Sharpness])
def test_a_long_clip_in_pieces_is_the_whole(kind, frames, still, monkeypatch):
    made = noisy(still, 3)[:frames]
    whole = kind().clip_sums(made, still[:frames])
    monkeypatch.setattr("evaluation.metrics.pictures.texture.AT_ONCE", 3)
    pieces = kind().clip_sums(made, still[:frames])
    assert pieces.tolist() == pytest.approx(whole.tolist(), rel=1e-12)


@pytest.mark.parametrize("grey", [0, 1, 90, 133, 255])
def test_rounding_of_one_colour_is_no_sharpness(grey, still):
    flat = torch.full_like(still, grey)
    assert torch.isnan(Sharpness().finish(Sharpness().clip_sums(still, flat)))
