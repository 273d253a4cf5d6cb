"""Who is preferred to whom: Bradley-Terry strengths from paired choices. N rater, n system, B replicate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS, PRECISION = 200, 1e-9  # of Newton's method; of a log strength
VIRTUAL_WINS = 0.5  # each way, for each pair that was compared: Firth's correction where there is one pair


@dataclass(frozen=True)
class Vote:
    """One rater's choice between two systems.

    Args:
        rater: who chose.
        first: a system.
        second: another one.
        score: 1 where the first was preferred, 0 where the second was, 0.5 for neither.
    """

    rater: str
    first: str
    second: str
    score: float


@dataclass(frozen=True)
class Standing:
    """Where a system stands.

    Args:
        system: its name.
        strength: log of the Bradley-Terry parameter; the mean of all systems is 0.
        interval: of the strength, over raters; None for fewer than two raters.
        wins: choices for it.
        ties: choices for neither.
        losses: choices against it.
        tied: whether its interval of difference to the strongest includes 0.
    """

    system: str
    strength: float
    interval: tuple[float, float] | None
    wins: int
    ties: int
    losses: int
    tied: bool


def bradley_terry(wins_nn: NDArray) -> NDArray:
    """Log strengths (..., n) of mean 0 from wins (..., n, n), row over column; a tie is half a win each way.

    Newton's method on the likelihood of Bradley & Terry 1952, steps damped as Sun & Tran-Dinh 2019 do for
    logistic losses: minorisation (Hunter 2004) needs thousands of rounds where few choices link two groups.

    Raises:
        ValueError: where no finite strengths exist, because some systems never lost to the others (Hunter
            2004, assumption 1), where they do not settle, or for numbers that are no wins.
    """
    wins = np.asarray(wins_nn, dtype=np.float64)
    if wins.ndim < 2 or wins.shape[-1] != wins.shape[-2] or not np.isfinite(wins).all() or (wins < 0).any():
        raise ValueError(f"expected finite wins (n, n), none negative, got {wins.shape}")
    wins = wins * (1 - np.eye(wins.shape[-1]))
    for table in wins.reshape(-1, *wins.shape[-2:]):
        if len(_strong_parts(table)) > 1:
            raise ValueError("some systems never lost to the others: their strength has no finite value")
    strength = np.zeros(wins.shape[:-1])
    for _ in range(ROUNDS):
        step = _newton_step(wins, strength)
        reach = np.maximum(np.ptp(step, axis=-1, keepdims=True), PRECISION)
        strength = strength + step * np.log1p(reach) / reach
        if np.abs(step).max() < PRECISION:
            return strength - strength.mean(-1, keepdims=True)
    raise ValueError(f"strengths did not settle in {ROUNDS} rounds: too few choices link the systems")


def _newton_step(wins: NDArray, strength: NDArray) -> NDArray:
    """Where the likelihood's second-order model has its top, as seen from here; of sum 0."""
    games = wins + wins.swapaxes(-1, -2)
    chance = 1 / (1 + np.exp(strength[..., None, :] - strength[..., :, None]))
    slope = (wins - games * chance).sum(-1)
    bend = games * chance * (1 - chance)
    curvature = bend.sum(-1)[..., None] * np.eye(wins.shape[-1]) - bend
    return np.linalg.solve(curvature + 1, slope[..., None])[..., 0]  # + 1: a common shift has no slope


def connected_parts(linked_nn: NDArray) -> list[list[int]]:
    """Groups of systems that choices link, directly or through others, each sorted."""
    reach = _reachable(np.asarray(linked_nn, dtype=bool) | np.asarray(linked_nn, dtype=bool).T)
    return _groups(reach)


def _strong_parts(wins_nn: NDArray) -> list[list[int]]:
    """Groups in which each has beaten each, directly or through others."""
    reach = _reachable(wins_nn > 0)
    return _groups(reach & reach.T)


def _reachable(step_nn: NDArray) -> NDArray:
    reach = step_nn | np.eye(len(step_nn), dtype=bool)
    for middle in range(len(reach)):
        reach |= reach[:, middle, None] & reach[None, middle]
    return reach


def _groups(same_nn: NDArray) -> list[list[int]]:
    groups = {tuple(np.flatnonzero(row).tolist()) for row in same_nn}
    return [list(group) for group in sorted(groups)]


def rank(votes: Sequence[Vote], resamples: int = 2000, seed: int = 0, level: float = 0.95) -> list[Standing]:
    """Systems, the strongest first, with intervals from drawing whole raters again.

    Each compared pair counts as if it had also been decided once each way by half a vote, so that a system
    that never lost still has a strength, in every replicate too.

    Args:
        votes: of all raters.
        resamples: replicates of the bootstrap.
        seed: of its draws.
        level: of the intervals.

    Raises:
        ValueError: without votes, for a vote of a system against itself or with another score than 0, 0.5 and
            1, or where choices do not link all systems: names the parts.
    """
    names = sorted({name for vote in votes for name in (vote.first, vote.second)})
    if not names:
        raise ValueError("no votes: nothing to rank")
    wins_Nnn = _wins(votes, names)
    raters, total_nn = len(wins_Nnn), wins_Nnn.sum(0)
    played_nn = (total_nn + total_nn.T) > 0
    parts = connected_parts(played_nn)
    if len(parts) > 1:
        groups = "; ".join(", ".join(names[i] for i in part) for part in parts)
        raise ValueError(f"no choice links these groups, so they share no scale: {groups}")
    virtual_nn = VIRTUAL_WINS * played_nn
    strength_n = bradley_terry(total_nn + virtual_nn)
    if raters < 2:
        return _standings(votes, names, strength_n, None, level)
    drawn_BN = np.random.default_rng(seed).multinomial(raters, np.full(raters, 1 / raters), size=resamples)
    replicates_Bn = bradley_terry(np.einsum("bk,kij->bij", drawn_BN, wins_Nnn) + virtual_nn)
    return _standings(votes, names, strength_n, replicates_Bn, level)


def _wins(votes: Sequence[Vote], names: Sequence[str]) -> NDArray:
    """Wins of each rater (N, n, n)."""
    place = {name: i for i, name in enumerate(names)}
    raters = {rater: i for i, rater in enumerate(sorted({vote.rater for vote in votes}))}
    wins_Nnn = np.zeros((len(raters), len(names), len(names)))
    for vote in votes:
        if vote.first == vote.second or vote.score not in (0, 0.5, 1):
            raise ValueError(f"{vote}: a vote is 0, 0.5 or 1 between two different systems")
        first, second = place[vote.first], place[vote.second]
        wins_Nnn[raters[vote.rater], first, second] += vote.score
        wins_Nnn[raters[vote.rater], second, first] += 1 - vote.score
    return wins_Nnn


def _standings(
    votes: Sequence[Vote],
    names: Sequence[str],
    strength_n: NDArray,
    replicates_Bn: NDArray | None,
    level: float,
) -> list[Standing]:
    ends = ((1 - level) / 2, (1 + level) / 2)
    leader = int(strength_n.argmax())
    standings = []
    for i in sorted(range(len(names)), key=lambda i: (-strength_n[i], names[i])):
        interval, tied = None, i != leader
        if replicates_Bn is not None:
            low, high = np.quantile(replicates_Bn[:, i], ends)
            interval = (float(low), float(high))
            tied = i != leader and bool(
                np.quantile(replicates_Bn[:, leader] - replicates_Bn[:, i], ends[0]) <= 0
            )
        wins, ties, losses = _count(votes, names[i])
        standings.append(Standing(names[i], float(strength_n[i]), interval, wins, ties, losses, tied))
    return standings


def _count(votes: Sequence[Vote], name: str) -> tuple[int, int, int]:
    scores = [
        vote.score if vote.first == name else 1 - vote.score
        for vote in votes
        if name in (vote.first, vote.second)
    ]
    return scores.count(1), scores.count(0.5), scores.count(0)
