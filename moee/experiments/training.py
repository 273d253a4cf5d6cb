"""`moee train`: one experiment, from its name to a run directory."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import say, warn

if TYPE_CHECKING:
    from moee.experiments.composition import Run

DESCRIPTION = """Train one experiment.

Its directory ROOT/<experiment>-<signature> is written once; the signature stands for all that decides the
result, such as the seed, the model, the data and the number of steps.
"""
EXAMPLES = """\
examples:
  moee train embedded-codec
  moee train embedded-codec trainer.max_steps=100 model.init_args.width=32
  moee train embedded-codec --print-config
  moee train embedded-codec --resume
  moee train my/experiment.yaml logger=wandb
  srun --ntasks-per-node 4 moee train embedded-joint trainer.devices=4 trainer.strategy=ddp   # or torchrun
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee train`."""
    parser.add_argument("experiment", help="a name in configs/experiment, or the path of a YAML file")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes, by dotted key")
    parser.add_argument(
        "--resume", action="store_true", help="continue from the newest checkpoint, if there is one"
    )
    parser.add_argument(
        "--print-config", action="store_true", help="check, print the configuration, and stop"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a short trial: the experiment's own `smoke:` values"
    )
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), help="folder of run directories (default: runs)"
    )


def run(args: argparse.Namespace) -> int:
    """`moee train`: 0 when trained, 130 when stopped by Ctrl-C with a checkpoint."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from moee.experiments.callbacks import TrainingInterruptedError
    from moee.experiments.composition import Run, compose

    checked = Run(compose(args.experiment, *args.overrides, smoke=args.smoke), args.root, build=False)
    if args.print_config:
        from omegaconf import OmegaConf

        say(f"# {checked.directory}\n{OmegaConf.to_yaml(checked.composition.config)}".rstrip())
        return 0
    refuse_overwriting(checked, args.resume)
    checked.make()
    if advice := emulated_precision(str(checked.settings["trainer"].get("precision"))):
        warn(advice)
    tell = rank_zero_only(say)
    tell(f"run directory: {checked.directory}")
    try:
        train(checked, args.resume)
    except TrainingInterruptedError as stop:
        tell(f"{stop}: the same command with --resume continues")
        return 130
    tell(f"done: {checked.directory}")
    return 0


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


def train(run: "Run", resume: bool = False) -> Path:
    """Train a built run in its own directory, which must be new unless `resume`; returns the directory.

    Raises:
        FileExistsError: if the directory exists and `resume` is not given.
        moee.experiments.callbacks.TrainingInterruptedError: when asked to stop; a checkpoint was written.
    """
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from moee.experiments.loggers import continue_metrics, read_metrics
    from moee.experiments.run_directory import newest_checkpoint, write_record

    refuse_overwriting(run, resume)
    checkpoint, rows = None, []
    if (run.directory / "config.yaml").is_file():
        checkpoint, rows = newest_checkpoint(run.directory), read_metrics(run.directory)
    elif rank_zero_only.rank == 0:
        write_record(run.directory, run.settings, run.parsed, _provenance(run))
    if checkpoint and rank_zero_only.rank == 0:
        say(f"continuing from {checkpoint.name}")
        continue_metrics(run.trainer.loggers[0], rows, _step(checkpoint))  # type: ignore[arg-type]
    path = str(checkpoint) if checkpoint else None
    try:
        run.trainer.fit(run.model, run.datamodule, ckpt_path=path, weights_only=True)
    except SystemExit:  # Lightning turns Ctrl-C into an exit with status 1
        raise KeyboardInterrupt from None
    return run.directory


def refuse_overwriting(run: "Run", resume: bool) -> None:
    """A run directory is written once: a `FileExistsError` that offers --resume."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    if (run.directory / "config.yaml").is_file() and not resume and rank_zero_only.rank == 0:
        raise FileExistsError(
            f"{run.directory} exists: add --resume to continue it, or change a key or the root"
        )


def _step(checkpoint: Path) -> int:
    return int(checkpoint.stem.partition("=")[2])


def _provenance(run: "Run") -> dict:
    from moee.weights.registry import sha256_of

    digest = run.datamodule.digest() if hasattr(run.datamodule, "digest") else None
    return {
        "signature": run.signature,
        "files": {str(path): sha256_of(path) for path in run.composition.sources},
        "overrides": list(run.composition.overrides),
        "initial_weights": {part: [str(path), sha256_of(path)] for part, path in run.weights.items()},
        "data_digest": digest,
    }
