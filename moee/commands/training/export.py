"""`moee export`: weights of a run as safetensors files that can be loaded and shared."""

import argparse
from pathlib import Path

from moee.console import say
from moee.experiments.export import DTYPES

DESCRIPTION = """Write the parts that the run's `export:` section names, from its newest checkpoint.

Each file is a plain state dict in safetensors; its header holds the configuration that builds the part again.
Other experiments find it by its stem in `initial_weights:`.
"""
EXAMPLES = """\
examples:
  moee export runs/embedded-codec-1a2b3c4d
  moee export runs/embedded-codec-1a2b3c4d --dtype float16
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee export`."""
    parser.add_argument("directory", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder to fill (default: weights)")
    parser.add_argument(
        "--dtype", choices=DTYPES, default="float32", help="of floating tensors (default: float32)"
    )
    parser.add_argument("--force", action="store_true", help="write over files that another run made")


def run(args: argparse.Namespace) -> int:
    """`moee export`: prints what was written."""
    from moee.experiments.export import export

    for path in export(args.directory, args.out, args.dtype, args.force):
        say(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    return 0
