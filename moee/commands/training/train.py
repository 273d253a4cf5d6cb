"""`moee train`: one experiment, from its name to a run directory; with --chain also what it starts from."""

import argparse
from pathlib import Path

from moee.console import Tell, say, warn

DESCRIPTION = """Train one experiment, or with --chain first whatever it starts from.

Its directory ROOT/<experiment>-<signature> is written once; the signature stands for all that decides the
result, such as the seed, the model, the data and the number of steps.

A chain trains each link in order and exports it to ./weights under its name. The same line continues it: what
is finished is not trained again. Changed keys are the last link's; trainer.accelerator, trainer.precision and
logger hold for all.
"""
EXAMPLES = """\
examples:
  moee train embedded-codec
  moee train embedded-codec trainer.max_steps=100 model.init_args.width=32
  moee train embedded-codec --print-config
  moee train embedded-codec --resume
  moee train --chain embedded-cues
  moee train --chain embedded-cues --print-config
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
        "--print-config",
        action="store_true",
        help="check, print the configuration (with --chain the links), and stop",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a short trial: the experiment's own `smoke:` values"
    )
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), help="folder of run directories (default: runs)"
    )
    chain = parser.add_argument_group("what it starts from")
    chain.add_argument("--chain", action="store_true", help="train that first, in order, each link resumable")
    chain.add_argument(
        "--weights",
        type=Path,
        metavar="DIR",
        help="where links export to (default: weights; with --smoke ROOT/smoke-weights)",
    )
    chain.add_argument("--force", action="store_true", help="write over exported files of another run")


def run(args: argparse.Namespace) -> int:
    """`moee train`: 0 when trained, 130 when stopped by Ctrl-C with a checkpoint."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from moee.experiments.callbacks import TrainingInterruptedError

    if not args.chain and (args.force or args.weights):
        raise ValueError("--weights and --force belong to --chain")
    if args.print_config:
        say(_links(args) if args.chain else _configuration(args))
        return 0
    tell = rank_zero_only(say)
    try:
        directory = _train_chain(args, tell) if args.chain else _train(args, tell)
    except TrainingInterruptedError as stop:
        tell(f"{stop}: the same command{'' if args.chain else ' with --resume'} continues")
        return INTERRUPTED
    tell(f"done: {directory}")
    return 0


def _train(args: argparse.Namespace, tell: Tell) -> Path:
    from moee.experiments.training import train_experiment

    return train_experiment(
        args.experiment,
        args.overrides,
        root=args.root,
        resume=args.resume,
        smoke=args.smoke,
        tell=tell,
        advise=warn,
    ).directory


def _train_chain(args: argparse.Namespace, tell: Tell) -> Path:
    from moee.experiments.chain import train_chain

    links = train_chain(
        args.experiment,
        args.overrides,
        root=args.root,
        weights=args.weights,
        smoke=args.smoke,
        force=args.force,
        tell=tell,
        advise=warn,
    )
    return links[-1].directory


def _links(args: argparse.Namespace) -> str:
    """The links of a chain in their order: steps, and what each exports."""
    from moee.experiments.chain import plan_chain

    lines = []
    for number, link in enumerate(plan_chain(args.experiment, args.overrides, args.smoke), 1):
        steps = f"{link.steps:6,} steps" if link.steps > 0 else ""
        lines.append(f"{number} {link.experiment:24} {steps:12}  {' '.join(link.exports)}".rstrip())
    return "\n".join(lines)


def _configuration(args: argparse.Namespace) -> str:
    """The checked configuration as YAML, its run directory above it."""
    from omegaconf import OmegaConf

    from moee.experiments.compose import compose
    from moee.experiments.run import Run

    checked = Run(compose(args.experiment, *args.overrides, smoke=args.smoke), args.root, build=False)
    checked.check_parts()
    missing = [line for line in (checked.missing_data, checked.missing_weights) if line]
    comments = "".join(f"# {line}\n" for line in (checked.directory, *missing))
    return f"{comments}{OmegaConf.to_yaml(checked.composition.config)}".rstrip()
