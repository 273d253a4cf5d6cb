"""The nuclear norm, of which Fréchet distances consist: by singular values, or by products on a GPU.

M row, N column.
"""

import math

import torch
from torch import Tensor

LEAST = torch.finfo(torch.float64).eps / 2  # a singular value under this share of all of them adds nothing
STABLE = 100.0  # from this weight on a Cholesky factor would lose digits and a QR factor is taken


def nuclear_norm(x_MN: Tensor) -> Tensor:
    """Sum of the singular values of a float64 matrix.

    A GPU computes it by the polar decomposition, which is all products and factors: singular values are
    found one after another and leave it idle, 0.36 instead of 0.06 s for 2,048 x 2,048 on an H200, twenty-one
    times for a distance with its interval. Both agree to rounding.
    """
    return by_polar_factor(x_MN) if x_MN.is_cuda else torch.linalg.svdvals(x_MN).sum()


def by_polar_factor(x_MN: Tensor) -> Tensor:
    """The same as tr(U'X) with U the unitary polar factor of X, by dynamically weighted Halley iteration.

    Six steps bring every singular value between rounding and one to one. Weights, and steps by a QR factor:
    Nakatsukasa, Bai & Gygi 2010, "Optimizing Halley's iteration for computing the matrix polar
    decomposition", SIAM Journal on Matrix Analysis and Applications 31(5). Steps by a Cholesky factor:
    Nakatsukasa & Higham 2013, SIAM Journal on Scientific Computing 35(3).
    """
    x_MN = x_MN if x_MN.shape[0] >= x_MN.shape[1] else x_MN.mT
    scale = torch.linalg.matrix_norm(x_MN)
    u_MN = x_MN / torch.where(scale > 0, scale, 1.0)
    for a, b, c in halley_weights(LEAST):
        u_MN = _halley(u_MN, a, b, c)
    return (u_MN * x_MN).sum()


def halley_weights(least: float) -> list[tuple[float, float, float]]:
    """Weights (a, b, c) of the steps s -> s (a + b s^2) / (1 + c s^2) bringing [least, 1] to one soonest."""
    weights = []
    while 1 - least > LEAST:
        square = least * least
        d = (4 * (1 - square) / square**2) ** (1 / 3)
        root = math.sqrt(1 + d)
        a = root + math.sqrt(8 - 4 * d + 8 * (2 - square) / (square * root)) / 2
        b = (a - 1) ** 2 / 4
        c = a + b - 1
        weights.append((a, b, c))
        least = min(least * (a + b * square) / (1 + c * square), 1.0)
    return weights


def _halley(u_MN: Tensor, a: float, b: float, c: float) -> Tensor:
    """One step, b/c U + (a - b/c) U (1 + c U'U)^-1, without forming an inverse."""
    eye_NN = torch.eye(u_MN.shape[1], dtype=u_MN.dtype, device=u_MN.device)
    if c > STABLE:
        q_YN = torch.linalg.qr(torch.cat([math.sqrt(c) * u_MN, eye_NN]))[0]
        solved_MN = q_YN[: len(u_MN)] @ q_YN[len(u_MN) :].mT / math.sqrt(c)
    else:
        root_NN = torch.linalg.cholesky(eye_NN + c * (u_MN.mT @ u_MN))
        solved_MN = torch.cholesky_solve(u_MN.mT, root_NN).mT
    return b / c * u_MN + (a - b / c) * solved_MN
