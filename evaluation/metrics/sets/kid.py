"""Kernel distance between two sets of features, free of bias whatever their size.

N, M sample, D width, G group of samples, R, C sample of a tile.

Bińkowski et al. 2018: the squared maximum mean discrepancy under a cubic kernel. Unlike that of a Fréchet
distance, its expectation does not depend on the number of samples: it belongs beside one on small sets.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from evaluation.metrics.sets.moments import in_chunks

ROWS = 1024  # and columns of a kernel matrix held at once


class Kid(NamedTuple):
    """Over subsets: their mean, their standard deviation, and what it says of the error of the mean.

    `deviation` is the spread of single subsets, which peers print behind the plus-minus sign.
    `standard_error` is an estimate of how far the value of the whole set may lie from that of the population.
    """

    mean: float
    deviation: float
    standard_error: float


def kid(x_ND: Tensor, y_MD: Tensor) -> Tensor:
    """Unbiased squared discrepancy from all pairs (Gretton et al. 2012, eq. 3); may be negative. Float64.

    Args:
        x_ND: at least two samples; arrays and tensors of any float type.
        y_MD: as many dimensions.

    Raises:
        ValueError: for other shapes, too few samples or values that are not finite.
    """
    return kid_of_parts([x_ND], [y_MD])


def kid_of_parts(x_parts: Sequence[Tensor], y_parts: Sequence[Tensor]) -> Tensor:
    """`kid` of two sets that lie in parts."""
    x, y = _checked(x_parts, y_parts, least=2)
    n, m = (sum(map(len, side)) for side in (x, y))
    within_x, within_y = (
        (kernel_total(side, side) - sum(map(_itself, side))) / (k * (k - 1)) for side, k in ((x, n), (y, m))
    )
    return within_x + within_y - 2 * kernel_total(x, y) / (n * m)


def kid_jackknife(x_parts: Sequence[Tensor], y_parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """`kid` of all groups together, and (G,) without one group at a time, from a single pass over the kernel.

    Args:
        x_parts: samples (N, D) of each group of one set.
        y_parts: of the other, of the same groups in the same order.

    Raises:
        ValueError: as `kid`, and for unequal numbers of groups or fewer than two samples without some group.
    """
    if len(x_parts) != len(y_parts):
        raise ValueError(f"expected as many groups of both sets, got {len(x_parts)} and {len(y_parts)}")
    x, y = _checked(x_parts, y_parts, least=2)
    n_G, m_G = _sizes(x), _sizes(y)
    n, m = n_G.sum(), m_G.sum()
    if min((n - n_G).min(), (m - m_G).min()) < 2:
        raise ValueError("expected at least 2 samples on each side without any one group")
    (within_x, left_x_G), (within_y, left_y_G) = _within(x), _within(y)
    total, touching_G = kernel_sums(x, y)
    left_G = left_x_G + left_y_G - 2 * (total - touching_G) / ((n - n_G) * (m - m_G))
    return within_x + within_y - 2 * total / (n * m), left_G


def _within(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean of the kernel over pairs of two different samples: of all, and (G,) without each group."""
    total, touching_G = kernel_sums(parts, parts)
    n_G, itself_G = _sizes(parts), torch.stack([_itself(part) for part in parts])
    n, itself, left_G = n_G.sum(), itself_G.sum(), n_G.sum() - n_G
    rest_G = total - touching_G - (itself - itself_G)
    return (total - itself) / (n * (n - 1)), rest_G / (left_G * (left_G - 1))


def _itself(x_ND: Tensor) -> Tensor:
    """Sum of the kernel of each sample with itself."""
    width = x_ND.shape[1]
    sums = [(rows.double().square().sum(1) / width + 1).pow(3).sum() for rows in x_ND.split(ROWS)]
    return sums[0] if len(sums) == 1 else torch.stack(sums).sum()


def kernel_sums(x_parts: Sequence[Tensor], y_parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Sums of the kernel over all pairs, and (G,) over those with a sample of each group; float64.

    Args:
        x_parts: samples (N, D) of each group.
        y_parts: of as many groups.
    """
    row_G, touching_G = torch.zeros(2, len(x_parts), dtype=torch.float64)
    group_N, group_M = _groups(x_parts), _groups(y_parts)
    for tile_RC, times, row, column in _tiles(x_parts, y_parts):
        group_R, group_C = group_N[row : row + len(tile_RC)], group_M[column : column + tile_RC.shape[1]]
        own_RC = tile_RC * (group_R[:, None] == group_C)  # has its group on both sides, and counts once
        sums = tile_RC.sum(1), (tile_RC - own_RC).sum(1), tile_RC.sum(0)
        places = group_R.cpu(), group_R.cpu(), group_C.cpu()  # where a GPU would add in any order
        for total_G, place, sum_X in zip((row_G, touching_G, touching_G), places, sums, strict=True):
            total_G.index_add_(0, place, sum_X.cpu(), alpha=times)
    return row_G.sum().to(group_N.device), touching_G.to(group_N.device)


def kernel_total(x_parts: Sequence[Tensor], y_parts: Sequence[Tensor]) -> Tensor:
    """Sum of the kernel over all pairs, float64."""
    return torch.stack([times * tile_RC.sum() for tile_RC, times, *_ in _tiles(x_parts, y_parts)]).sum()


def _tiles(x_parts: Sequence[Tensor], y_parts: Sequence[Tensor]) -> Iterator[tuple[Tensor, int, int, int]]:
    """Tiles (R, C) of (x . y / D + 1)^3, how often each counts, and the places of its first row and column.

    A thousand samples a side bound the memory, whatever their number. Of a set with itself, given twice as
    one sequence, a tile above the diagonal stands for its mirror image too.
    """
    same, width = x_parts is y_parts, x_parts[0].shape[1]
    for i, rows_RD in enumerate(in_chunks(x_parts, ROWS)):
        x_RD, first = rows_RD.double(), i if same else 0
        for j, columns_CD in enumerate(islice(in_chunks(y_parts, ROWS), first, None), first):
            tile_RC = torch.addmm(x_RD.new_ones(()), x_RD, columns_CD.double().mT, alpha=1 / width).pow_(3)
            yield tile_RC, 2 if same and j > i else 1, i * ROWS, j * ROWS


def _groups(parts: Sequence[Tensor]) -> Tensor:
    """The group of each sample (N,)."""
    counts_G = torch.tensor([len(part) for part in parts], device=parts[0].device)
    return torch.repeat_interleave(torch.arange(len(parts), device=counts_G.device), counts_G)


def _sizes(parts: Sequence[Tensor]) -> Tensor:
    return torch.tensor([len(part) for part in parts], dtype=torch.float64, device=parts[0].device)


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
    (x,), (y,) = _checked([x_ND], [y_MD], least=size)
    rng = np.random.RandomState(seed)
    values = np.empty(subsets)
    for i in range(subsets):
        chosen = (z[torch.from_numpy(rng.choice(len(z), size, replace=False)).to(z.device)] for z in (x, y))
        values[i] = kid(*chosen).item()
    fewest, deviation = min(len(x), len(y)), float(values.std())
    error = deviation * math.sqrt(size / (fewest - size)) if 2 * size <= fewest else math.nan
    return Kid(float(values.mean()), deviation, error)


def _checked(
    x_parts: Sequence[Tensor], y_parts: Sequence[Tensor], least: int
) -> tuple[list[Tensor], list[Tensor]]:
    x, y = ([torch.as_tensor(part) for part in parts] for parts in (x_parts, y_parts))
    one, other = x[0], y[0]
    if any(part.ndim != 2 or part.shape[1:] != one.shape[1:] for part in (*x, *y)):
        raise ValueError(f"expected (n, d) and (m, d), got {tuple(one.shape)} and {tuple(other.shape)}")
    n, m = (sum(map(len, parts)) for parts in (x, y))
    if min(n, m) < least:
        raise ValueError(f"expected at least {least} samples on each side, got {n} and {m}")
    if not all(torch.isfinite(rows).all() for part in (*x, *y) for rows in part.split(ROWS)):
        raise ValueError("features hold values that are not finite: find the clip that made them")
    return x, y
