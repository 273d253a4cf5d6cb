"""The `score:` section of an experiment: how often a network in training is looked at, and how closely."""

from typing import Annotated

from pydantic import Field

from evaluation.validation import Written


class ScorePlan(Written):
    """How often and how closely.

    Args:
        every: optimizer steps between two looks.
        clips: held-out synthetic people; the emotions in turn.
        frames: of each.
        steps: of the sampler.
        protocol: a name or a YAML file; None is the protocol that `moee evaluate` takes unless told.
    """

    every: Annotated[int, Field(ge=1)]
    clips: Annotated[int, Field(ge=2)] = 7
    frames: Annotated[int, Field(ge=5)] = 10
    steps: Annotated[int, Field(ge=1)] = 4
    protocol: str | None = None
