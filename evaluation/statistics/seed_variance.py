"""How much of a number is the sampler's luck: variance between seeds apart from clips. C clip, S seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SeedSpread:
    """Standard deviations by where they come from, in the unit of the values.

    Args:
        seeds: of a value over seeds once clip and chance are taken out: every clip better with one seed.
        clips: of a clip's level over clips.
        residual: of what neither explains: one clip better with one seed.
        seed_means: of the means of whole seeds, the error bar of a single run of the sampler.
        clip_count: clips that have a value with every seed.
        seed_count: seeds.
    """

    seeds: float
    clips: float
    residual: float
    seed_means: float
    clip_count: int
    seed_count: int


def clip_table(values: Sequence[float], clips: Sequence[str], seeds: Sequence[int]) -> NDArray:
    """Values (C, S) of the clips that have a number with every seed, clips and seeds in sorted order.

    Raises:
        ValueError: if a clip has two values with one seed.
    """
    value_of: dict[str, dict[int, float]] = {}
    for value, clip, seed in zip(values, clips, seeds, strict=True):
        if seed in value_of.setdefault(clip, {}):
            raise ValueError(f"clip {clip!r} has two values with seed {seed}")
        value_of[clip][seed] = value
    order = sorted(set(seeds))
    rows = [[row.get(seed, np.nan) for seed in order] for _, row in sorted(value_of.items())]
    table = np.array(rows, dtype=np.float64).reshape(-1, len(order))
    return table[np.isfinite(table).all(1)]


def seed_spread(values: Sequence[float], clips: Sequence[str], seeds: Sequence[int]) -> SeedSpread | None:
    """Variance components of a two-way random model, one value a cell, by analysis of variance.

    See Searle, Casella & McCulloch 1992, chapter 4.

    Negative estimates count as zero. None for fewer than two clips or two seeds.
    """
    table_CS = clip_table(values, clips, seeds)
    if min(table_CS.shape) < 2:
        return None
    c, s = table_CS.shape
    clip_C, seed_S, mean = table_CS.mean(1), table_CS.mean(0), table_CS.mean()
    rest = table_CS - clip_C[:, None] - seed_S + mean
    residual = float(np.square(rest).sum() / ((c - 1) * (s - 1)))
    between_clips, between_seeds = float(s * clip_C.var(ddof=1)), float(c * seed_S.var(ddof=1))
    return SeedSpread(
        seeds=max(0.0, (between_seeds - residual) / c) ** 0.5,
        clips=max(0.0, (between_clips - residual) / s) ** 0.5,
        residual=residual**0.5,
        seed_means=float(seed_S.std(ddof=1)),
        clip_count=c,
        seed_count=s,
    )
