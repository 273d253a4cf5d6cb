"""`moee cache`: what is kept on disk because making it takes long."""

import argparse
from pathlib import Path

from moee.console import say

DESCRIPTION = """What lies on disk only because making it again takes long: synthetic clips that training
reads, and measured videos, which a second evaluation need not measure again.

What is removed is made again when it is wanted. Published networks are the business of `moee weights`.
"""
EXAMPLES = """\
examples:
  moee cache list
  moee cache clean train-1a2b3c4d
  moee cache clean
  moee cache list --folder /scratch/synthetic
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee cache`."""
    parser.add_argument("action", choices=("list", "clean"), help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="caches to remove (default: all)")
    parser.add_argument(
        "--folder",
        action="append",
        type=Path,
        metavar="DIR",
        help="where to look, may be given several times (default: data/synthetic and results)",
    )


def run(args: argparse.Namespace) -> int:
    """`moee cache`: prints what is there, or what is gone."""
    from moee.monitoring.caches import PLACES, find_caches, remove_caches

    caches = find_caches(args.folder or PLACES)
    if args.action == "list" and args.names:
        raise ValueError("`moee cache list` takes no names")
    total = 0
    for cache in caches if args.action == "list" else remove_caches(caches, args.names):
        total += cache.bytes
        what = "" if args.action == "list" else "removed "
        size = f"{cache.bytes / 1e6:,.1f} MB"
        say(f"{what}{cache.path}  {cache.kind}  {size}  last written {cache.used:%Y-%m-%d}")
    say(f"{total / 1e6:,.1f} MB in all")
    return 0
