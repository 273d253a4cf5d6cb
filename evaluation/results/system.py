"""What made the videos of a result."""

from dataclasses import dataclass, field
from typing import Any

ROLES = ("system", "ceiling", "floor")


@dataclass
class System:
    """What made the videos.

    Args:
        name: as tables show it.
        role: `system`, or `ceiling` or `floor` for the rows that say what the metrics can see.
        checkpoint_sha256: of the weights; empty where there are none.
        run_signature: of the run that trained them.
        seeds: of the sampler.
        settings: sampler, steps, guidance and the like.
        seconds_per_frame: what generating cost; None where unknown.
        peak_memory_mb: of generating; None where unknown.
        tflop_per_frame: 10^12 floating-point operations to generate a frame, counted; None where unknown.

    Raises:
        ValueError: for an unknown role.
    """

    name: str
    role: str = "system"
    checkpoint_sha256: str = ""
    run_signature: str = ""
    seeds: list[int] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    seconds_per_frame: float | None = None
    peak_memory_mb: float | None = None
    tflop_per_frame: float | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"unknown role {self.role!r}: allowed are {', '.join(ROLES)}")
