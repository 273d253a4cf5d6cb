"""What else moves when one thing is changed: emotion alone, sound alone, the person alone.

I factor, J measure, D numbers of a measure, N clip, P pair.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from evaluation.statistics.intervals import bca_interval, ratio

Interval = tuple[float, float]
Finish = Callable[[Tensor], Tensor]
STILL = 1e-24  # squared spread under which a measure never moves at all


@dataclass(frozen=True)
class Clip:
    """A clip by what it was made from, and what was measured of it.

    Args:
        person: who is drawn as a whole for intervals; the portrait's.
        made_from: factor -> level, such as `{"emotion": "happy", "audio": "line 3", "identity": "M003"}`.
        measured: measure -> numbers of one shape in all clips: mean action units, a lip track, an embedding.
    """

    person: str
    made_from: Mapping[str, str]
    measured: Mapping[str, Tensor]


@dataclass(frozen=True)
class Disentanglement:
    """How much each measure moves when one factor changes and all others stay.

    Args:
        factors: of the rows.
        measures: of the columns.
        moved: factor -> measure -> root mean squared movement over that of two random clips: 0 stands still,
            1 moves as between any two clips, more where those often share the level that moves it. Factors
            that never changed alone have no row.
        intervals: the same, BCa by person, see `pair_interval`; the spread counts as known;
            None where leaving out a person leaves no pair.
        pairs: factor -> how many pairs of clips differ in it alone.
        frozen: measures that are the same in all clips, and have no column.
    """

    factors: tuple[str, ...]
    measures: tuple[str, ...]
    moved: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, Interval | None]]
    pairs: dict[str, int]
    frozen: tuple[str, ...] = field(default=())

    def selectivity(self, measure: str, factor: str) -> float:
        """Share of a measure's squared movements that is its own factor's: 1 obeys nothing else.

        Raises:
            ValueError: if the measure or the factor is not in the matrix.
        """
        if measure not in self.measures or factor not in self.moved:
            shape = f"{', '.join(self.measures)} by {', '.join(self.factors)}"
            raise ValueError(f"no {measure!r} by {factor!r}: the matrix has {shape}")
        squares = {name: row[measure] ** 2 for name, row in self.moved.items()}
        total = sum(squares.values())
        return squares[factor] / total if total > 0 else 0.0


def lone_changes(clips: Sequence[Clip]) -> dict[str, list[tuple[int, int]]]:
    """Factor -> pairs (first, second) of clips that differ in this factor and in no other.

    Raises:
        ValueError: if clips name different factors.
    """
    factors = list(clips[0].made_from) if clips else []
    for clip in clips:
        if set(clip.made_from) != set(factors):
            raise ValueError(f"clips name different factors: {factors} and {sorted(clip.made_from)}")
    pairs: dict[str, list[tuple[int, int]]] = {factor: [] for factor in factors}
    for first, second in combinations(range(len(clips)), 2):
        a, b = clips[first].made_from, clips[second].made_from
        changed = [factor for factor in factors if a[factor] != b[factor]]
        if len(changed) == 1:
            pairs[changed[0]].append((first, second))
    return pairs


def squared_spread(x_ND: Tensor) -> Tensor:
    """Mean squared distance () of two clips drawn at random: twice the summed variances (n - 1)."""
    return 2 * x_ND.var(0).sum()


def disentanglement(clips: Sequence[Clip], resamples: int = 2000, seed: int = 0) -> Disentanglement:
    """The matrix of movements over all pairs of clips that differ in one factor alone.

    Args:
        clips: any design; a full cross of the factors makes the most pairs.
        resamples: number of replicates.
        seed: of the draws.

    Raises:
        ValueError: for fewer than two clips, or measures that are missing, not finite or of another shape.
    """
    if len(clips) < 2:
        raise ValueError(f"a disentanglement matrix needs two clips or more, got {len(clips)}")
    pairs = {factor: own_pairs for factor, own_pairs in lone_changes(clips).items() if own_pairs}
    stacked = {name: _stacked(clips, name) for name in clips[0].measured}
    spread = {name: float(squared_spread(x_ND)) for name, x_ND in stacked.items()}
    moving = [name for name in stacked if spread[name] > STILL]
    moved: dict[str, dict[str, float]] = {factor: {} for factor in pairs}
    intervals: dict[str, dict[str, Interval | None]] = {factor: {} for factor in pairs}
    for factor, own_pairs in pairs.items():
        people = [(clips[first].person, clips[second].person) for first, second in own_pairs]
        for name in moving:
            sums_P2, finish = _movements(stacked[name], own_pairs), _relative(spread[name])
            moved[factor][name] = float(finish(sums_P2.sum(0)))
            intervals[factor][name] = pair_interval(sums_P2, people, finish, resamples, seed)
    return Disentanglement(
        factors=tuple(pairs),
        measures=tuple(moving),
        moved=moved,
        intervals=intervals,
        pairs={factor: len(own_pairs) for factor, own_pairs in pairs.items()},
        frozen=tuple(name for name in stacked if name not in moving),
    )


def _stacked(clips: Sequence[Clip], name: str) -> Tensor:
    """A measure of all clips (N, D) float64."""
    shapes = {tuple(clip.measured[name].shape) if name in clip.measured else None for clip in clips}
    if len(shapes) > 1:
        raise ValueError(f"{name} must have one shape in all clips, found {sorted(map(str, shapes))}")
    x_ND = torch.stack([clip.measured[name].double().flatten() for clip in clips])
    if not torch.isfinite(x_ND).all():
        raise ValueError(f"{name} is not finite in every clip: leave out clips that could not be measured")
    return x_ND


def _movements(x_ND: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Squared movement and count (P, 2) of each pair."""
    first, second = torch.tensor(pairs).T
    square_P = (x_ND[first] - x_ND[second]).square().sum(1)
    return torch.stack([square_P, torch.ones_like(square_P)], 1)


def pair_interval(
    sums_P2: Tensor, people: Sequence[tuple[str, str]], finish: Finish, resamples: int = 2000, seed: int = 0
) -> Interval | None:
    """BCa interval of `finish` over pairs of clips, whole people drawn and left out.

    Drawing the nodes of a network, as Snijders & Borgatti 1999: a pair of two people counts as often as both
    are drawn, multiplied; a person and its own copy make no new pair. Without pairs of two people it is
    `cluster_interval`.

    Args:
        sums_P2: movement and count of each pair.
        people: of its two clips.
        finish: sums (..., 2) to values (...).
        resamples: number of replicates.
        seed: of the draws.
    """
    place = {name: i for i, name in enumerate(sorted({name for pair in people for name in pair}))}
    count = len(place)
    index_P = torch.tensor([place[a] * count + place[b] for a, b in people])
    sums_GG2 = sums_P2.new_zeros(count * count, 2).index_add_(0, index_P, sums_P2).view(count, count, 2)
    within_G2 = sums_GG2.diagonal().mT.clone()
    sums_GG2.diagonal().zero_()
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    drawn_BG = torch.from_numpy(drawn).double()
    values_B = finish(drawn_BG @ within_G2 + torch.einsum("bg,ghk,bh->bk", drawn_BG, sums_GG2, drawn_BG))
    own_G2 = within_G2 + sums_GG2.sum(0) + sums_GG2.sum(1)
    left_out_G = finish(sums_P2.sum(0) - own_G2)
    if not torch.isfinite(left_out_G).all():
        return None
    return bca_interval(values_B.numpy(), float(finish(sums_P2.sum(0))), left_out_G.numpy())


def _relative(spread: float) -> Finish:
    def finish(sums: Tensor) -> Tensor:
        return (ratio(sums) / spread).sqrt()

    return finish
