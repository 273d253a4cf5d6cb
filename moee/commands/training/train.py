"""`moee train`: one experiment, from its name to a run directory."""

import argparse
from pathlib import Path

from moee.console import say, warn

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
INTERRUPTED = 130


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
    from moee.experiments.training import train_experiment

    if args.print_config:
        say(_configuration(args))
        return 0
    tell = rank_zero_only(say)
    try:
        trained = train_experiment(
            args.experiment,
            args.overrides,
            root=args.root,
            resume=args.resume,
            smoke=args.smoke,
            tell=tell,
            advise=warn,
        )
    except TrainingInterruptedError as stop:
        tell(f"{stop}: the same command with --resume continues")
        return INTERRUPTED
    tell(f"done: {trained.directory}")
    return 0


def _configuration(args: argparse.Namespace) -> str:
    """The checked configuration as YAML, its run directory above it."""
    from omegaconf import OmegaConf

    from moee.experiments.compose import compose
    from moee.experiments.run import Run

    checked = Run(compose(args.experiment, *args.overrides, smoke=args.smoke), args.root, build=False)
    missing = [line for line in (checked.missing_data, checked.missing_weights) if line]
    comments = "".join(f"# {line}\n" for line in (checked.directory, *missing))
    return f"{comments}{OmegaConf.to_yaml(checked.composition.config)}".rstrip()
