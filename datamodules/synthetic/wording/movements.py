"""Facial movements in words, and the emotion that a set of FACS units suggests. A action unit, E expert."""

import numpy as np
from torch import Tensor

from datamodules.action_units import PROTOTYPES
from datamodules.batch import ACTION_UNITS
from datamodules.synthetic.wording.tables import Tables

PART_OF_IT = 0.5  # a prototype's unit of at least this intensity is named
CODES = 0.15  # share of movements that are called by their FACS number


def suggested(units: list[int]) -> str | None:
    """The emotion whose prototype these units belong to more than to any other's; None if two are as near."""
    sums = {name: sum(shown.get(unit, 0.0) for unit in units) for name, shown in PROTOTYPES.items()}
    first, second = sorted(sums, key=lambda name: -sums[name])[:2]
    return first if sums[first] > sums[second] + 1e-6 else None


def units_of(emotion: str, rng: np.random.Generator) -> list[int]:
    """One to three units by which the emotion can be told."""
    candidates = [unit for unit, amount in PROTOTYPES[emotion].items() if amount >= PART_OF_IT]
    for _ in range(20):
        count = min(int(rng.integers(1, 4)), len(candidates))
        units = [candidates[i] for i in rng.permutation(len(candidates))[:count]]
        if suggested(units) == emotion:
            return units
    return candidates


def listed(tables: Tables, units: list[int], rng: np.random.Generator, split: str) -> str:
    """The movements of some units, as `a wrinkled nose, thin lips and a dropped jaw`."""
    parts = [_phrase(tables, unit, rng, split) for unit in units]
    head = parts[0] if len(parts) == 1 else tables.conjunction.join([", ".join(parts[:-1]), parts[-1]])
    return head if tables.joint else head.replace(", ", "，")


def _phrase(tables: Tables, unit: int, rng: np.random.Generator, split: str) -> str:
    codes = tables.lists["unit_names", ""]
    if codes and split != "test_words" and rng.random() < CODES:
        return codes[int(rng.integers(len(codes)))].format(number=unit)
    phrases = tables.movements.get((split, unit)) or tables.movements["train", unit]
    return phrases[int(rng.integers(len(phrases)))]


def shown_units(unit_A: Tensor, least: float = 0.25) -> list[int]:
    """The FACS numbers that are visible, the strongest first."""
    order = unit_A.argsort(descending=True).tolist()
    return [ACTION_UNITS[place] for place in order if unit_A[place] >= least]
