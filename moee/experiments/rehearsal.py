"""Before the first trial of a sweep: do its keys exist, and does training log the number it goes by?"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from moee.config_errors import unknown_name
from moee.experiments.compose import compose
from moee.experiments.loggers import read_metrics
from moee.experiments.run import Run
from moee.experiments.sweep_plan import SweepPlan

SHORT = (
    *("trainer.max_steps=2", "trainer.log_every_n_steps=1"),
    *("trainer.limit_val_batches=1", "trainer.val_check_interval=1"),
)


class TrialFailedError(RuntimeError):
    """A trial's process ended badly, or left no value of the metric; the message is its last line."""


def overrides_of(plan: SweepPlan, values: dict[str, object], smoke: bool = False) -> list[str]:
    """`key=value` strings of a trial: the plan's own, the experiment's `smoke:` values, the searched keys."""
    small = compose(plan.experiment).config.get("smoke") or {} if smoke else {}
    shrunk = [f"{key}={json.dumps(value)}" for key, value in _plain(small).items()]
    return [*plan.overrides, *shrunk, *(f"{key}={value}" for key, value in values.items())]


def _plain(values: object) -> dict[str, object]:
    from omegaconf import OmegaConf

    return dict(OmegaConf.to_container(OmegaConf.create(values)))  # type: ignore[call-overload]


def check_keys(plan: SweepPlan, root: Path, source: str) -> None:
    """Compose and check the first point of the space, then each other choice, without building anything.

    Raises:
        ValueError: one line with the dotted path of what is wrong.
    """
    first = {key: how.first for key, how in plan.space.items()}
    others = [
        first | {key: choice} for key, how in plan.space.items() for choice in (how.args.choices or [])[1:]
    ]
    for point in [first, *others]:
        try:
            Run(compose(plan.experiment, *overrides_of(plan, point)), root, build=False)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None


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


def train_in_child(experiment: str, overrides: Sequence[str], root: Path) -> None:
    """`moee train` in a process of its own.

    With `--resume`, because the sampler may draw a point twice, or one whose run was interrupted.

    Raises:
        TrialFailedError: if it fails; the message is its last line.
    """
    command = [sys.executable, "-m", "moee", "train", experiment, *overrides, "--resume", "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise TrialFailedError(lines[-1] if lines else f"exit status {done.returncode} without a word")
