"""Weights that anyone can make again from the names of tensors; `evaluation.md`, reference case R3."""

import hashlib
import zlib

import numpy as np
import torch
from torch import nn


def fill(network: nn.Module) -> nn.Module:
    """Means and biases 0, variances and other vectors 1, the rest normal and seeded by its own name."""
    state = network.state_dict()
    for name, value in state.items():
        if not value.is_floating_point():
            continue
        if name.endswith(("running_mean", "bias")):
            value.zero_()
        elif name.endswith("running_var") or value.ndim == 1:
            value.fill_(1)
        else:
            draw = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(value.shape))
            value.copy_(torch.from_numpy((draw * np.sqrt(2 / np.prod(value.shape[1:]))).astype(np.float32)))
    return network


def content_hash(network: nn.Module) -> str:
    """sha256 over names and bytes of the float tensors, by name."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if value.is_floating_point():
            digest.update(name.encode())
            digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
