"""`moee demo`: the whole chain once, small and offline."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import say

if TYPE_CHECKING:
    from moee.demo.steps import Step

DESCRIPTION = """Everything once, offline, in at most ten minutes on two cores.

Synthetic clips are made, both stages take a few training steps, portraits speak in seven emotions and a
compound one with the shipped weights, all is judged against floor and ceiling, and laid out on a page.
A second run reuses what is finished.
"""
EXAMPLES = """\
examples:
  moee demo
  moee demo --quick --out quick-demo
  moee demo --portrait me.jpg --audio hello.wav
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee demo`."""
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR", help="folder (default: demo)"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: at most two minutes")
    parser.add_argument(
        "--portrait", action="append", default=[], metavar="P", help="animate this picture, too"
    )
    parser.add_argument("--audio", metavar="A", help="the voice for all portraits (default: a synthetic one)")
    parser.add_argument(
        "--face-box", metavar='"X Y W H"', help="of the one --portrait, where no face is found in it"
    )
    parser.add_argument("--checkpoint", metavar="C", help="another talking head than the shipped one")


def run(args: argparse.Namespace) -> int:
    """`moee demo`: 0 when every step is done."""
    from moee.demo.chain import run_demo

    demo = run_demo(
        args.out,
        quick=args.quick,
        portraits=args.portrait,
        audio=args.audio,
        face_box=args.face_box,
        checkpoint=args.checkpoint,
        tell=say,
    )
    for line in summary(demo.steps, demo.seconds):
        say(line)
    say(f"open {demo.page}")
    return 0


def summary(steps: "dict[str, Step]", seconds: float) -> list[str]:
    """The table that is printed at the end: what was done, how long it took, and the main numbers."""
    from moee.demo.page import SHOWN_METRICS, verdict

    lines = ["", f"{'step':58} seconds"]
    lines += [
        f"{step.title:58} {step.seconds:7.1f}{' (reused)' if step.reused else ''}" for step in steps.values()
    ]
    lines += [f"{'this run':58} {seconds:7.1f}", ""]
    rows = steps["leaderboard"].facts["rows"]
    for metric in SHOWN_METRICS:
        values = {name: row["metrics"].get(metric) for name, row in rows.items()}
        known = {name: record for name, record in values.items() if record and record["value"] is not None}
        if known:
            title = next(iter(known.values()))["title"]
            cells = ", ".join(f"{name} {record['value']:.3g}" for name, record in known.items())
            lines.append(f"{title:24} {cells}")
    return [*lines, "", *verdict(rows), ""]
