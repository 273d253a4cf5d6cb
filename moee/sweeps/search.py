"""Optuna over dotted keys of an experiment; a trial is an ordinary run in a process of its own.

Before the first trial its keys are checked, and two steps show that training logs the number it goes by.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from moee.config_errors import unknown_name
from moee.console import Tell, silent
from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.files import check_folder, check_writable
from moee.monitoring.loggers import read_metrics
from moee.sweeps.plan import SweepPlan, read_plan
from moee.sweeps.trial import TrialFailedError, TrialSettings, overrides_of, run_trial, train_in_child
from moee.threads import CHOSEN_BY_HAND, cores

if TYPE_CHECKING:
    import optuna

SHORT = (
    *("trainer.max_steps=2", "trainer.log_every_n_steps=1"),
    *("trainer.limit_val_batches=1", "trainer.val_check_interval=1"),
)


def add_trials(
    path: Path,
    trials: int,
    storage: Path,
    root: Path,
    tell: Tell = silent,
    smoke: bool = False,
    workers: int = 1,
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
        workers: trials at a time; each has its share of the cores.

    Raises:
        ValueError: before the first trial, for fewer trials or workers than one, a file that is not as
            `read_plan` says, or keys and a metric that the experiment has not.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    for option, number in (("--trials", trials), ("--workers", workers)):
        if number < 1:
            raise ValueError(f"{option} {number}: at least 1 is needed")
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
    settings = TrialSettings(plan, root, tell, smoke, _threads_each(workers))

    def objective(trial: "optuna.Trial") -> float:
        return run_trial(trial, settings)

    study.optimize(objective, n_trials=trials, n_jobs=workers, catch=(TrialFailedError,))
    return study


def _threads_each(workers: int) -> int | None:
    """Threads of a trial beside others; None if it is alone, or the number was chosen by hand."""
    chosen = any(os.environ.get(name) for name in CHOSEN_BY_HAND)
    return None if workers == 1 or chosen else max(len(cores()) // workers, 1)


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
