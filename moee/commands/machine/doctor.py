"""`moee doctor`: what works on this machine, and how to mend the rest."""

import argparse
from collections import Counter
from pathlib import Path

from moee.console import say

DESCRIPTION = """What works on this machine, line by line: ok, warn or FAIL, and how to mend it.

The exit status is 1 if a line says FAIL.
"""
EXAMPLES = """\
examples:
  moee doctor
  moee doctor --quick
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee doctor`."""
    parser.add_argument("--quick", action="store_true", help="leave out what needs torch or PyAV")
    parser.add_argument("--root", type=Path, default=Path("."), help="folder that runs go to (default: here)")


def run(args: argparse.Namespace) -> int:
    """`moee doctor`: prints every finding; 1 if anything failed."""
    from moee.monitoring.doctor import examine

    states: Counter[str] = Counter()
    for finding in examine(args.root, args.quick):
        say(str(finding))
        states[finding.state] += 1
    say(f"{states['FAIL']} failed, {states['warn']} warned")
    return 1 if states["FAIL"] else 0
