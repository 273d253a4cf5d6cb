"""Moments of any number of features in bounded memory, for Fréchet distances. N sample, D width, R row.

The scatter is kept as a factor: rows whose products with themselves add up to it. So merging two sets (Chan,
Golub & LeVeque 1983, eq. 2.1) lays their rows below each other with one more for the means apart; a clip
stays as many rows as it has frames, where a triangle would be 17 MB at 2048; nothing is lost to squaring.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor

from evaluation.metrics.sets.frechet import distance_of_factors

ROWS = 2  # a dimension, of a factor and of what is added to one at a time


@dataclass(frozen=True)
class Moments:
    """Of a set of features; float64.

    Args:
        count: samples.
        mean: theirs, (D,); zero where there are none.
        factor: (R, D), F with F'F = sum over samples of (x - mean)(x - mean)'; at most 2 D rows.
    """

    count: int
    mean: Tensor
    factor: Tensor


def moments_of(x_ND: Tensor) -> Moments:
    """Moments of N samples, none allowed.

    Raises:
        ValueError: for another number of axes, or values that are not finite.
    """
    x = torch.as_tensor(x_ND).double()
    if x.ndim != 2 or not torch.isfinite(x).all():
        raise ValueError(f"expected finite features (N, D), got {tuple(x.shape)}: find their clip")
    if len(x) < 2:
        return Moments(len(x), x.sum(0), x[:0])
    mean_D = x.mean(0)
    return Moments(len(x), mean_D, _short(x - mean_D, ROWS))


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of both sets together.

    Raises:
        ValueError: if they differ in width.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"cannot merge features of widths {len(a.mean)} and {len(b.mean)}")
    if not a.count or not b.count:
        return a if a.count else b
    count, apart_D = a.count + b.count, b.mean - a.mean
    between_1D = math.sqrt(a.count * b.count / count) * apart_D[None]
    factor_RD = _short(torch.cat([a.factor, b.factor, between_1D]), ROWS)
    return Moments(count, a.mean + apart_D * (b.count / count), factor_RD)


def in_chunks(parts: Sequence[Tensor], rows: int) -> Iterator[Tensor]:
    """The samples of all parts, one part below the other, `rows` at a time and the rest."""
    held: list[Tensor] = []
    for part in parts:
        while len(part):
            room = rows - sum(map(len, held))
            held.append(part[:room])
            part = part[room:]
            if len(held[-1]) == room:
                yield torch.cat(held)
                held = []
    if held:
        yield torch.cat(held)


def moments_of_parts(parts: Sequence[Tensor]) -> Moments:
    """Moments of a set that lies in parts (N, D), their factor in at most D rows.

    Twice as many samples are taken at a time as there are dimensions.

    Raises:
        ValueError: as `moments_of`.
    """
    total = moments_of(parts[0][:0])
    for chunk_ND in in_chunks(parts, ROWS * parts[0].shape[1]):
        total = merge(total, moments_of(chunk_ND))
    return replace(total, factor=_short(total.factor, 1))


def _short(factor_RD: Tensor, most: int) -> Tensor:
    """The same scatter in at most `most` D rows; where that is above 1 it is seldom shortened, so cheap."""
    rows, width = factor_RD.shape
    return factor_RD if rows <= most * width else torch.linalg.qr(factor_RD, mode="r")[1]


def over_processes(own: Moments, group: dist.ProcessGroup | None = None) -> Moments:
    """Moments of the samples of all processes; each must call it, also one that saw nothing.

    Two sums over processes: counts and means, then either all rows, each process in its own place, or the
    triangle of the scatter where that is smaller.

    Args:
        own: of this process; on the device that the group communicates from.
        group: of processes; None for all.
    """
    if not dist.is_initialized() or dist.get_world_size(group) == 1:
        return own
    rank, width = dist.get_rank(group), len(own.mean)
    rows_RD = torch.cat([own.factor, own.mean[None]]) if own.count else own.factor
    head = own.mean.new_zeros(1 + width + dist.get_world_size(group))
    head[0], head[1 + width + rank] = own.count, len(rows_RD)
    head[1 : 1 + width] = own.count * own.mean
    dist.all_reduce(head, group=group)
    count = round(head[0].item())
    mean_D = head[1 : 1 + width] / max(count, 1)
    if own.count:
        rows_RD[-1] = math.sqrt(own.count) * (own.mean - mean_D)
    places = head[1 + width :].round().long().tolist()
    return Moments(count, mean_D, _sum_rows(rows_RD, places, rank, group))


def _sum_rows(rows_RD: Tensor, places: list[int], rank: int, group: dist.ProcessGroup | None) -> Tensor:
    """A factor of the sum of all processes' scatters; `places` are their numbers of rows."""
    width = rows_RD.shape[1]
    if sum(places) <= 2 * width:
        all_RD = rows_RD.new_zeros(sum(places), width)
        first = sum(places[:rank])
        all_RD[first : first + places[rank]] = rows_RD
        dist.all_reduce(all_RD, group=group)
        return all_RD
    scatter_DD = rows_RD.mT @ rows_RD
    above = torch.triu_indices(width, width, device=rows_RD.device)
    triangle = scatter_DD[above[0], above[1]]
    dist.all_reduce(triangle, group=group)
    scatter_DD[above[0], above[1]] = triangle
    scatter_DD[above[1], above[0]] = triangle
    values, vectors = torch.linalg.eigh(scatter_DD)
    return values.clamp(min=0).sqrt()[:, None] * vectors.mT


def frechet_of_moments(x: Moments, y: Moments, ddof: int = 1) -> Tensor:
    """The Fréchet distance of two sets, as `frechet_distance` computes it from their samples.

    Raises:
        ValueError: if one has not more than `ddof` samples.
    """
    if min(x.count, y.count) <= ddof:
        raise ValueError(f"expected more than {ddof} samples on each side, got {x.count} and {y.count}")
    factors = []
    for part in (x, y):
        factor_RD = part.factor
        if len(factor_RD) > factor_RD.shape[1]:
            factor_RD = torch.linalg.qr(factor_RD, mode="r")[1]
        factors.append(factor_RD / math.sqrt(part.count - ddof))
    return distance_of_factors(x.mean - y.mean, *factors)
