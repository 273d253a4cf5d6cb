"""Kernel distance between two sets of features, free of bias whatever their size. N, M sample, D width.

Bińkowski et al. 2018: the squared maximum mean discrepancy under a cubic kernel. Unlike that of a Fréchet
distance, its expectation does not depend on the number of samples: it belongs beside one on small sets.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

ROWS = 1024  # of a kernel matrix held at once


class Kid(NamedTuple):
    """Over subsets: their mean, their standard deviation, and what it says of the error of the mean.

    `deviation` is the spread of single subsets, which peers print behind the plus-minus sign.
    `standard_error` is an estimate of how far the value of the whole set may lie from that of the population.
    """

    mean: float
    deviation: float
    standard_error: float


def kernel_total(x_ND: Tensor, y_MD: Tensor) -> Tensor:
    """Sum of (x . y / D + 1)^3 over all pairs, a thousand rows at a time."""
    width = x_ND.shape[1]
    return torch.stack([(part @ y_MD.mT / width + 1).pow(3).sum() for part in x_ND.split(ROWS)]).sum()


def kid(x_ND: Tensor, y_MD: Tensor) -> Tensor:
    """Unbiased squared discrepancy from all pairs (Gretton et al. 2012, eq. 3); may be negative. Float64.

    Args:
        x_ND: at least two samples; arrays and tensors of any float type.
        y_MD: as many dimensions.

    Raises:
        ValueError: for other shapes, too few samples or values that are not finite.
    """
    x, y = _checked(x_ND, y_MD, least=2)
    return _within(x) + _within(y) - 2 * kernel_total(x, y) / (len(x) * len(y))


def _within(x_ND: Tensor) -> Tensor:
    """Mean of the kernel over pairs of two different samples."""
    n, width = x_ND.shape
    itself = (x_ND.square().sum(1) / width + 1).pow(3).sum()
    return (kernel_total(x_ND, x_ND) - itself) / (n * (n - 1))


def kid_subsets(x_ND: Tensor, y_MD: Tensor, size: int = 1000, subsets: int = 100, seed: int = 2020) -> Kid:
    """The mean of `kid` over subsets, drawn without replacement in the order that torch-fidelity 0.4 draws.

    The standard error is the deviation scaled to the size of the smaller set, corrected for drawing from a
    finite one (Politis & Romano 1994); too large for sets that hardly differ, NaN for subsets above half.

    Args:
        x_ND: as of `kid`.
        y_MD: as of `kid`.
        size: samples of each set in a subset.
        subsets: how many, at least 2.
        seed: of NumPy's legacy generator, which torch-fidelity uses too.

    Raises:
        ValueError: as `kid`, and for fewer samples than `size`.
    """
    if size < 2 or subsets < 2:
        raise ValueError(f"expected at least 2 subsets of at least 2 samples, got {subsets} of {size}")
    x, y = _checked(x_ND, y_MD, least=size)
    rng = np.random.RandomState(seed)
    values = np.empty(subsets)
    for i in range(subsets):
        chosen = (z[torch.from_numpy(rng.choice(len(z), size, replace=False)).to(z.device)] for z in (x, y))
        values[i] = kid(*chosen).item()
    fewest, deviation = min(len(x), len(y)), float(values.std())
    error = deviation * math.sqrt(size / (fewest - size)) if 2 * size <= fewest else math.nan
    return Kid(float(values.mean()), deviation, error)


def _checked(x_ND: Tensor, y_MD: Tensor, least: int) -> tuple[Tensor, Tensor]:
    x, y = (torch.as_tensor(z).double() for z in (x_ND, y_MD))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"expected (n, d) and (m, d), got {tuple(x.shape)} and {tuple(y.shape)}")
    if min(len(x), len(y)) < least:
        raise ValueError(f"expected at least {least} samples on each side, got {len(x)} and {len(y)}")
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise ValueError("features hold values that are not finite: find the clip that made them")
    return x, y
