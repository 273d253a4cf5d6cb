"""`moee sweep`: search over the keys of an experiment."""

import argparse
from pathlib import Path

from moee.console import say
from moee.sweeps.sweep import TRIALS, sweep

DESCRIPTION = """Search over the keys that configs/sweep/SPACE.yaml names.

Each trial is `moee train` with overrides, in a process of its own. The study lies in a journal file; the same
command continues it, and on another terminal or machine that sees the file it helps.
"""
EXAMPLES = """\
examples:
  moee sweep judge-rate --trials 20
  moee sweep judge-rate --trials 2 --smoke
  moee sweep judge-rate --trials 8 --workers 2
  moee sweep my/space.yaml --trials 5 --storage runs/mine.journal
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee sweep`."""
    parser.add_argument("space", metavar="SPACE", help="a name in configs/sweep, or the path of a YAML file")
    parser.add_argument(
        "--trials", type=int, default=TRIALS, help="how many trials to add (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=1, help="trials at a time (default: 1)")
    parser.add_argument(
        "--smoke", action="store_true", help="short trials: the experiment's own `smoke:` values"
    )
    parser.add_argument("--storage", type=Path, help="journal file (default: ROOT/<space>.journal)")
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), help="folder of run directories (default: runs)"
    )


def run(args: argparse.Namespace) -> int:
    """`moee sweep`: prints each trial and the best; fails if not a single trial ended well."""
    outcome = sweep(
        args.space,
        args.trials,
        root=args.root,
        storage=args.storage,
        workers=args.workers,
        smoke=args.smoke,
        tell=say,
    )
    best = outcome.best
    say(f"best: trial {best.number}, {outcome.metric} {best.value:.6g}")
    say(f"  {best.directory}")
    for key, value in best.values.items():
        say(f"  {key}={value}")
    return 0
