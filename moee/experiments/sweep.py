"""Optuna over dotted keys of an experiment; a trial is an ordinary run in a process of its own.

Before the first trial its keys are checked, and two steps show that training logs the number it goes by.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from moee.config_errors import unknown_name
from moee.console import Tell, silent
from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.experiments.sweep_plan import Range, SweepPlan, read_plan
from moee.files import check_folder, check_writable
from moee.monitoring.loggers import read_metrics
from moee.weights.runs import is_run

if TYPE_CHECKING:
    import optuna

SHORT = (
    *("trainer.max_steps=2", "trainer.log_every_n_steps=1"),
    *("trainer.limit_val_batches=1", "trainer.val_check_interval=1"),
)


class TrialFailedError(RuntimeError):
    """A trial's process ended badly, or left no value of the metric; the message is its last line."""


def sweep(
    path: Path, trials: int, storage: Path, root: Path, tell: Tell = silent, smoke: bool = False
) -> "optuna.Study":
    """Add trials to the study in the journal file, which is made if absent.

    A trial that fails is recorded as FAIL with its last line in the attribute `failure`; all carry the
    `signature` and `directory` of their run. A new study begins with a rehearsal of two steps.

    Args:
        path: the sweep's YAML file.
        trials: how many to add, at least 1.
        storage: the journal file.
        root: folder of run directories.
        tell: told how each trial ended.
        smoke: trials are as small as the experiment's own `smoke:` values.

    Raises:
        ValueError: before the first trial, for fewer trials than one, a file that is not as `read_plan` says,
            or keys and a metric that the experiment has not.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if trials < 1:
        raise ValueError(f"--trials {trials}: at least 1 is needed")
    check_folder(root)
    check_writable(storage)
    plan = read_plan(path)
    check_keys(plan, root, path.name)
    storage.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=path.stem,
        storage=JournalStorage(JournalFileBackend(str(storage))),
        direction=plan.direction,
        load_if_exists=True,
    )
    if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
        try:
            check_metric(plan, path.name)
        except TrialFailedError as error:
            tell(f"a rehearsal of two steps failed: {error}")
    # A continued study must not draw the first session's points again.
    study.sampler = optuna.samplers.TPESampler(seed=plan.seed + len(study.trials))

    def objective(trial: "optuna.Trial") -> float:
        return _run_trial(trial, plan, root, tell, smoke)

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


def _run_trial(trial: "optuna.Trial", plan: SweepPlan, root: Path, tell: Tell, smoke: bool) -> float:
    """Train in a child process and read the metric from the run it left."""
    values = {key: _suggest(trial, key, how) for key, how in plan.space.items()}
    overrides = overrides_of(plan, values, smoke)
    checked = Run(compose(plan.experiment, *overrides), root, build=False)
    trial.set_user_attr("signature", checked.signature)
    trial.set_user_attr("directory", str(checked.directory))
    try:
        # the sampler may draw a point twice, or one whose run was interrupted
        train_in_child(plan.experiment, overrides, root, resume=is_run(checked.directory))
        value = last_value(checked.directory, plan.metric)
    except TrialFailedError as error:
        trial.set_user_attr("failure", str(error))
        tell(f"trial {trial.number} failed: {error}")
        raise
    tell(f"trial {trial.number}: {plan.metric} {value:.6g}  {' '.join(overrides)}")
    return value


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
    small = compose(plan.experiment).config.get("smoke") or {} if smoke else {}
    shrunk = [f"{key}={json.dumps(value)}" for key, value in _plain(small).items()]
    return [*plan.overrides, *shrunk, *(f"{key}={value}" for key, value in values.items())]


def _plain(values: object) -> dict[str, object]:
    return dict(OmegaConf.to_container(OmegaConf.create(values)))  # type: ignore[call-overload]


def check_keys(plan: SweepPlan, root: Path, source: str) -> None:
    """Compose and check the first point of the space, then each other choice, without building anything.

    Raises:
        FileNotFoundError: if the data or initial weights are not there.
        ValueError: one line with the dotted path of what is wrong.
    """
    first = {key: how.first for key, how in plan.space.items()}
    others = [
        first | {key: choice} for key, how in plan.space.items() for choice in (how.args.choices or [])[1:]
    ]
    for point in [first, *others]:
        try:
            checked = Run(compose(plan.experiment, *overrides_of(plan, point)), root, build=False)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None
        if missing := checked.missing_weights or checked.missing_data:
            raise FileNotFoundError(f"{source}: {missing}")


def check_metric(plan: SweepPlan, source: str) -> None:
    """Train two steps of the first point, as small as the experiment can be, and see what is logged.

    Raises:
        TrialFailedError: if that fails, so that nothing can be said of the metric.
        ValueError: if the metric is not among what is logged; one line that says what is.
    """
    first = {key: how.first for key, how in plan.space.items()}
    with TemporaryDirectory() as folder:
        train_in_child(plan.experiment, [*overrides_of(plan, first, smoke=True), *SHORT], Path(folder))
        rows = [row for directory in Path(folder).iterdir() for row in read_metrics(directory)]
    logged = {name for row in rows for name in row} - {"step", "epoch"}
    if plan.metric not in logged:
        line = f"{source}: metric: {plan.experiment} logs no {plan.metric!r}"
        raise ValueError(unknown_name(line, plan.metric, logged))


def train_in_child(experiment: str, overrides: Sequence[str], root: Path, resume: bool = False) -> None:
    """`moee train` in a process of its own; with `--resume` for a run that is there.

    Raises:
        TrialFailedError: if it fails; the message is its last line.
    """
    command = [sys.executable, "-m", "moee", "train", experiment, *overrides, "--root", str(root)]
    command += ["--resume"] if resume else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise TrialFailedError(lines[-1] if lines else f"exit status {done.returncode} without a word")
