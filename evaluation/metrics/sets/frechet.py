"""Fréchet distance between two sets of features. N sample, D width, R rank.

The trace of the root of a product of covariances is a nuclear norm: with factors A'A = S1 and B'B = S2 it
is the sum of the singular values of A B'. Taken from the centred samples themselves, or from their QR factors
where they outnumber the dimensions, it needs no D x D root, is exact where there are fewer samples than
dimensions, and cannot turn negative for identical sets beyond rounding.
"""

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric
from evaluation.metrics.sets.nuclear import nuclear_norm


def frechet_distance(x_ND: Tensor, y_ND: Tensor, ddof: int = 1) -> Tensor:
    """|mean x - mean y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)) (Dowson & Landau 1982, eq. 16), float64.

    Args:
        x_ND: at least `ddof` + 1 samples; arrays and tensors of any float type.
        y_ND: as many dimensions.
        ddof: covariances divide by N - `ddof`: 1 as pytorch-fid and torchmetrics do, 0 as StyleGAN's code
            does.

    Raises:
        ValueError: for other shapes, too few samples or values that are not finite.
    """
    x, y = (torch.as_tensor(z).double() for z in (x_ND, y_ND))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"expected (n, d) and (m, d), got {tuple(x.shape)} and {tuple(y.shape)}")
    if min(len(x), len(y)) <= ddof:
        raise ValueError(f"expected more than {ddof} samples on each side, got {len(x)} and {len(y)}")
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise ValueError("features hold values that are not finite: find the clip that made them")
    return distance_of_factors(x.mean(0) - y.mean(0), factor(x, ddof), factor(y, ddof))


def factor(x_ND: Tensor, ddof: int) -> Tensor:
    """A (R, D), R the lesser of N and D, with A'A the covariance of the samples."""
    centred_ND = (x_ND - x_ND.mean(0)) / (len(x_ND) - ddof) ** 0.5
    few = len(x_ND) <= x_ND.shape[1]
    return centred_ND if few else torch.linalg.qr(centred_ND, mode="r")[1]


def distance_of_factors(shift_D: Tensor, a_RD: Tensor, b_RD: Tensor) -> Tensor:
    """The distance, given the difference of means and factors with A'A = S1, B'B = S2."""
    cross = nuclear_norm(a_RD @ b_RD.mT)
    return shift_D.square().sum() + a_RD.square().sum() + b_RD.square().sum() - 2 * cross


def pack_moments(x_ND: Tensor) -> Tensor:
    """Count, sums and the upper triangle of the sums of products: (1 + D + D (D + 1) / 2,) float64.

    A sample with a value that is no number, such as a frame without a face, is left out of all of them.
    """
    x = x_ND[torch.isfinite(x_ND).all(-1)].double()
    rows, columns = torch.triu_indices(x.shape[1], x.shape[1])
    return torch.cat([x.new_tensor([len(x)]), x.sum(0), (x.mT @ x)[rows, columns]])


def unpack_moments(sums: Tensor, width: int, ddof: int = 1) -> tuple[Tensor, Tensor]:
    """Mean (D,) and a factor (D, D) of the covariance from packed moments.

    NaN where there are too few samples.
    """
    n, total, triangle = sums[0], sums[1 : 1 + width], sums[1 + width :]
    if n <= ddof:
        return torch.full_like(total, torch.nan), total.new_zeros(width, width)
    rows, columns = torch.triu_indices(width, width)
    product = total.new_zeros(width, width)
    product[rows, columns] = triangle
    product[columns, rows] = triangle
    mean = total / n
    covariance = (product - n * torch.outer(mean, mean)) / (n - ddof)
    values, vectors = torch.linalg.eigh(covariance)
    return mean, values.clamp(min=0).sqrt()[:, None] * vectors.mT


class FrechetDistance(ClipMetric):
    """Fréchet distance of features pooled over all frames; float64 moments, divided by N - 1.

    Args:
        width: of the features.
    """

    higher_is_better = False
    aggregation = "pooled"
    resampling = "jackknife"  # a bootstrap repeats samples, which lowers the rank and raises the distance
    in_json = False
    absent = "fewer than two frames have a face"

    def __init__(self, width: int) -> None:
        self.side_width = 1 + width + width * (width + 1) // 2
        super().__init__(width=2 * self.side_width)
        self.width = width

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        for x_ND in (pred, true):
            if x_ND.ndim != 2 or x_ND.shape[1] != self.width:
                raise ValueError(f"{self.name}: expected features (N, {self.width}), got {tuple(x_ND.shape)}")
        return torch.cat([pack_moments(pred), pack_moments(true)])

    def finish(self, sums: Tensor) -> Tensor:
        if sums.ndim > 1:
            return torch.stack([self.finish(row) for row in sums])
        (mean_x, a), (mean_y, b) = (unpack_moments(part, self.width) for part in sums.split(self.side_width))
        return distance_of_factors(mean_x - mean_y, a, b)

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"frames_generated": int(sums[0]), "frames_true": int(sums[self.side_width]), "ddof": 1}


class EmbeddedFid(FrechetDistance):
    """Fréchet distance on the embedded judge's low-level features: colour, contrast, sharpness, texture."""

    name, title = "fid_embedded", "Fréchet, pictures"
    needs = ("features", "features")

    def __init__(self, width: int = 64) -> None:
        super().__init__(width)


class ExpressionFrechet(FrechetDistance):
    """Fréchet distance on measured action units, both sides measured: an E-FID on embedded coefficients."""

    name, title = "efid_embedded", "Fréchet, expression"
    needs = ("action_units", "measured_action_units")

    def __init__(self, width: int = 15) -> None:
        super().__init__(width)
