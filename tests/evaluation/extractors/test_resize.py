import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.extractors.resize import FILTERS, SIZE, preprocess

SHAPES = [(40, 57), (299, 299), (512, 330)]


def picture(height: int, width: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(height)
    return torch.randint(0, 256, (1, 3, height, width), generator=g, dtype=torch.uint8)


def pillow(frames: torch.Tensor, how: Image.Resampling) -> np.ndarray:
    channels = [Image.fromarray(z.numpy().astype(np.float32)) for z in frames[0]]
    return np.stack([np.asarray(z.resize((SIZE, SIZE), how)) for z in channels])


def bilinear_by_hand(frames: torch.Tensor, half_pixel: bool) -> np.ndarray:
    x = frames[0].numpy().astype(np.float64)
    for axis in (1, 2):
        size = x.shape[axis]
        place = np.arange(SIZE) * size / SIZE
        if half_pixel:
            place = ((np.arange(SIZE) + 0.5) * size / SIZE - 0.5).clip(0)
        low = np.floor(place + 1e-9).astype(int)
        share = (place - low).reshape((-1, 1) if axis == 1 else (1, -1))
        high = (low + 1).clip(max=size - 1)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


@pytest.mark.parametrize("shape", SHAPES)
def test_each_filter_is_what_its_name_says(shape):
    frames = picture(*shape)
    wanted = {
        "tf1": (bilinear_by_hand(frames, half_pixel=False) - 128) / 128,
        "torch": bilinear_by_hand(frames, half_pixel=True) / 127.5 - 1,
        "torch_aa": (pillow(frames, Image.Resampling.BILINEAR) - 128) / 128,
        "clean": (pillow(frames, Image.Resampling.BICUBIC) - 128) / 128,
    }
    for name in FILTERS:
        found = preprocess(frames, name)
        assert found.shape == (1, 3, SIZE, SIZE)
        assert found.dtype == torch.float32
        assert np.abs(found[0].numpy() - wanted[name]).max() < 2e-4, name


def test_the_filters_differ():
    found = [preprocess(picture(512, 330), name) for name in FILTERS]
    for i, a in enumerate(found):
        assert all((a - b).abs().max() > 0.05 for b in found[i + 1 :])


def test_an_unknown_filter_lists_the_known_ones():
    with pytest.raises(ValueError, match="filter 'bicubic': known are tf1, torch, torch_aa, clean"):
        preprocess(picture(8, 8), "bicubic")
