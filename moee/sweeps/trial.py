"""One trial of a sweep: an ordinary run, trained in a process of its own."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from moee.console import Tell
from moee.experiments.compose import compose, least_score
from moee.experiments.run import Run
from moee.monitoring.loggers import read_metrics
from moee.sweeps.plan import Range, SweepPlan
from moee.weights.runs import is_run

if TYPE_CHECKING:
    import optuna


class TrialFailedError(RuntimeError):
    """A trial's process ended badly, or left no value of the metric; the message is its last line."""


@dataclass(frozen=True)
class TrialSettings:
    """What all trials of a call share.

    Args:
        plan: what is searched, and by what.
        root: folder of run directories.
        tell: told how each trial ended.
        smoke: trials are as small as the experiment's own `smoke:` values.
        threads: of each trial's process; None as it finds.
        drawing: held while a point is drawn and checked, by one worker at a time.
        running: held while a run directory is written: two workers may draw one point.
    """

    plan: SweepPlan
    root: Path
    tell: Tell
    smoke: bool
    threads: int | None
    drawing: Lock = field(default_factory=Lock)
    running: defaultdict[Path, Lock] = field(default_factory=lambda: defaultdict(Lock))


def run_trial(trial: "optuna.Trial", settings: TrialSettings) -> float:
    """Train in a child process and read the metric from the run it left."""
    plan, root = settings.plan, settings.root
    with settings.drawing:
        overrides = overrides_of(plan, draw(trial, plan), settings.smoke)
        checked = Run(compose(plan.experiment, *overrides), root, build=False)
        running = settings.running[checked.directory]
    trial.set_user_attr("signature", checked.signature)
    trial.set_user_attr("directory", str(checked.directory))
    try:
        with running:  # the sampler may draw a point twice, or one whose run was interrupted
            resume = is_run(checked.directory)
            train_in_child(plan.experiment, overrides, root, resume, settings.threads)
        value = last_value(checked.directory, plan.metric)
    except TrialFailedError as error:
        trial.set_user_attr("failure", str(error))
        settings.tell(f"trial {trial.number} failed: {error}")
        raise
    settings.tell(f"trial {trial.number}: {plan.metric} {value:.6g}  {' '.join(overrides)}")
    return value


def draw(trial: "optuna.Trial", plan: SweepPlan) -> dict[str, Any]:
    """A value for each key; another trial of the study draws others, whichever process or session it has."""
    from optuna.samplers import TPESampler

    trial.study.sampler = TPESampler(seed=plan.seed + trial.number, constant_liar=True)
    return {key: _suggest(trial, key, how) for key, how in plan.space.items()}


def _suggest(trial: "optuna.Trial", key: str, how: Range) -> Any:
    if how.kind == "categorical":
        return trial.suggest_categorical(key, how.args.choices or [])
    arguments = how.args.model_dump(exclude={"choices"}, exclude_none=how.kind == "int")
    return (trial.suggest_float if how.kind == "float" else trial.suggest_int)(key, **arguments)


def last_value(directory: Path, metric: str) -> float:
    """The newest value of a metric in a run's `metrics.csv`.

    Raises:
        TrialFailedError: if there is none.
    """
    rows = read_metrics(directory)
    values = [float(row[metric]) for row in rows if metric in row]
    if not values:
        known = sorted({name for row in rows for name in row} - {"step", "epoch"})
        raise TrialFailedError(f"{directory} logged no {metric!r}; known are {', '.join(known) or 'none'}")
    return values[-1]


def overrides_of(plan: SweepPlan, values: dict[str, object], smoke: bool = False) -> list[str]:
    """`key=value` strings of a trial: the plan's own, the experiment's `smoke:` values, the searched keys."""
    searched = [f"{key}={value}" for key, value in values.items()]
    if not smoke:
        return [*plan.overrides, *searched]
    config = compose(plan.experiment, *plan.overrides).config
    small = _plain(config.get("smoke") or {}) | least_score(config)
    shrunk = [f"{key}={json.dumps(value)}" for key, value in small.items()]
    return [*plan.overrides, *shrunk, *searched]


def _plain(values: object) -> dict[str, object]:
    return dict(OmegaConf.to_container(OmegaConf.create(values)))  # type: ignore[call-overload]


def train_in_child(
    experiment: str, overrides: Sequence[str], root: Path, resume: bool = False, threads: int | None = None
) -> None:
    """`moee train` in a process of its own; with `--resume` for a run that is there.

    Raises:
        TrialFailedError: if it fails; the message is its last line.
    """
    command = [sys.executable, "-m", "moee", "train", experiment, *overrides, "--root", str(root)]
    command += ["--resume"] if resume else []
    variables = None if threads is None else os.environ | {"MOEE_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise TrialFailedError(lines[-1] if lines else f"exit status {done.returncode} without a word")
