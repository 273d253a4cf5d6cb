"""`moee sweep`: search over the keys of an experiment."""

import argparse
from pathlib import Path

from moee.console import say

DESCRIPTION = """Search over the keys that configs/sweep/SPACE.yaml names.

Each trial is `moee train` with overrides, in a process of its own. The study lies in a journal file; the same
command continues it.
"""
EXAMPLES = """\
examples:
  moee sweep judge-rate --trials 20
  moee sweep judge-rate --trials 2 --smoke
  moee sweep my/space.yaml --trials 5 --storage runs/mine.journal
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee sweep`."""
    parser.add_argument("space", metavar="SPACE", help="a name in configs/sweep, or the path of a YAML file")
    parser.add_argument("--trials", type=int, default=10, help="how many trials to add (default: 10)")
    parser.add_argument(
        "--smoke", action="store_true", help="short trials: the experiment's own `smoke:` values"
    )
    parser.add_argument("--storage", type=Path, help="journal file (default: ROOT/<space>.journal)")
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), help="folder of run directories (default: runs)"
    )


def run(args: argparse.Namespace) -> int:
    """`moee sweep`: prints each trial and the best; fails if not a single trial ended well."""
    from moee.experiments.sweep import best_of, sweep
    from moee.experiments.sweep_plan import read_plan
    from moee.shipped_configs import find_config

    path = find_config("sweep", args.space)
    storage = args.storage or args.root / f"{path.stem}.journal"
    best = best_of(sweep(path, args.trials, storage, args.root, say, args.smoke))
    say(f"best: trial {best.number}, {read_plan(path).metric} {best.value:.6g}")
    say(f"  {best.user_attrs['directory']}")
    for key, value in best.params.items():
        say(f"  {key}={value}")
    return 0
