"""`MOEE_SMOKE=1`: each command at its smallest size, to see whether a line runs; its numbers say nothing."""

import argparse
import os

from moee.console import warn

VARIABLE = "MOEE_SMOKE"
SAMPLED = {"seeds": 1, "steps": 1}  # option -> at most
SCORED = {"clips": 2, "frames": 5, **SAMPLED}
SMALLEST = {
    "evaluate": {"synthetic": 2, "frames": 5, **SAMPLED},
    "foreign": {"synthetic": 2, "frames": 5},
    "clips": {"synthetic": 2, "frames": 5},
    "score": SCORED,
    "study": {**SCORED, "frames": 8, "seconds": 2.0},
    "sweep": {"trials": 2},
}


def is_asked_for() -> bool:
    """Whether `$MOEE_SMOKE` is set, to anything but nothing and 0."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def shrink(args: argparse.Namespace) -> None:
    """Bring a parsed command line to its smallest size, if that is asked for: what was given is lowered."""
    if not is_asked_for():
        return
    warn(f"{VARIABLE} is set: this runs at its smallest size, and its numbers say nothing")
    if args.command == "demo":
        args.quick = True
    for name, most in _sizes(args).items():
        given = getattr(args, name)
        setattr(args, name, most if given is None else min(given, most))


def _sizes(args: argparse.Namespace) -> dict[str, float]:
    """Options that decide how much is made; none of a network's where finished videos are judged."""
    sizes: dict[str, float] = dict(SMALLEST.get(args.command, {}))
    if args.command == "study" and (args.generated or args.manifest):
        return {}
    if args.command == "evaluate" and (args.generated or args.manifest):
        sizes = {name: most for name, most in sizes.items() if name not in SAMPLED}
    if "synthetic" in sizes and args.synthetic is None:
        sizes = {name: most for name, most in sizes.items() if name not in ("synthetic", "frames")}
    return sizes
