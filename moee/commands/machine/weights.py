"""`moee weights`: list, fetch and verify published networks."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import say

if TYPE_CHECKING:
    from moee.weights.published import Network

FULL_SHA256 = 64  # digits
DESCRIPTION = """The registry of networks: what ships, what others published, what is here.

They are looked for in $MOEE_WEIGHTS, then in the cache folder, and trusted by their sha256.
"""
EXAMPLES = """\
examples:
  moee weights list
  moee weights fetch face_landmarker
  moee weights verify
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee weights`."""
    parser.add_argument("action", choices=("list", "fetch", "verify"), help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks (default: all)")
    parser.add_argument(
        "--folder", type=Path, help="where to fetch to (default: $MOEE_WEIGHTS, then the cache)"
    )


def run(args: argparse.Namespace) -> int:
    """`moee weights`: 0 if everything asked for is there and right, 1 otherwise."""
    from moee.weights.registry import fetch, networks, registered, state_of

    chosen = [registered(name) for name in args.names] or list(networks())
    if args.action == "fetch":
        for network in chosen:
            skipped = network.by_hand and not args.names
            outcome = f"left out, {network.by_hand}" if skipped else fetch(network.name, args.folder)
            say(f"{network.name}: {outcome}")
        return 0
    complete = True
    for network in chosen:
        state = state_of(network)
        complete &= state.path is not None
        note = f" ({state.note})" if state.path and state.note else state.note
        size = f"{network.size_bytes / 1e6:6.1f}" if network.size_bytes else "     ?"
        say(f"{network.name:22} {size} MB  {network.licence:29} {state.path or ''}{note}")
        if args.action == "list":
            _say_origin(network)
    return 0 if args.action == "list" or complete else 1


def _say_origin(network: "Network") -> None:
    say(f"{'':22} {network.purpose}")
    say(f"{'':22} {network.address or 'ships with moee-suite'}  sha256 {_digits(network.sha256)}")
    if network.convert:
        say(network.convert)


def _digits(sha256: str | None) -> str:
    """As much as is known."""
    return "not known" if sha256 is None else sha256 + ("..." if len(sha256) < FULL_SHA256 else "")
