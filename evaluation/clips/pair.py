"""A generated clip and its truth. F frame, H row, W column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Pair:
    """A generated clip and its truth.

    Args:
        key: of the clip.
        identity: of the person.
        generated: (F, 3, H, W) uint8; None where there is none, and then `problem` says why.
        truth: a `Sample`, or as many of its fields as are known.
        seed: of the sampler.
        problem: why it cannot be evaluated.
        rates: frames a second of the generated and the true file, before they were converted; None where
            unknown, or where there is no file.
        own_face: the generated video is another clip's, so that its face is where that clip has it.
    """

    key: str
    identity: str
    generated: Tensor | None
    truth: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    problem: str = ""
    rates: tuple[float | None, float | None] = (None, None)
    own_face: bool = False
