"""The file of a sweep: which keys of which experiment are searched, and by which logged number."""

from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import OmegaConf
from pydantic import AfterValidator, Field, model_validator

from evaluation.reading import read_yaml
from evaluation.validation import Written, checked


def _number(value: object) -> object:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"{value!r} is not a number")
    return value


Text = Annotated[str, Field(min_length=1)]
Number = Annotated[Any, AfterValidator(_number)]


class RangeArguments(Written):
    """Where a value is drawn from, in Optuna's words.

    Args:
        low, high: of a number, both included.
        step: between two values of a number; None for any.
        log: numbers are drawn evenly by their logarithm.
        choices: of a category.
    """

    low: Number = None
    high: Number = None
    step: Number = None
    log: bool = False
    choices: list[Any] | None = None


class Range(Written):
    """What one key may be.

    Args:
        kind: `float` and `int` have `low` and `high`, `categorical` has `choices`.
        args: where a value is drawn from.
    """

    kind: Literal["float", "int", "categorical"]
    args: RangeArguments

    @model_validator(mode="after")
    def _check_arguments(self) -> "Range":
        numbers = [self.args.low, self.args.high, *([] if self.args.step is None else [self.args.step])]
        if self.kind == "categorical":
            if not self.args.choices or any(number is not None for number in numbers):
                raise ValueError("kind categorical has `args: {choices: [...]}` and nothing else")
        elif self.args.choices is not None or None in numbers:
            raise ValueError(f"kind {self.kind} has `args` with low and high, and no choices")
        elif self.args.low > self.args.high or (self.args.log and self.args.low <= 0):
            above = "0 < low <= high" if self.args.log else "low <= high"
            raise ValueError(f"low={self.args.low}, high={self.args.high}, expected {above}")
        elif self.kind == "int" and not all(isinstance(number, int) for number in numbers):
            raise ValueError("kind int has whole numbers")
        return self

    @property
    def first(self) -> Any:
        """The lowest value, or the first choice."""
        return self.args.choices[0] if self.args.choices else self.args.low


class SweepPlan(Written):
    """What a sweep's file says.

    Args:
        experiment: a name in `configs/experiment`, or the path of a YAML file.
        metric: a column of the run's `metrics.csv`; its newest value counts.
        direction: whether less or more of it is better.
        space: dotted key of the experiment -> what it may be.
        overrides: `key=value` strings that every trial has.
        seed: of the sampler.
    """

    experiment: Text
    metric: Text
    direction: Literal["minimize", "maximize"]
    space: Annotated[dict[str, Range], Field(min_length=1)]
    overrides: list[str] = Field(default_factory=list)
    seed: int = 0


def read_plan(path: Path) -> SweepPlan:
    """The checked content of a sweep's file.

    Raises:
        ValueError: in one line, for an unknown or missing key, or a wrong value.
    """
    return checked(SweepPlan, OmegaConf.to_container(read_yaml(path)), path.name)
