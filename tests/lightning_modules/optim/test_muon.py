"""Muon: timm's steps, in the number format that the machine multiplies in."""

from collections.abc import Callable

import pytest
import torch
from timm.optim import Muon as TimmMuon
from timm.optim import muon as timm_muon
from torch import Tensor, nn

from lightning_modules.optim.muon import Muon


def steps(optimizer: type, count: int = 3, **options: object) -> list[Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 5))
    chosen = optimizer(network.parameters(), lr=1e-2, nesterov=True, ns_coefficients="original", **options)
    x = torch.randn(64, 3, 8, 8)

    def closure() -> Tensor:
        chosen.zero_grad()
        loss = network(x).square().mean()
        loss.backward()
        return loss

    for _ in range(count):
        chosen.step(closure)
    return [p.detach() for p in network.parameters()]


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype]:
    """The types in which products were asked for."""
    asked, plain = [], timm_muon.zeropower_via_newtonschulz

    def watched(*args: object, dtype: torch.dtype = torch.bfloat16, **options: object) -> Tensor:
        asked.append(dtype)
        return plain(*args, dtype=dtype, **options)

    monkeypatch.setattr(timm_muon, "zeropower_via_newtonschulz", watched)
    return asked


def machine(instructions: bool) -> Callable[[torch.device], bool]:
    return lambda device: instructions


@pytest.mark.parametrize(("instructions", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_products_are_in_what_the_machine_has(monkeypatch, products, instructions, dtype):
    monkeypatch.setattr("lightning_modules.optim.muon.multiplies_bfloat16", machine(instructions))
    steps(Muon)
    assert set(products) == {dtype}
    products.clear()
    steps(TimmMuon)  # its own steps are left as they were
    assert set(products) == {torch.bfloat16}


def test_with_the_instructions_a_step_is_that_of_timm(monkeypatch):
    monkeypatch.setattr("lightning_modules.optim.muon.multiplies_bfloat16", machine(True))
    for ours, theirs in zip(steps(Muon), steps(TimmMuon), strict=True):
        assert torch.equal(ours, theirs)


def test_without_them_it_differs_by_rounding_alone(monkeypatch):
    monkeypatch.setattr("lightning_modules.optim.muon.multiplies_bfloat16", machine(False))
    before = steps(Muon, count=0)
    for start, ours, theirs in zip(before, steps(Muon), steps(TimmMuon), strict=True):
        assert (theirs - start).norm() > 0
        assert (ours - theirs).norm() < 0.05 * (theirs - start).norm()


def test_a_step_that_fails_leaves_timm_as_it_was():
    plain = timm_muon.zeropower_via_newtonschulz
    optimizer = Muon([nn.Parameter(torch.ones(2, 2))])
    with pytest.raises(RuntimeError, match="no batch"):
        optimizer.step(closure=lambda: (_ for _ in ()).throw(RuntimeError("no batch")))
    assert timm_muon.zeropower_via_newtonschulz is plain
