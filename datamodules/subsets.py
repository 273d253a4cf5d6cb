"""Which clips a stage of training learns from: the paper's single-emotion subsets, or all that is mixed.

`single`: neutral or one basic emotion in the whole face. `mixed`: all else, also clips whose emotion is not
known.
"""

from typing import Literal

from torch import Tensor

from datamodules.batch import CLASSES

Subset = Literal["all", "single", "mixed"]


def subset_of_blend(blend_E: Tensor) -> Subset:
    """Where a clip with this blend in the whole face belongs."""
    return "single" if int((blend_E > 0).sum()) <= 1 else "mixed"


def subset_of_label(label: str) -> Subset:
    """Where a clip with this label belongs; labels that are none of ours name no single emotion."""
    return "single" if label in CLASSES else "mixed"
