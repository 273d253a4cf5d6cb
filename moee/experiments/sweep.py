"""Optuna over dotted keys of an experiment; a trial is an ordinary run in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import Tell, silent

if TYPE_CHECKING:
    import optuna

PLAN_KEYS = ("experiment", "metric", "direction", "space", "overrides", "seed")
DIRECTIONS = ("minimize", "maximize")
KINDS = ("float", "int", "categorical")


class TrialFailedError(RuntimeError):
    """A trial's process ended badly, or left no value of the metric; the message is its last line."""


def read_plan(path: Path) -> dict[str, Any]:
    """The checked content of a sweep's file.

    Raises:
        ValueError: for an unknown or missing key, direction or kind of range.
    """
    from omegaconf import OmegaConf

    from moee.config_errors import unknown_key, unknown_name
    from moee.experiments.merge import read

    plan: dict[str, Any] = OmegaConf.to_container(read(path))  # type: ignore[assignment]
    for key in plan:
        if key not in PLAN_KEYS:
            raise ValueError(f"{path.name}: {unknown_key('', key, PLAN_KEYS)}")
    for key in ("experiment", "metric", "direction", "space"):
        if not plan.get(key):
            raise ValueError(f"{path.name}: {key} is missing")
    if plan["direction"] not in DIRECTIONS:
        raise ValueError(f"{path.name}: direction {plan['direction']!r}, expected minimize or maximize")
    for key, how in plan["space"].items():
        if not isinstance(how, dict) or how.get("kind") not in KINDS or not isinstance(how.get("args"), dict):
            wrong = how.get("kind") if isinstance(how, dict) else how
            what = f"{path.name}: space of {key}: kind {wrong!r} with `args`"
            raise ValueError(unknown_name(what, str(wrong), KINDS))
    return plan


def sweep(path: Path, trials: int, storage: Path, root: Path, tell: Tell = silent) -> "optuna.Study":
    """Add trials to the study in the journal file, which is made if absent.

    A trial that fails is recorded as FAIL with its last line in the attribute `failure`; all carry the
    `signature` and `directory` of their run.

    Args:
        path: the sweep's YAML file.
        trials: how many to add, at least 1.
        storage: the journal file.
        root: folder of run directories.
        tell: told how each trial ended.

    Raises:
        ValueError: for fewer trials than one, or a file that is not as `read_plan` says.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if trials < 1:
        raise ValueError(f"--trials {trials}: at least 1 is needed")
    plan = read_plan(path)
    storage.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=path.stem,
        storage=JournalStorage(JournalFileBackend(str(storage))),
        direction=plan["direction"],
        load_if_exists=True,
    )
    # A continued study must not draw the first session's points again.
    study.sampler = optuna.samplers.TPESampler(seed=plan.get("seed", 0) + len(study.trials))

    def objective(trial: "optuna.Trial") -> float:
        return _run_trial(trial, plan, root, tell)

    study.optimize(objective, n_trials=trials, catch=(TrialFailedError,))
    return study


def best_of(study: "optuna.Study") -> "optuna.trial.FrozenTrial":
    """The best trial of a study.

    Raises:
        ValueError: if not a single trial ended well; the line has the last one's reason.
    """
    from optuna.trial import TrialState

    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        failure = study.trials[-1].user_attrs.get("failure")
        raise ValueError(f"no trial of {study.study_name} ended well: {failure}")
    return study.best_trial


def _run_trial(trial: "optuna.Trial", plan: dict[str, Any], root: Path, tell: Tell) -> float:
    """Train in a child process and read the metric from the run it left."""
    from moee.experiments.composition import Run, compose

    picked = {key: _suggest(trial, key, how) for key, how in plan["space"].items()}
    overrides = [*plan.get("overrides", []), *(f"{key}={value}" for key, value in picked.items())]
    checked = Run(compose(plan["experiment"], *overrides), root, build=False)
    trial.set_user_attr("signature", checked.signature)
    trial.set_user_attr("directory", str(checked.directory))
    try:
        _train(plan["experiment"], overrides, root)
        value = last_value(checked.directory, plan["metric"])
    except TrialFailedError as error:
        trial.set_user_attr("failure", str(error))
        tell(f"trial {trial.number} failed: {error}")
        raise
    tell(f"trial {trial.number}: {plan['metric']} {value:.6g}  {' '.join(overrides)}")
    return value


def _suggest(trial: "optuna.Trial", key: str, how: dict[str, Any]) -> Any:
    if how["kind"] == "float":
        return trial.suggest_float(key, **how["args"])
    if how["kind"] == "int":
        return trial.suggest_int(key, **how["args"])
    return trial.suggest_categorical(key, **how["args"])


def _train(experiment: str, overrides: list[str], root: Path) -> None:
    """`--resume`, because the sampler may draw a point twice, or one whose run was interrupted."""
    command = [sys.executable, "-m", "moee", "train", experiment, *overrides, "--resume", "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise TrialFailedError(lines[-1] if lines else f"exit status {done.returncode} without a word")


def last_value(directory: Path, metric: str) -> float:
    """The newest value of a metric in a run's `metrics.csv`."""
    from moee.experiments.loggers import read_metrics

    rows = read_metrics(directory)
    values = [float(row[metric]) for row in rows if metric in row]
    if not values:
        known = sorted({name for row in rows for name in row} - {"step", "epoch"})
        raise TrialFailedError(f"{directory} logged no {metric!r}; known are {', '.join(known) or 'none'}")
    return values[-1]
