"""Agreement of two signals from five moments. M the packed moments (n, x, y, xx, yy, xy)."""

import torch
from torch import Tensor

TINY = 1e-10  # variance below which a signal counts as constant


def moment_sums(x: Tensor, y: Tensor) -> Tensor:
    """Sums (..., 6) over the first axis of two equal tensors (F, ...): n, x, y, x^2, y^2, xy; float64.

    Frames where either is no number are left out.
    """
    finite = torch.isfinite(x) & torch.isfinite(y)
    x, y = (torch.where(finite, z.double(), 0.0) for z in (x, y))
    n = finite.double().sum(0)
    return torch.stack([n, x.sum(0), y.sum(0), (x * x).sum(0), (y * y).sum(0), (x * y).sum(0)], dim=-1)


def central_moments(sums_M: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Means of x and y, their variances (divided by n) and covariance, each (...), from sums (..., 6)."""
    n, x, y, xx, yy, xy = sums_M.unbind(-1)
    n = torch.where(n > 0, n, torch.nan)
    mean_x, mean_y = x / n, y / n
    return mean_x, mean_y, xx / n - mean_x**2, yy / n - mean_y**2, xy / n - mean_x * mean_y


def pearson(sums_M: Tensor) -> Tensor:
    """Pearson's r (...); 0 where only x is constant, NaN where y (the truth) is.

    There is nothing to follow.
    """
    _, _, var_x, var_y, covariance = central_moments(sums_M)
    r = covariance / (var_x * var_y).clamp(min=TINY**2).sqrt()
    r = torch.where(var_x > TINY, r, torch.zeros_like(r))
    return torch.where(var_y > TINY, r.clamp(-1, 1), torch.nan)


def concordance(sums_M: Tensor) -> Tensor:
    """Concordance correlation coefficient (...) (Lin 1989, eq. 1, divisor n); NaN for a constant truth."""
    mean_x, mean_y, var_x, var_y, covariance = central_moments(sums_M)
    ccc = 2 * covariance / (var_x + var_y + (mean_x - mean_y) ** 2).clamp(min=TINY)
    return torch.where(var_y > TINY, ccc, torch.nan)


def consistency(sums_M: Tensor) -> Tensor:
    """ICC(3,1) of two judges (...) (Shrout & Fleiss 1979); NaN for a constant truth.

    With two judges their mean squares reduce to twice the covariance over the sum of the variances.
    """
    _, _, var_x, var_y, covariance = central_moments(sums_M)
    icc = 2 * covariance / (var_x + var_y).clamp(min=TINY)
    return torch.where(var_y > TINY, icc, torch.nan)


def root_mean_square(sums_M: Tensor) -> Tensor:
    """Root of the mean squared difference (...); NaN where nothing was seen."""
    n, _, _, xx, yy, xy = sums_M.unbind(-1)
    return ((xx - 2 * xy + yy).clamp(min=0) / torch.where(n > 0, n, torch.nan)).sqrt()
