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
