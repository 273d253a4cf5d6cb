"""Networks that compute in full float32, whatever a caller has set."""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter

import torch


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Float32 in earnest: no autocast of the caller, no TF32 and no trial of convolution algorithms.

    Each of them moves features by more than 1e-4, and the last two with the batch size (torchmetrics 1620).
    Matrix products have a switch of their own, which trainers like to set, for a GPU and for a CPU.
    """
    cudnn = torch.backends.cudnn
    with (
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=False),
        _full_products(),
    ):
        yield


@contextmanager
def _full_products() -> Iterator[None]:
    switches = [attrgetter(f"{backend}.matmul")(torch.backends) for backend in ("cuda", "mkldnn")]
    lowered = [(switch, switch.fp32_precision) for switch in switches if switch.fp32_precision != "ieee"]
    for switch, _ in lowered:
        switch.fp32_precision = "ieee"
    try:
        yield
    finally:
        for switch, before in lowered:
            switch.fp32_precision = before
