"""Intervals and paired tests that respect who is in the clips: whole groups are drawn, or left out.

N row, K entry of a row's sums, G group, B replicate.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROUNDING = 1e-12  # relative; replicates this near each other are the same
EXACT_UP_TO = 16  # groups whose every sign pattern is tried; beyond, patterns are drawn
Finish = Callable[[Tensor], Tensor]  # sums (..., K) to values (...)


def ratio(sums: Tensor) -> Tensor:
    """First sum over the second (...), such as a total over its count; NaN where there is none."""
    return sums[..., 0] / torch.where(sums[..., 1] > 0, sums[..., 1], torch.nan)


def number(value: Tensor | float) -> float | None:
    """A float, or None for what is not finite."""
    as_float = float(value)
    return as_float if math.isfinite(as_float) else None


def group_sums(sums_NK: Tensor, groups: Sequence[str]) -> Tensor:
    """Rows of one group added up, (G, K), groups in sorted order.

    Raises:
        ValueError: if there are not as many names as rows.
    """
    if len(groups) != len(sums_NK):
        raise ValueError(f"{len(groups)} group names for {len(sums_NK)} rows")
    place = {name: i for i, name in enumerate(sorted(set(groups)))}
    index_N = torch.tensor([place[name] for name in groups], dtype=torch.long)
    return sums_NK.new_zeros(len(place), sums_NK.shape[1]).index_add_(0, index_N, sums_NK)


def seen_groups(sums_NK: Tensor, groups: Sequence[str]) -> int:
    """How many groups have anything in their rows: one that has not adds nothing, also not to a spread."""
    return len(
        {name for name, has_any in zip(groups, (sums_NK != 0).any(1).tolist(), strict=True) if has_any}
    )


def bootstrap(
    sums_NK: Tensor,
    groups: Sequence[str],
    finish: Finish,
    resamples: int = 2000,
    seed: int = 0,
) -> NDArray:
    """Values (B,) of replicates that draw whole groups with replacement.

    See Davison & Hinkley 1997, section 3.8.

    Args:
        sums_NK: a row of sums per clip.
        groups: the identity of each row.
        finish: sums (B, K) to values (B,).
        resamples: number of replicates.
        seed: of the draws; the same for every metric, so that replicates are comparable.
    """
    total_GK = group_sums(sums_NK, groups)
    count = len(total_GK)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return finish(torch.from_numpy(drawn).double() @ total_GK.double()).numpy()


def percentile_interval(values_B: NDArray, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of the replicates that are numbers; None where fewer than half are."""
    known = values_B[np.isfinite(values_B)]
    if len(known) < max(2, len(values_B) / 2):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def jackknife_values(sums_NK: Tensor, groups: Sequence[str], finish: Finish) -> NDArray:
    """Values (G,) with one group left out at a time, groups in sorted order."""
    total_GK = group_sums(sums_NK, groups).double()
    return finish(total_GK.sum(0) - total_GK).numpy()


def jackknife_error(sums_NK: Tensor, groups: Sequence[str], finish: Finish) -> float:
    """Standard error from leaving out one group at a time (Efron & Tibshirani 1993, eq. 11.5)."""
    values_G = jackknife_values(sums_NK, groups, finish)
    return float(np.sqrt((len(values_G) - 1) * values_G.var()))


def bca_levels(values_B: NDArray, value: float, left_out_G: NDArray, level: float = 0.95) -> NDArray:
    """The two levels (2,) of the replicates' distribution that BCa reads.

    Efron 1987; Efron & Tibshirani 1993, eq. 14.10 and 14.15.

    Args:
        values_B: replicates that are numbers.
        value: of the sample itself; the share of replicates under it gives the bias.
        left_out_G: values without one group each; their skewness gives the acceleration.
        level: of the interval.

    Returns:
        NaN where all replicates lie on one side of the value, so that the bias has no number.
    """
    share = ((values_B < value).mean() + (values_B <= value).mean()) / 2  # half of the ties lie below
    pull_G = left_out_G.mean() - left_out_G
    spread = np.square(pull_G).sum()
    acceleration = (pull_G**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    bias = torch.special.ndtri(torch.tensor(share, dtype=torch.float64))
    if not torch.isfinite(bias):
        return np.full(2, np.nan)
    shifted = bias + torch.special.ndtri(ends)
    return torch.special.ndtr(bias + shifted / (1 - acceleration * shifted)).numpy()


def bca_interval(
    values_B: NDArray, value: float, left_out_G: NDArray, level: float = 0.95
) -> tuple[float, float] | None:
    """Bias-corrected and accelerated interval (Efron 1987), second-order correct where percentile is first.

    Percentiles where there is no value without some group, or the value lies outside all replicates; None
    where fewer than half of the replicates are numbers.
    """
    known = values_B[np.isfinite(values_B)]
    plain = percentile_interval(values_B, level)
    if plain is None or not np.isfinite(left_out_G).all() or np.ptp(known) <= ROUNDING * abs(value):
        return plain
    levels = bca_levels(known, value, left_out_G, level)
    if not np.isfinite(levels).all():
        return plain
    low, high = np.quantile(known, levels)
    return float(low), float(high)


def cluster_interval(
    sums_NK: Tensor,
    groups: Sequence[str],
    finish: Finish,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """BCa interval of `finish` over all rows, whole groups drawn and left out.

    None where fewer than two groups have anything in their rows.
    """
    if seen_groups(sums_NK, groups) < 2:
        return None
    values_B = bootstrap(sums_NK, groups, finish, resamples, seed)
    left_out_G = jackknife_values(sums_NK, groups, finish)
    return bca_interval(values_B, float(finish(sums_NK.double().sum(0))), left_out_G, level)


def normal_quantile(level: float) -> float:
    """How many standard errors a two-sided normal interval of `level` reaches."""
    return float(torch.special.ndtri(torch.tensor((1 + level) / 2, dtype=torch.float64)))


def sign_flip_test(difference_G: NDArray, draws: int = 10_000, seed: int = 0) -> float:
    """Two-sided p of paired differences of groups under sign symmetry (Fisher's randomisation test).

    Exact up to sixteen groups; beyond, from `draws` random patterns with the observed one counted in.

    Raises:
        ValueError: without any difference.
    """
    difference_G = np.asarray(difference_G, dtype=np.float64)
    count = len(difference_G)
    if not count:
        raise ValueError("a paired test needs at least one difference")
    if count <= EXACT_UP_TO:
        patterns = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        patterns = np.random.default_rng(seed).integers(0, 2, (draws, count))
    observed = abs(difference_G.mean())
    means = np.abs((1 - 2 * patterns) @ difference_G) / count
    extreme = int((means >= observed * (1 - 1e-12)).sum())
    return extreme / len(means) if count <= EXACT_UP_TO else (extreme + 1) / (len(means) + 1)
