"""Kernel distance between two sets of features, free of bias whatever their size.

N, M sample, D width, G group of samples, R, C sample of a tile.

Bińkowski et al. 2018: the squared maximum mean discrepancy under a cubic kernel. Unlike that of a Fréchet
distance, its expectation does not depend on the number of samples: it belongs beside one on small sets.
"""

import math
from collections.abc import Sequence
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


def kid_left_out(x_parts: Sequence[Tensor], y_parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """`kid` of all groups together, and (G,) without one group at a time, from a single pass over the kernel.

    What a group adds to a sum over pairs are its row, its column and, counted twice, its own block in a table
    of sums between groups. Tiles of a thousand samples a side bound the memory; the table is (G, G).

    Args:
        x_parts: samples (N, D) of each group of one set.
        y_parts: of the other, of the same groups in the same order.

    Raises:
        ValueError: as `kid`, and for unequal numbers of groups or fewer than two samples without some group.
    """
    if len(x_parts) != len(y_parts):
        raise ValueError(f"expected as many groups of both sets, got {len(x_parts)} and {len(y_parts)}")
    x, y = _checked(torch.cat(list(x_parts)), torch.cat(list(y_parts)), least=2)
    n_G, m_G = (x.new_tensor([len(part) for part in parts]) for parts in (x_parts, y_parts))
    if min((len(x) - n_G).min(), (len(y) - m_G).min()) < 2:
        raise ValueError("expected at least 2 samples on each side without any one group")
    within = [_pairs_left_out(*pair) for pair in ((x, n_G), (y, m_G))]
    cross_GG = kernel_table(x, y, n_G, m_G)
    across_G = cross_GG.sum() - cross_GG.sum(1) - cross_GG.sum(0) + cross_GG.diagonal()
    whole = within[0][0] + within[1][0] - 2 * cross_GG.sum() / (len(x) * len(y))
    return whole, within[0][1] + within[1][1] - 2 * across_G / ((len(x) - n_G) * (len(y) - m_G))


def _pairs_left_out(x_ND: Tensor, n_G: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the kernel over pairs of two different samples: of all, and (G,) without each group."""
    table_GG = kernel_table(x_ND, x_ND, n_G, n_G)
    itself_N = (x_ND.square().sum(1) / x_ND.shape[1] + 1).pow(3)
    itself_G = itself_N.new_zeros(len(n_G)).index_add_(0, _group_of(n_G), itself_N)
    rest_G = table_GG.sum() - 2 * table_GG.sum(1) + table_GG.diagonal() - (itself_N.sum() - itself_G)
    n, left_G = len(x_ND), len(x_ND) - n_G
    return (table_GG.sum() - itself_N.sum()) / (n * (n - 1)), rest_G / (left_G * (left_G - 1))


def kernel_table(x_ND: Tensor, y_MD: Tensor, n_G: Tensor, m_G: Tensor) -> Tensor:
    """Sums of (x . y / D + 1)^3 over the pairs of each two groups, (G, G), tile by tile.

    Args:
        x_ND: samples, group after group; given twice as one tensor, each pair is computed once.
        y_MD: likewise.
        n_G: samples of each group of x.
        m_G: of y.
    """
    width, same, count = x_ND.shape[1], x_ND is y_MD, len(n_G)
    table_GG = x_ND.new_zeros(count, count)
    columns = list(zip(y_MD.split(ROWS), _group_of(m_G).split(ROWS), strict=True))
    for i, (x_RD, group_R) in enumerate(zip(x_ND.split(ROWS), _group_of(n_G).split(ROWS), strict=True)):
        for j, (y_CD, group_C) in enumerate(columns[i:] if same else columns):
            tile_RC = torch.addmm(x_ND.new_ones(()), x_RD, y_CD.mT, alpha=1 / width).pow_(3)
            by_row_GC = tile_RC.new_zeros(count, len(y_CD)).index_add_(0, group_R, tile_RC)
            sums_GG = torch.zeros_like(table_GG).index_add_(1, group_C, by_row_GC)
            table_GG += sums_GG + sums_GG.mT if same and j else sums_GG
    return table_GG


def _group_of(n_G: Tensor) -> Tensor:
    """The group of each sample (N,), samples lying group after group."""
    return torch.repeat_interleave(torch.arange(len(n_G), device=n_G.device), n_G.long())


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
