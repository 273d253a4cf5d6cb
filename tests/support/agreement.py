"""Intraclass correlations of any number of judges. N target, K judge."""

from typing import Literal

from torch import Tensor

Form = Literal["1,1", "2,1", "3,1"]


def mean_squares(ratings_NK: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Between targets, within targets, between judges and residual (Shrout & Fleiss 1979); float64.

    Raises:
        ValueError: for fewer than two targets or judges.
    """
    if ratings_NK.ndim != 2 or min(ratings_NK.shape) < 2:
        raise ValueError(f"expected (targets, judges), two of each at least, got {tuple(ratings_NK.shape)}")
    x = ratings_NK.double()
    n, k = x.shape
    target, judge, mean = x.mean(1, keepdim=True), x.mean(0, keepdim=True), x.mean()
    between = k * (target - mean).square().sum() / (n - 1)
    within = (x - target).square().sum() / (n * (k - 1))
    judges = n * (judge - mean).square().sum() / (k - 1)
    residual = (x - target - judge + mean).square().sum() / ((n - 1) * (k - 1))
    return between, within, judges, residual


def icc(ratings_NK: Tensor, form: Form = "3,1") -> Tensor:
    """Intraclass correlation of single ratings () (Shrout & Fleiss 1979).

    Args:
        ratings_NK: what each judge said of each target.
        form: `1,1` each target has judges of its own; `2,1` the same judges, drawn from many; `3,1` these
            judges and no others, whose offsets do not count.

    Raises:
        ValueError: for an unknown form, or fewer than two targets or judges.
    """
    between, within, judges, residual = mean_squares(ratings_NK)
    n, k = ratings_NK.shape
    if form == "1,1":
        return (between - within) / (between + (k - 1) * within)
    if form == "2,1":
        return (between - residual) / (between + (k - 1) * residual + k * (judges - residual) / n)
    if form == "3,1":
        return (between - residual) / (between + (k - 1) * residual)
    raise ValueError(f"unknown form {form!r}: known are 1,1, 2,1 and 3,1")
