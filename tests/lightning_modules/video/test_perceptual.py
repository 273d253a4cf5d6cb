from pathlib import Path

import lpips
import pytest
import torch
import torchvision

from lightning_modules.video.perceptual import LpipsDistance


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    first = torch.rand(2, 3, 64, 64) * 2 - 1
    return first, (first + 0.3 * torch.randn_like(first)).clamp(-1, 1)


def test_it_is_lpips_on_the_trunk_of_the_file(tmp_path: Path) -> None:
    torch.manual_seed(5)
    trunk = torchvision.models.alexnet(weights=None)
    torch.save(trunk.state_dict(), tmp_path / "alex.pth")
    peer = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    own = peer.net.state_dict()
    peer.net.load_state_dict(dict(zip(own, trunk.features.state_dict().values(), strict=True)))
    ours = LpipsDistance(trunk=str(tmp_path / "alex.pth"))
    first, second = pictures()
    torch.testing.assert_close(ours(first, second), peer(first, second).flatten())


def test_without_a_trunk_it_is_the_same_each_time_and_grows_with_the_difference() -> None:
    first, second = pictures()
    before = torch.random.get_rng_state()
    one, other = LpipsDistance(), LpipsDistance()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one(first, second), other(first, second))
    assert one(first, first).abs().max() < 1e-6
    assert (one(first, second) < one(first, -first)).all()


def test_it_gives_a_gradient_learns_nothing_and_enters_no_checkpoint() -> None:
    distance, (first, second) = LpipsDistance(), pictures()
    first.requires_grad_()
    distance(first, second).sum().backward()
    assert first.grad is not None
    assert first.grad.abs().sum() > 0
    assert not list(distance.parameters())
    assert not distance.state_dict()


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"perceptual\.trunk: no file"):
        LpipsDistance(trunk=str(tmp_path / "none.pth"))
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "small.pth")
    with pytest.raises(ValueError, match="do not fit the trunk of LPIPS"):
        LpipsDistance(trunk=str(tmp_path / "small.pth"))
