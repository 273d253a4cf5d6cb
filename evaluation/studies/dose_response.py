"""Whether more is measured when more is asked for, how evenly, and up to where.

N row, G person, L dose, B replicate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evaluation.statistics.intervals import bootstrap, cluster_interval, number, percentile_interval, ratio

Interval = tuple[float, float]
FLAT = 1e-9  # share of the response's size under which it counts as not moving at all


@dataclass(frozen=True)
class DoseResponse:
    """What became of asked intensities.

    Args:
        doses: that were asked for, ascending.
        response: mean over people at each dose.
        slope: of the measured over the asked within a person; 1 is faithful where both share a unit, None
            where nobody has two doses.
        slope_interval: BCa by person, as the next.
        spearman: mean over people of their own rank correlation; None as above.
        spearman_interval: of it.
        saturation_point: dose from which the response stays level, for the people who have every dose, so
            that who is there cannot bend the curve; None where it never does.
        saturation_ratio: that dose as a share of the asked range; 1 never saturates, None without response,
            for fewer than three doses or where nobody has all of them.
        ratio_interval: percentiles by person.
        people: how many.
    """

    doses: tuple[float, ...]
    response: tuple[float, ...]
    slope: float | None
    slope_interval: Interval | None
    spearman: float | None
    spearman_interval: Interval | None
    saturation_point: float | None
    saturation_ratio: float | None
    ratio_interval: Interval | None
    people: int


def ranks(x_N: Tensor) -> Tensor:
    """Ranks (N,) from 1, equal values sharing their mean rank."""
    below_N = (x_N[None] < x_N[:, None]).sum(1)
    equal_N = (x_N[None] == x_N[:, None]).sum(1)
    return below_N + (equal_N.double() + 1) / 2


def spearman(x_N: Tensor, y_N: Tensor) -> Tensor:
    """Spearman's rank correlation () (1904); 0 where only y never changes, NaN where x never does."""
    x, y = (ranks(z) - ranks(z).mean() for z in (x_N, y_N))
    if not x.any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    return (x * y).sum() / (x.square().sum() * y.square().sum()).sqrt() if y.any() else x.new_zeros(())


def hinge(dose_L: Tensor, response_BL: Tensor) -> Tensor:
    """The knee (B,) of the best line that turns level: a + b min(dose, knee), by least squares.

    Between two doses the best knee lies where the line through the doses before it meets the mean of those
    after it; else it lies on a dose. The largest dose means no knee; NaN for a response that never moves.
    """
    x, y = dose_L.double(), response_BL.double()
    knees = [x[k].expand(len(y)) for k in range(1, len(x))]
    losses = [_residual(torch.minimum(x, x[k]), y) for k in range(1, len(x))]
    for k in range(2, len(x)):
        slope, start = _line(x[:k], y[:, :k])
        level = y[:, k:].mean(1)
        knee = (level - start) / slope
        loss = _residual(x[:k], y[:, :k]) + (y[:, k:] - level[:, None]).square().sum(1)
        inside = (knee > x[k - 1]) & (knee < x[k])
        knees.append(knee)
        losses.append(torch.where(inside, loss, torch.inf))
    loss_KB, knee_KB = torch.stack(losses), torch.stack(knees)
    # among equals the latest knee: a straight line has none
    size = y.square().sum(1).clamp(min=1e-300)
    equal_KB = loss_KB <= loss_KB.min(0).values + FLAT**2 * size
    knee = torch.where(equal_KB, knee_KB, -torch.inf).max(0).values
    moves = (y.max(1).values - y.min(1).values) > FLAT * size.sqrt()
    return torch.where(moves, knee, torch.nan)


def _line(x_L: Tensor, y_BL: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and intercept (B,) by least squares."""
    x = x_L - x_L.mean()
    slope = (y_BL * x).sum(1) / x.square().sum()
    return slope, y_BL.mean(1) - slope * x_L.mean()


def _residual(x_L: Tensor, y_BL: Tensor) -> Tensor:
    slope, start = _line(x_L, y_BL)
    return (y_BL - start[:, None] - slope[:, None] * x_L).square().sum(1)


def within_person(asked_N: Tensor, measured_N: Tensor, people: Sequence[str]) -> Tensor:
    """For each person, in sorted order, (G, 4): products and squares about their own means, rank r, count.

    A person with a single dose says nothing: zeros.
    """
    rows = []
    for person in sorted(set(people)):
        mine = torch.tensor([name == person for name in people])
        x, y = asked_N[mine].double(), measured_N[mine].double()
        rho = spearman(x, y)
        x = x - x.mean()
        known = torch.isfinite(rho).double()
        rows.append(torch.stack([(x * y).sum(), x.square().sum(), torch.nan_to_num(rho), known]))
    return torch.stack(rows)


def curve_sums(asked_N: Tensor, measured_N: Tensor, people: Sequence[str], dose_L: Tensor) -> Tensor:
    """For each person, in sorted order, (G, 2 L): mean at each dose (0 where there is none), then whether."""
    names = sorted(set(people))
    hit_GLN = torch.stack(
        [torch.tensor([name == person for name in people]) & (asked_N == dose_L[:, None]) for person in names]
    ).double()
    count_GL = hit_GLN.sum(-1)
    total_GL = hit_GLN @ measured_N.double()
    return torch.cat([total_GL / count_GL.clamp(min=1), (count_GL > 0).double()], 1)


def mean_curve(sums: Tensor) -> Tensor:
    """Mean over people at each dose (..., L) from `curve_sums`; NaN where nobody had it."""
    total, count = sums.unflatten(-1, (2, -1)).unbind(-2)
    return total / torch.where(count > 0, count, torch.nan)


def dose_response(
    asked_N: Tensor, measured_N: Tensor, people: Sequence[str], resamples: int = 2000, seed: int = 0
) -> DoseResponse:
    """How the measured follows the asked, with intervals that draw people.

    Args:
        asked_N: doses, such as an emotion's intensity, a unit's or a gate's.
        measured_N: what was seen of each, in any unit.
        people: who is in each row.
        resamples: number of replicates.
        seed: of the draws.

    Raises:
        ValueError: for lengths that differ, values that are not finite, or fewer than two doses.
    """
    if not len(asked_N) == len(measured_N) == len(people):
        raise ValueError(f"{len(asked_N)} doses, {len(measured_N)} responses, {len(people)} people")
    if not torch.isfinite(asked_N).all() or not torch.isfinite(measured_N).all():
        raise ValueError("doses and responses must be finite: leave out what could not be measured")
    asked_N, measured_N = asked_N.double(), measured_N.double()
    dose_L = asked_N.unique()
    if len(dose_L) < 2:
        raise ValueError(f"a dose-response needs two doses or more, got {dose_L.tolist()}")
    names = sorted(set(people))
    own_G4 = within_person(asked_N, measured_N, people)
    curve_GK = curve_sums(asked_N, measured_N, people, dose_L)
    first, last = float(dose_L[0]), float(dose_L[-1])
    slopes, rhos = own_G4[:, :2], own_G4[:, 2:]
    draws = resamples, seed
    share, share_interval = _saturation(dose_L, curve_GK, *draws)
    return DoseResponse(
        doses=tuple(dose_L.tolist()),
        response=tuple(mean_curve(curve_GK.sum(0)).tolist()),
        slope=number(ratio(slopes.sum(0))),
        slope_interval=cluster_interval(slopes, names, ratio, *draws),
        spearman=number(ratio(rhos.sum(0))),
        spearman_interval=cluster_interval(rhos, names, ratio, *draws),
        saturation_point=first + share * (last - first) if share is not None and share < 1 else None,
        saturation_ratio=share,
        ratio_interval=share_interval,
        people=len(names),
    )


def _saturation(
    dose_L: Tensor, curve_GK: Tensor, resamples: int, seed: int
) -> tuple[float | None, Interval | None]:
    """Where the response becomes level, as a share of the asked range, and its interval."""
    whole_GK = curve_GK[(curve_GK[:, len(dose_L) :] > 0).all(1)]
    if len(dose_L) < 3 or not len(whole_GK):
        return None, None

    def share(sums_BK: Tensor) -> Tensor:
        return (hinge(dose_L, mean_curve(sums_BK)) - dose_L[0]) / (dose_L[-1] - dose_L[0])

    where_level = number(share(whole_GK.sum(0, keepdim=True)))
    if where_level is None or len(whole_GK) < 2:
        return where_level, None
    names = [f"{i:06}" for i in range(len(whole_GK))]
    return where_level, percentile_interval(bootstrap(whole_GK, names, share, resamples, seed))
