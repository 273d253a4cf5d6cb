"""Trains an experiment in its run directory, and writes down what decided the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import Tell, silent
from moee.files import check_folder, check_space
from moee.threads import settle_threads

if TYPE_CHECKING:
    from lightning import LightningModule

    from moee.experiments.run import Run


@dataclass(frozen=True)
class TrainedRun:
    """A finished training.

    Args:
        directory: of the run.
        signature: of all that decides the result, as in the directory's name.
        steps: of the optimizer, those of earlier sessions included.
        checkpoint: the newest one; None if the run was shorter than its first.
        metrics: newest value of everything that was logged.
    """

    directory: Path
    signature: str
    steps: int
    checkpoint: Path | None
    metrics: dict[str, float]


def train_experiment(
    experiment: str | Path,
    overrides: Sequence[str] = (),
    *,
    root: str | Path = "runs",
    resume: bool = False,
    smoke: bool = False,
    tell: Tell = silent,
    advise: Tell = silent,
) -> TrainedRun:
    """Train one experiment in `root/<experiment>-<signature>`.

    Args:
        experiment: a name in `configs/experiment`, or the path of a YAML file.
        overrides: `key=value` strings by dotted key; later wins.
        root: folder of run directories.
        resume: continue from the newest checkpoint, if there is one.
        smoke: a short trial: the experiment's own `smoke:` values.
        tell: told where the run lies and how it goes on.
        advise: told what this machine is slow at.

    Raises:
        FileNotFoundError: if there is no such experiment.
        ValueError: one line with the dotted path of what is wrong.
        FileExistsError: if the directory exists and `resume` is not given, or if with `resume` there are
            only runs of the same experiment with other keys.
        moee.experiments.callbacks.TrainingInterruptedError: when asked to stop; a checkpoint was written.
    """
    from moee.experiments.compose import compose
    from moee.experiments.run import Run
    from moee.monitoring.loggers import read_metrics
    from moee.weights.runs import newest_checkpoint

    check_folder(Path(root))
    run = Run(compose(experiment, *overrides, smoke=smoke), root, build=False)
    run.check_complete()
    check_folder(run.directory)
    refuse_overwriting(run, resume)
    if resume:
        refuse_starting_anew(run)
    run.make()
    check_space(run.directory, least_bytes(run.model))
    if advice := emulated_precision(str(run.experiment.trainer.get("precision"))):
        advise(advice)
    tell(f"run directory: {run.directory}")
    train(run, resume, tell)
    newest = {
        name: float(value) for row in read_metrics(run.directory) for name, value in row.items() if value
    }
    checkpoint = newest_checkpoint(run.directory)
    return TrainedRun(run.directory, run.signature, run.trainer.global_step, checkpoint, newest)


def least_bytes(model: "LightningModule") -> int:
    """Of a checkpoint: that of the weights alone."""
    return sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())


def emulated_precision(precision: str) -> str | None:
    """What to say of a precision that this machine only emulates; None where it computes in it."""
    from evaluation.runtime.devices import choose_device
    from lightning_modules.optim.precision import multiplies_bfloat16

    if not precision.startswith("bf16") or multiplies_bfloat16(choose_device()):
        return None
    return (
        f"trainer.precision={precision}: this machine has no bfloat16 instructions and emulates them, "
        "many times slower; trainer.precision=32-true is faster here"
    )


def train(run: "Run", resume: bool = False, tell: Tell = silent) -> Path:
    """Train a built run in its own directory, which must be new unless `resume`; returns the directory.

    Args:
        run: built.
        resume: continue from the newest checkpoint, if there is one.
        tell: told from which one.

    Raises:
        FileExistsError: if the directory exists and `resume` is not given.
        moee.experiments.callbacks.TrainingInterruptedError: when asked to stop; a checkpoint was written.
    """
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from moee.experiments.run_directory import recorded_threads, write_record
    from moee.monitoring.loggers import close_loggers, continue_metrics, read_metrics
    from moee.weights.runs import is_run, newest_checkpoint, step_of

    refuse_overwriting(run, resume)
    settle_threads(recorded_threads(run.directory))  # sums round as they did when the run began
    checkpoint, rows = None, []
    if is_run(run.directory):
        checkpoint, rows = newest_checkpoint(run.directory), read_metrics(run.directory)
    elif rank_zero_only.rank == 0:
        write_record(run.directory, run.settings, run.parsed, _provenance(run))
    if checkpoint and rank_zero_only.rank == 0:
        tell(f"continuing from {checkpoint.name}")
        continue_metrics(run.trainer.loggers[0], rows, step_of(checkpoint))  # type: ignore[arg-type]
    path = str(checkpoint) if checkpoint else None
    if rank_zero_only.rank == 0:
        make_clips_ready(run, tell)
    try:
        run.trainer.fit(run.model, run.datamodule, ckpt_path=path, weights_only=True)
    except SystemExit:  # Lightning turns Ctrl-C into an exit with status 1
        raise KeyboardInterrupt from None
    finally:
        close_loggers(run.trainer.loggers)
    return run.directory


def make_clips_ready(run: "Run", tell: Tell = silent) -> None:
    """Say what the data have to say, and render clips that are missing, with how far it is.

    Raises:
        OSError: if the disk has no room for the clips.
    """
    from datamodules.loading.notices import RendersClips, SaysBeforehand
    from moee.monitoring.progress import watched

    if isinstance(run.datamodule, SaysBeforehand):
        for line in run.datamodule.notices(run.trainer.world_size):
            tell(line)
    if isinstance(run.datamodule, RendersClips):
        with watched("clips", tell) as watch:
            run.datamodule.render(watch)


def refuse_overwriting(run: "Run", resume: bool) -> None:
    """A run directory is written once: a `FileExistsError` that offers --resume."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from moee.weights.runs import is_run

    if is_run(run.directory) and not resume and rank_zero_only.rank == 0:
        raise FileExistsError(
            f"{run.directory} exists: add --resume to continue it, or change a key or the root"
        )


def refuse_starting_anew(run: "Run") -> None:
    """What is to be continued must be there: a run of the same experiment with other keys is another one.

    Raises:
        FileExistsError: if there are only such; one line with the newest and the keys that differ.
    """
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from moee.experiments.run_directory import differences, other_runs
    from moee.weights.runs import is_run

    if is_run(run.directory) or rank_zero_only.rank != 0:
        return
    if others := other_runs(run.root, run.name):
        what = differences(others[-1], run.settings | run.parsed)
        raise FileExistsError(
            f"--resume: there is no {run.directory}; {others[-1]} differs in {what}: "
            "give its keys to continue it, or drop --resume to start anew"
        )


def _provenance(run: "Run") -> dict:
    from moee.weights.registry import sha256_of

    return {
        "signature": run.signature,
        "files": {str(path): sha256_of(path) for path in run.composition.sources},
        "overrides": list(run.composition.overrides),
        "initial_weights": {part: [str(path), sha256_of(path)] for part, path in run.weights.items()},
        "data_digest": run.data_digest,
    }
