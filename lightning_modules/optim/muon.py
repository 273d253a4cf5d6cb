"""Muon (Jordan et al. 2024), momentum made orthogonal, in products that the device has instructions for.

Not among the names of the package: timm takes long to import, and only a training that names it needs it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from timm.optim import muon as timm_muon
from timm.optim.muon import Muon as TimmMuon

from lightning_modules.optim.precision import multiplies_bfloat16


class Muon(TimmMuon):
    """timm's Muon; its Newton-Schulz products are in float32 where bfloat16 would be emulated.

    timm always takes bfloat16, which on a processor without its instructions costs 13 to 22 times as much
    (`python -m benchmarks.muon`) and most of a training step. Arguments are timm's.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        device = self.param_groups[0]["params"][0].device
        with _products_in(torch.bfloat16 if multiplies_bfloat16(device) else torch.float32):
            return super().step(closure)


@contextmanager
def _products_in(dtype: torch.dtype) -> Iterator[None]:
    """Timm takes the type as an argument of this function, and has no way to hand it down."""
    plain = timm_muon.zeropower_via_newtonschulz
    timm_muon.zeropower_via_newtonschulz = partial(plain, dtype=dtype)
    try:
        yield
    finally:
        timm_muon.zeropower_via_newtonschulz = plain
