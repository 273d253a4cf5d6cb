"""The true clips of an evaluation, and what generates others for them. F frame, H row, W column."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

RATE = "fps_source"  # what a video that was read tells of its file: frames a second
Generate = Callable[[int, Mapping[str, Any], int], Tensor]  # number, truth and seed -> (F, 3, H, W) uint8


@dataclass(frozen=True)
class Clips:
    """True clips, each loaded when it is asked for.

    Args:
        keys: of the clips.
        identities: of their people.
        load: number of a clip -> a `Sample`, or as many of its fields as are known; a ValueError or OSError
            of it is the clip's failure.
        known: what is known of a clip that cannot be loaded.
    """

    keys: Sequence[str]
    identities: Sequence[str]
    load: Callable[[int], Mapping[str, Any]]
    known: Callable[[int], Mapping[str, Any]] = lambda _: {}
