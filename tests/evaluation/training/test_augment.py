"""Faults that are put into true pictures."""

import torch

from evaluation.training.augment import Faults, Placement, quantise, shift, spoil


def test_points_move_with_the_picture():
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    points = torch.rand(8, 1, 2, generator=torch.Generator().manual_seed(0)) * 60 + 34
    spots = torch.exp(-((x - points[..., :1, None][:, 0]) ** 2 + (y - points[:, 0, 1, None, None]) ** 2) / 8)
    moved, there = shift(spots[:, None].expand(-1, 3, -1, -1), points, Placement(15, 0.1, 0.08))
    weight = moved[:, 0] / moved[:, 0].sum((1, 2), keepdim=True)
    found = torch.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], -1)
    assert (there[:, 0] - points[:, 0]).norm(dim=1).max() > 1
    assert torch.allclose(found, there[:, 0], atol=0.1)


def test_faults_are_mild():
    picture = torch.rand(16, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 0.2
    spoiled = spoil(picture, Faults())
    assert spoiled.shape == picture.shape
    assert spoiled.min() >= -1
    assert spoiled.max() <= 1
    assert (spoiled - picture).abs().mean() < 0.3
    assert (quantise(picture, strongest=0.0101) - picture).abs().mean() < 0.1


def test_a_fault_of_no_share_is_left_out():
    picture = torch.rand(4, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 0.2
    shares = [name for name in vars(Faults()) if name.endswith("_share")]
    assert torch.equal(spoil(picture, Faults(**dict.fromkeys(shares, 0.0))), picture)
    for name in shares:
        assert not torch.equal(spoil(picture, Faults(**dict.fromkeys(shares, 0.0) | {name: 1.0})), picture), (
            name
        )
