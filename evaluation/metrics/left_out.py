"""Fréchet distances without one group of samples at a time, each from what all of them share.

N, M samples, D width, R rank, G group of samples, K samples of one group.

Centred samples are Q T, with orthonormal columns in Q (N, R), where R is the lesser of N and D. Those of the
rest, centred again, are H Q' T: Q' are the rows of Q that are left, H takes a mean off. So with P'P = Q''H Q'
the cross term of the rest is the sum of singular values of P_x (T_x T_y') P_y'. The matrix in the middle, no
larger than the ranks, is the same for all groups, and nothing of width D is touched again.

Where samples are no more than dimensions Q is the identity: rows and columns are dropped and means taken off.
Where they are more, Q''H Q' is the identity less a term of low rank, whose root has a closed form.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor

NOTHING = 1e-13  # share of a direction's scatter; rounding leaves as much of none at all


@dataclass(frozen=True)
class _Side:
    """One of the two sets, group after group; float64.

    Args:
        basis: Q (N, R); None where it is the identity.
        factor: T (R, D).
        mean: of all samples, (D,).
        group: of each sample, (N,).
        counts: samples of each group, (G,).
        sums: of the centred samples of each group, (G, D).
        squares: sums of squares of the centred samples of each group, (G,).
    """

    basis: Tensor | None
    factor: Tensor
    mean: Tensor
    group: Tensor
    counts: Tensor
    sums: Tensor
    squares: Tensor

    def left(self, group: int) -> int:
        """Samples without a group."""
        return len(self.group) - int(self.counts[group])

    def mean_without(self, group: int) -> Tensor:
        """Mean (D,) of the rest."""
        return self.mean - self.sums[group] / self.left(group)

    def scatter_without(self, group: int) -> Tensor:
        """Sum of squares of the rest about its own mean."""
        about_all = self.squares.sum() - self.squares[group]
        return about_all - self.sums[group].square().sum() / self.left(group)

    def project(self, cross_RX: Tensor, group: int) -> Tensor:
        """P (T_x ...): what is left of its rows."""
        gone_N = self.group == group
        if self.basis is None:
            kept_NX = cross_RX[~gone_N]
            return kept_NX - kept_NX.mean(0)
        gone_KR = self.basis[gone_N]
        shift_R = (self.basis.sum(0) - gone_KR.sum(0)) / math.sqrt(self.left(group))
        return _shrunk(torch.cat([gone_KR, shift_R[None]]), cross_RX)


def _shrunk(lost_KR: Tensor, x_RX: Tensor) -> Tensor:
    """(1 - W'W)^(1/2) X for rows W; with W W' = U L U' the root is 1 - W'U (1 + (1 - L)^(1/2))^-1 U'W."""
    if len(lost_KR) > lost_KR.shape[1]:
        values_R, vectors_RR = torch.linalg.eigh(lost_KR.mT @ lost_KR)
        return (vectors_RR * _root(1 - values_R)) @ (vectors_RR.mT @ x_RX)
    values_K, vectors_KK = torch.linalg.eigh(lost_KR @ lost_KR.mT)
    turned_KR = vectors_KK.mT @ lost_KR
    return x_RX - (turned_KR.mT / (1 + _root(1 - values_K))) @ (turned_KR @ x_RX)


def _root(share_K: Tensor) -> Tensor:
    """Root of the share of a direction that is left; of one that only the lost samples had it is zero."""
    return torch.where(share_K < NOTHING, 0.0, share_K).sqrt()


def _side(parts: Sequence[Tensor]) -> _Side:
    x_ND = torch.cat(list(parts)).double()
    if x_ND.ndim != 2 or not torch.isfinite(x_ND).all():
        raise ValueError(f"expected finite features (N, D), got {tuple(x_ND.shape)}: find their clip")
    counts_G = torch.tensor([len(part) for part in parts])
    group_N = torch.repeat_interleave(torch.arange(len(parts)), counts_G)
    mean_D = x_ND.mean(0)
    x_ND = x_ND - mean_D
    sums_GD = x_ND.new_zeros(len(parts), x_ND.shape[1]).index_add_(0, group_N, x_ND)
    squares_G = x_ND.new_zeros(len(parts)).index_add_(0, group_N, x_ND.square().sum(1))
    basis, factor = (None, x_ND) if len(x_ND) <= x_ND.shape[1] else torch.linalg.qr(x_ND)
    return _Side(basis, factor, mean_D, group_N, counts_G, sums_GD, squares_G)


def frechet_left_out(
    x_parts: Sequence[Tensor], y_parts: Sequence[Tensor], ddof: int = 1
) -> tuple[Tensor, Tensor]:
    """`frechet_distance` of all groups together, and (G,) without one group at a time.

    Args:
        x_parts: samples (N, D) of each group of one set.
        y_parts: of the other, of the same groups in the same order.
        ddof: covariances divide by N - `ddof`.

    Raises:
        ValueError: for fewer than two groups, unequal numbers of them, values that are not finite, or if too
            few samples are left.
    """
    if len(x_parts) != len(y_parts) or len(x_parts) < 2:
        raise ValueError(f"expected two or more groups of both sets, got {len(x_parts)} and {len(y_parts)}")
    x, y = _side(x_parts), _side(y_parts)
    fewest = [min(map(side.left, range(len(x_parts)))) for side in (x, y)]
    if min(fewest) <= ddof:
        raise ValueError(f"expected more than {ddof} samples on each side without a group, got {fewest}")
    cross_RR = x.factor @ y.factor.mT
    n, m = len(x.group) - ddof, len(y.group) - ddof
    roots = torch.linalg.svdvals(cross_RR).sum() / math.sqrt(n * m)
    spread = x.squares.sum() / n + y.squares.sum() / m
    left = [_without(x, y, cross_RR, group, ddof) for group in range(len(x_parts))]
    return (x.mean - y.mean).square().sum() + spread - 2 * roots, torch.stack(left)


def _without(x: _Side, y: _Side, cross_RR: Tensor, group: int, ddof: int) -> Tensor:
    """The distance without a group; the terms are those of `distance_of_factors`."""
    n, m = x.left(group) - ddof, y.left(group) - ddof
    cross = y.project(x.project(cross_RR, group).mT, group)
    roots = torch.linalg.svdvals(cross).sum() / math.sqrt(n * m)
    shift = (x.mean_without(group) - y.mean_without(group)).square().sum()
    return shift + x.scatter_without(group) / n + y.scatter_without(group) / m - 2 * roots


def dealt(count: int, most: int) -> list[list[int]]:
    """Places 0 to count - 1 in at most `most` groups, as equal as can be and always the same.

    The order has nothing to do with names: what those may tell, such as a data set, is not spread evenly,
    which would hide its part of the error.
    """
    order = sorted(range(count), key=lambda place: sha256(str(place).encode()).digest())
    return [sorted(order[first::most]) for first in range(min(count, most))]
