"""A search over the keys of an experiment, and what came of it as data. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import Tell, silent
from moee.smoke import lowered

if TYPE_CHECKING:
    import optuna

TRIALS = 10  # that a call adds


@dataclass(frozen=True)
class SweepTrial:
    """One trial of a study.

    Args:
        number: from 0 on.
        values: key -> what was tried.
        value: of the metric; None if it failed or still runs.
        directory: of its run.
        failure: the last line of a trial that failed.
    """

    number: int
    values: dict[str, Any]
    value: float | None
    directory: Path | None
    failure: str | None


@dataclass(frozen=True)
class SweepOutcome:
    """A study as it stands, trials of earlier calls included.

    Args:
        metric: that decides.
        best: the trial with the best value.
        trials: all of them.
        storage: the study's journal file.
    """

    metric: str
    best: SweepTrial
    trials: list[SweepTrial]
    storage: Path


def sweep(
    space: str | Path,
    trials: int = TRIALS,
    *,
    root: str | Path = "runs",
    storage: str | Path | None = None,
    workers: int = 1,
    smoke: bool = False,
    tell: Tell = silent,
) -> SweepOutcome:
    """Search over the keys of an experiment; the same call goes on where the study stands.

    Args:
        space: a name in `configs/sweep`, or the path of a YAML file.
        trials: how many to add.
        root: folder of run directories.
        storage: the study's journal file; None is `<space>.journal` in `root`.
        workers: trials at a time; each has its share of the cores.
        smoke: short trials: the experiment's own `smoke:` values.
        tell: told how each trial ended.

    Raises:
        FileNotFoundError: if there is no such space, or its experiment's data or weights are missing.
        ValueError: before the first trial, for a key or metric that the experiment has not; afterwards, if
            not a single trial ended well.
    """
    from moee.shipped_configs import find_config
    from moee.sweeps.plan import read_plan
    from moee.sweeps.search import add_trials, best_of

    trials = lowered("sweep", {"trials": trials}).get("trials", trials)
    path = find_config("sweep", str(space))
    journal = Path(storage) if storage else Path(root) / f"{path.stem}.journal"
    study = add_trials(path, trials, journal, Path(root), tell, smoke, workers)
    best = best_of(study)
    return SweepOutcome(
        read_plan(path).metric, _trial_data(best), [_trial_data(trial) for trial in study.trials], journal
    )


def _trial_data(trial: "optuna.trial.FrozenTrial") -> SweepTrial:
    directory = trial.user_attrs.get("directory")
    return SweepTrial(
        trial.number,
        trial.params,
        trial.value,
        Path(directory) if directory else None,
        trial.user_attrs.get("failure"),
    )
