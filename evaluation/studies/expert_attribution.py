"""Whose work an expression is: what moves when one expert is left out, and how far its gate was open.

N knock-out, D numbers of a measure, F frame, E expert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from datamodules.batch import EMOTIONS
from evaluation.statistics.intervals import cluster_interval, number, ratio

Interval = tuple[float, float]
ALL = "all"  # row of a share over all emotions that have an expert


@dataclass(frozen=True)
class KnockOut:
    """One clip made twice, with all experts and without one of them, all else the same.

    Args:
        person: who is drawn as a whole for intervals.
        asked: emotion that was asked for.
        expert: that was left out; experts are named by their emotion.
        whole: measure -> numbers of the clip with all experts, such as `{"action_units": (15,)}`.
        without: likewise of the clip without the expert.
    """

    person: str
    asked: str
    expert: str
    whole: Mapping[str, Tensor]
    without: Mapping[str, Tensor]


@dataclass(frozen=True)
class Cell:
    """A value over clips.

    Args:
        value: None where there is no number.
        interval: BCa by person; None for fewer than two people.
        n: clips.
    """

    value: float | None
    interval: Interval | None
    n: int


@dataclass(frozen=True)
class ExpertAttribution:
    """How much of what is measured hangs on each expert.

    Args:
        emotions: that were asked for, the rows.
        experts: that were left out, the columns.
        whole: measure of a single number -> emotion -> its mean with all experts.
        moved: measure -> emotion -> expert -> root mean squared movement, in the measure's own unit.
        lost: the same for measures of a single number: mean of whole minus without, so that what an expert
            holds up is positive and what it holds down negative.
        own_share: measure -> emotion -> share of the squared movements of all experts that is the emotion's
            own expert's; `all` over all emotions with an expert. Experts that matter alike get 1 / E each.
    """

    emotions: tuple[str, ...]
    experts: tuple[str, ...]
    whole: dict[str, dict[str, Cell]]
    moved: dict[str, dict[str, dict[str, Cell]]]
    lost: dict[str, dict[str, dict[str, Cell]]]
    own_share: dict[str, dict[str, Cell]]


def expert_attribution(
    knock_outs: Sequence[KnockOut], resamples: int = 2000, seed: int = 0
) -> ExpertAttribution:
    """The table expert by emotion, of all measures that the clips have.

    Args:
        knock_outs: for each clip one for each expert, so that shares compare like with like.
        resamples: number of replicates.
        seed: of the draws.

    Raises:
        ValueError: without any, if some expert was left out of other clips than the rest, or for measures
            that are missing, not finite or of another shape.
    """
    if not knock_outs:
        raise ValueError("an attribution needs clips made with and without an expert, got none")
    emotions, experts = (list(dict.fromkeys(names)) for names in _names(knock_outs))
    _check_design(knock_outs, emotions, experts)
    draws = resamples, seed
    whole: dict[str, dict[str, Cell]] = {}
    moved: dict[str, dict[str, dict[str, Cell]]] = {}
    lost: dict[str, dict[str, dict[str, Cell]]] = {}
    own_share: dict[str, dict[str, Cell]] = {}
    for name in knock_outs[0].whole:
        fall_ND = torch.stack([_fall(each, name) for each in knock_outs])
        square_N = fall_ND.square().sum(1)
        moved[name] = _table(square_N, knock_outs, emotions, experts, True, *draws)
        if fall_ND.shape[1] == 1:
            once = [each for each in knock_outs if each.expert == experts[0]]
            value_N = torch.stack([each.whole[name].double().flatten()[0] for each in once])
            table = _table(value_N, once, emotions, experts[:1], False, *draws)
            whole[name] = {emotion: row[experts[0]] for emotion, row in table.items()}
            lost[name] = _table(fall_ND[:, 0], knock_outs, emotions, experts, False, *draws)
        own_share[name] = _shares(square_N, knock_outs, emotions, experts, *draws)
    return ExpertAttribution(tuple(emotions), tuple(experts), whole, moved, lost, own_share)


def mean_gates(
    gates: Sequence[Tensor],
    asked: Sequence[str],
    people: Sequence[str],
    experts: Sequence[str] = EMOTIONS,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, dict[str, Cell]]:
    """Emotion that was asked for -> expert -> mean opening of its gate over the frames of the clips.

    Args:
        gates: of each clip over time (F, E), global weights or local ones averaged over tokens.
        asked: emotion of each clip.
        people: who is in each clip.
        experts: names of the E columns.
        resamples: number of replicates.
        seed: of the draws.

    Raises:
        ValueError: for lengths that differ, or gates that are not (F, E).
    """
    if not len(gates) == len(asked) == len(people):
        raise ValueError(f"{len(gates)} timelines, {len(asked)} emotions, {len(people)} people")
    for gate_FE in gates:
        if gate_FE.ndim != 2 or gate_FE.shape[1] != len(experts):
            raise ValueError(f"expected gates (F, {len(experts)}), got {tuple(gate_FE.shape)}")
    gate_means: dict[str, dict[str, Cell]] = {}
    for emotion in dict.fromkeys(asked):
        mine = [i for i, name in enumerate(asked) if name == emotion]
        who = [people[i] for i in mine]
        sums_NE = torch.stack([gates[i].double().sum(0) for i in mine])
        count_N = torch.tensor([float(len(gates[i])) for i in mine], dtype=torch.float64)
        gate_means[emotion] = {
            expert: _cell(torch.stack([sums_NE[:, e], count_N], 1), who, False, resamples, seed)
            for e, expert in enumerate(experts)
        }
    return gate_means


def mean_cell(values: Sequence[float], people: Sequence[str], resamples: int = 2000, seed: int = 0) -> Cell:
    """Mean of values, one a clip, with its interval over people.

    Raises:
        ValueError: for lengths that differ, or no values.
    """
    if not values or len(values) != len(people):
        raise ValueError(f"a mean needs values, each of a person: got {len(values)} and {len(people)}")
    value_N = torch.tensor(values, dtype=torch.float64)
    return _cell(torch.stack([value_N, torch.ones_like(value_N)], 1), people, False, resamples, seed)


def _names(knock_outs: Sequence[KnockOut]) -> tuple[list[str], list[str]]:
    return [each.asked for each in knock_outs], [each.expert for each in knock_outs]


def _check_design(knock_outs: Sequence[KnockOut], emotions: Sequence[str], experts: Sequence[str]) -> None:
    """Every expert left out of the same clips: as often of each person in each emotion."""
    clips = {
        expert: sorted((each.asked, each.person) for each in knock_outs if each.expert == expert)
        for expert in experts
    }
    first, *others = experts
    for expert in others:
        if clips[expert] != clips[first]:
            raise ValueError(f"{expert} was left out of other clips than {first}: shares would not compare")


def _fall(each: KnockOut, name: str) -> Tensor:
    """Whole minus without, flat (D,) float64."""
    if name not in each.whole or name not in each.without:
        raise ValueError(f"{name} must be measured in all clips, {each.asked} without {each.expert} lacks it")
    whole, without = each.whole[name], each.without[name]
    if whole.shape != without.shape:
        raise ValueError(f"{name} must have one shape, found {tuple(whole.shape)} and {tuple(without.shape)}")
    fall_D = (whole.double() - without.double()).flatten()
    if not torch.isfinite(fall_D).all():
        raise ValueError(f"{name} is not finite in every clip: leave out clips that could not be measured")
    return fall_D


def _table(
    value_N: Tensor,
    knock_outs: Sequence[KnockOut],
    emotions: Sequence[str],
    experts: Sequence[str],
    rooted: bool,
    resamples: int,
    seed: int,
) -> dict[str, dict[str, Cell]]:
    """Mean of the values in each cell, or its root."""
    table: dict[str, dict[str, Cell]] = {emotion: {} for emotion in emotions}
    for emotion in emotions:
        for expert in experts:
            mine = [i for i, k in enumerate(knock_outs) if (k.asked, k.expert) == (emotion, expert)]
            sums_N2 = torch.stack([value_N[mine], torch.ones(len(mine), dtype=torch.float64)], 1)
            people = [knock_outs[i].person for i in mine]
            table[emotion][expert] = _cell(sums_N2, people, rooted, resamples, seed)
    return table


def _shares(
    square_N: Tensor,
    knock_outs: Sequence[KnockOut],
    emotions: Sequence[str],
    experts: Sequence[str],
    resamples: int,
    seed: int,
) -> dict[str, Cell]:
    """Share of the emotion's own expert, where it has one, and over all of those."""
    shares: dict[str, Cell] = {}
    for row in (*(emotion for emotion in emotions if emotion in experts), ALL):
        mine = [i for i, k in enumerate(knock_outs) if k.asked == row or (row == ALL and k.asked in experts)]
        own_N = torch.tensor([float(knock_outs[i].asked == knock_outs[i].expert) for i in mine])
        sums_N2 = torch.stack([square_N[mine] * own_N, square_N[mine]], 1)
        cell = _cell(sums_N2, [knock_outs[i].person for i in mine], False, resamples, seed)
        shares[row] = Cell(cell.value, cell.interval, len(mine) // len(experts))
    return shares


def _cell(sums_N2: Tensor, people: Sequence[str], rooted: bool, resamples: int, seed: int) -> Cell:
    def finish(sums: Tensor) -> Tensor:
        return ratio(sums).sqrt() if rooted else ratio(sums)

    value = number(finish(sums_N2.sum(0)))
    interval = None if value is None else cluster_interval(sums_N2, people, finish, resamples, seed)
    return Cell(value, interval, len(sums_N2))
