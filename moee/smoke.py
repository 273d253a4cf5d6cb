"""`MOEE_SMOKE=1`: each command, and the function of `moee` that does the same, at its smallest size.

It shows whether a line runs; its numbers say nothing.
"""

import argparse
import os
from collections.abc import Mapping
from typing import Any

from moee.console import warn

VARIABLE = "MOEE_SMOKE"
SAMPLED = {"seeds": 1, "steps": 1}  # option -> at most
SCORED = {"clips": 2, "frames": 5, **SAMPLED}
SMALLEST = {
    "evaluate": {"synthetic": 2, "frames": 5, **SAMPLED},
    "foreign": {"synthetic": 2, "frames": 5},
    "clips": {"synthetic": 2, "frames": 5},
    "prepare": {"frames": 10},
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
    for name, value in lowered(args.command, vars(args)).items():
        setattr(args, name, value)


def lowered(command: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a command, or of the function that does the same, that `$MOEE_SMOKE` changes.

    Args:
        command: its name.
        given: option -> value, None for one that has its default; those that decide how much is made.
    """
    if not is_asked_for():
        return {}
    sizes = _sizes(command, given)
    return {name: most if given[name] is None else min(given[name], most) for name, most in sizes.items()}


def _sizes(command: str, given: Mapping[str, Any]) -> dict[str, float]:
    """Options that decide how much is made; none of a network's where finished videos are judged."""
    sizes: dict[str, float] = dict(SMALLEST.get(command, {}))
    finished = given.get("generated") or given.get("manifest")
    if command == "study" and finished:
        return {}
    if command == "evaluate" and finished:
        sizes = {name: most for name, most in sizes.items() if name not in SAMPLED}
    if "synthetic" in sizes and given["synthetic"] is None:
        sizes = {name: most for name, most in sizes.items() if name not in ("synthetic", "frames")}
        sizes |= SMALLEST["prepare"] if command == "clips" else {}  # of recordings, cut in the same way
    return sizes
