"""What may be chosen when a network samples a video, and the limits of it. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal, get_args

MAX_STEPS = 1000
STEPS = 4  # those that the shipped network was trained for
MAX_WEIGHT = 20.0  # of guidance and strength
HEAD_MOTIONS = ("natural", "still")
Gate = Literal["learned", "manual", "blended"]
GATES: tuple[Gate, ...] = get_args(Gate)
PRECISIONS = ("auto", "32", "bf16")


@dataclass(frozen=True)
class SamplingSettings:
    """How a video is sampled; every field goes into the video's record.

    Args:
        steps: of the sampler, from 1 to 1000.
        seed: from 0 to 2**63 - 1; the same one gives the same video.
        audio_guidance: above 1 is more lip motion.
        emotion_guidance: above 1 is more emotion, by a second pass at each step.
        emotion_strength: of the experts, 1 is as they learnt; None is the network's own.
        head_motion: one of `HEAD_MOTIONS`.
        gate: what weighs the experts, one of `GATES`; None is the network's own, or a palette that is given.

    Raises:
        ValueError: for a value out of range.
    """

    steps: int = STEPS
    seed: int = 0
    audio_guidance: float = 1.0
    emotion_guidance: float = 1.0
    emotion_strength: float | None = None
    head_motion: str = "natural"
    gate: Gate | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise ValueError(f"--steps {self.steps}: must be from 1 to {MAX_STEPS}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be from 0 to 2**63 - 1")
        for name in ("emotion_strength", "emotion_guidance", "audio_guidance"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= MAX_WEIGHT:
                raise ValueError(f"--{name.replace('_', '-')} {value}: must be from 0 to {MAX_WEIGHT:g}")
        if self.head_motion not in HEAD_MOTIONS:
            raise ValueError(f"--head-motion {self.head_motion}: must be one of {', '.join(HEAD_MOTIONS)}")
        if self.gate not in (None, *GATES):
            raise ValueError(f"--gate {self.gate}: must be one of {', '.join(GATES)}")
