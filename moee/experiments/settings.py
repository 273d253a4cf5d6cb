"""The keys of an experiment that no constructor reads; `trainer`, `model` and `data` have theirs."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from evaluation.validation import Written, problem
from moee.config_errors import unknown_name
from moee.monitoring.score_plan import ScorePlan

LOGGERS = ("csv", "wandb", "tensorboard")
WEIGHTS_SUFFIX = ".safetensors"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value or []


def _known_loggers(names: list[str]) -> list[str]:
    for name in names:
        if name not in LOGGERS:
            raise ValueError(unknown_name(f"unknown {name!r}", name, LOGGERS))
    return sorted({"csv", *names})


def _file_names(parts: dict[str, str]) -> dict[str, str]:
    for name in parts:
        if not name.endswith(WEIGHTS_SUFFIX):
            raise ValueError(
                f"{name!r} is no file name; expected `<name>{WEIGHTS_SUFFIX}: <part of the model>`"
            )
    return parts


def _taken(value: object) -> object:
    """What an experiment takes back by writing null is left out: of the whole, or of single entries."""
    if isinstance(value, dict):
        return {key: entry for key, entry in value.items() if entry is not None}
    return {} if value is None else value


Count = Annotated[int, Field(ge=1)]


class ExperimentSettings(Written):
    """All top-level keys of an experiment, resolved.

    Args:
        name: of the experiment; its run directories begin with it.
        vars: values that others refer to as `${vars.<name>}`.
        seed_everything: of the global generators.
        trainer, model, data: see their constructors.
        logger: `csv` always; what is named beside it.
        checkpoint_every: optimizer steps between two checkpoints.
        keep_checkpoints: how many of the newest stay.
        initial_weights: part of the model -> weights file or its stem; "" is the whole model, loaded first.
        export: file name -> part of the model that `moee export` writes; "" is the whole model.
        score: how often the network is looked at while it trains; None for never.
        smoke: what a short trial changes, by dotted key.
    """

    name: str
    vars: dict[str, Any] = Field(default_factory=dict)
    seed_everything: bool | int = 0
    trainer: dict[str, Any]
    model: dict[str, Any]
    data: dict[str, Any]
    logger: Annotated[list[str], BeforeValidator(_as_list), AfterValidator(_known_loggers)]
    checkpoint_every: Count
    keep_checkpoints: Count
    initial_weights: Annotated[dict[str, str], BeforeValidator(_taken)] = Field(default_factory=dict)
    export: Annotated[dict[str, str], BeforeValidator(_taken), AfterValidator(_file_names)] = Field(
        default_factory=dict
    )
    score: ScorePlan | None = None
    smoke: Annotated[dict[str, Any], BeforeValidator(_taken)] = Field(default_factory=dict)


def checked_settings(content: dict[str, Any]) -> ExperimentSettings:
    """The top-level keys of a resolved experiment.

    Raises:
        ValueError: one line with the path of what is wrong.
    """
    try:
        return ExperimentSettings.model_validate(content)
    except ValidationError as error:
        raise ValueError(problem(error, ExperimentSettings)) from None


def top_level_keys() -> list[str]:
    """Names of all top-level keys."""
    return list(ExperimentSettings.model_fields)
