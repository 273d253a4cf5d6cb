"""Two systems on the same clips: does one win, by how much, and how sure is that.

G group, a difference for each; positive is for the first system. T test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluation.statistics.intervals import EXACT_UP_TO, cluster_interval, number, ratio

SAME = 1e-12  # relative difference that is rounding


def smallest_p(groups: int) -> float:
    """The smallest p that a sign-flip test of so many groups can give."""
    return 2.0 ** (1 - groups) if groups <= EXACT_UP_TO else 0.0


def holm(p_T: Sequence[float]) -> list[float]:
    """Adjusted p of each test, so that the chance of any false alarm among them stays at its level.

    Step-down Bonferroni (Holm 1979); never smaller than p itself, never above 1.

    Raises:
        ValueError: for a p outside [0, 1].
    """
    if any(not 0 <= p <= 1 for p in p_T):
        raise ValueError(f"p values lie between 0 and 1, got {next(p for p in p_T if not 0 <= p <= 1)}")
    adjusted, largest = [0.0] * len(p_T), 0.0
    for rank, index in enumerate(np.argsort(p_T, kind="stable")):
        largest = max(largest, min(1.0, (len(p_T) - rank) * p_T[index]))
        adjusted[index] = largest
    return adjusted


def standardised(sums: Tensor) -> Tensor:
    """Cohen's d_z (...) from sums (..., 3) of count, difference and its square: mean over deviation (n - 1).

    Cohen 1988, section 2.3.5. NaN for fewer than two differences or where all are the same; 0 where all are
    0, so that replicates without any difference count.
    """
    n, total, square = sums.unbind(-1)
    variance = (square - total**2 / n) / torch.where(n > 1, n - 1, torch.nan)
    rounding = SAME * square / n
    d_z = total / n / torch.where(variance > rounding, variance, torch.nan).sqrt()
    return torch.where((square == 0) & (n > 1), torch.zeros_like(d_z), d_z)


@dataclass(frozen=True)
class Effect:
    """How large a paired difference is.

    Args:
        mean: of the differences.
        d_z: mean over standard deviation of the differences; None where all are alike but not 0.
        d_z_interval: BCa over groups; None where there is none.
        win_rate: share of groups the first system wins, ties half.
        win_interval: BCa over groups.
        groups: how many.
    """

    mean: float
    d_z: float | None
    d_z_interval: tuple[float, float] | None
    win_rate: float
    win_interval: tuple[float, float] | None
    groups: int


def effect(difference_G: NDArray, resamples: int = 2000, seed: int = 0, level: float = 0.95) -> Effect:
    """Size of paired differences of groups, one each, with intervals that draw groups.

    Raises:
        ValueError: without any difference, or if one is not finite.
    """
    difference = torch.as_tensor(np.asarray(difference_G, dtype=np.float64))
    if not len(difference) or not torch.isfinite(difference).all():
        raise ValueError("an effect size needs at least one difference, and finite ones")
    scale = difference.abs().max().clamp(min=1e-300)  # keeps the squares away from rounding; d_z has no unit
    x = difference / scale
    names = [f"{i:06}" for i in range(len(x))]
    moments_G3 = torch.stack([torch.ones_like(x), x, x * x], dim=1)
    wins_G2 = torch.stack([(torch.sign(x) + 1) / 2, torch.ones_like(x)], dim=1)
    return Effect(
        mean=difference.mean().item(),
        d_z=number(standardised(moments_G3.sum(0))),
        d_z_interval=cluster_interval(moments_G3, names, standardised, resamples, seed, level),
        win_rate=wins_G2[:, 0].mean().item(),
        win_interval=cluster_interval(wins_G2, names, ratio, resamples, seed, level),
        groups=len(x),
    )
