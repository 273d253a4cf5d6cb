"""Means by person, as plain numpy has them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def group_means(values: Sequence[float], groups: Sequence[str]) -> NDArray:
    """Mean of the values of each group (G,), groups in sorted order, without values that are no numbers."""
    names, array = np.asarray(groups), np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    return np.array([array[known & (names == name)].mean() for name in sorted(set(names[known].tolist()))])
