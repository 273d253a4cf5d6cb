"""`moee study`: questions to a talking head that no single number answers, on held-out synthetic people."""

import argparse
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from moee.animate import STEPS
from moee.console import say
from moee.devices import add_device_argument

DESCRIPTION = """Ask a talking head a question that no single number answers; held-out synthetic people.

dose: is more shown when more is asked for? disentanglement: what else moves when only the emotion, the sound
or the person changes? drift: does a long video slowly go wrong? experts: whose work is an expression, by the
gates over time and by leaving experts out one at a time?

Everything is measured by the embedded judges, which had no part in training the generator and are not
published networks. Intervals are over people.
"""
EXAMPLES = """\
examples:
  moee study dose
  moee study experts --clips 7 --frames 12 --out studies/experts.json
  moee study drift --seconds 20 --out studies/drift.json
  moee study disentanglement --checkpoint runs/x/exported/generator.safetensors --seeds 2

--out writes the numbers as JSON with what they rest on, and for dose, drift and experts a page with pictures
beside it, studies/experts.html.
"""
STUDIES = {  # -> people a run, which decide how long it takes
    "dose": 12,
    "disentanglement": 4,
    "drift": 7,
    "experts": 14,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee study`."""
    parser.add_argument("study", choices=STUDIES, metavar="STUDY", help=", ".join(STUDIES))
    parser.add_argument(
        "--checkpoint", metavar="C", help="an exported talking head (default: the shipped one)"
    )
    told = ", ".join(f"{name} {count}" for name, count in STUDIES.items())
    parser.add_argument("--clips", type=int, metavar="N", help=f"people (default: {told})")
    parser.add_argument("--frames", type=int, default=12, help="of a clip (default: 12)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a clip of drift (default: 20)")
    parser.add_argument("--seeds", type=int, default=1, help="sampling seeds (default: 1)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"sampling steps (default: {STEPS})")
    add_device_argument(parser, "the talking head computes, judges stay on the CPU")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write it as JSON, and its page")


def run(args: argparse.Namespace) -> int:
    """`moee study`: prints the table."""
    args.clips = STUDIES[args.study] if args.clips is None else args.clips
    for name, least in (("clips", 1), ("frames", 5), ("seeds", 1), ("steps", 1)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name} {getattr(args, name)}: at least {least} is needed")
    from evaluation.devices import choose_device
    from evaluation.extractors.identity import IdentityJudge
    from evaluation.extractors.judge import Judge
    from moee.files import check_writable
    from moee.generator import load_generator
    from moee.modules import locate_weights
    from moee.studies.bench import Bench
    from moee.studies.report import record, write_report

    if args.out:
        if args.out.suffix == ".html":
            raise ValueError(f"--out {args.out}: name the JSON file, its page is written beside it")
        check_writable(args.out)
        check_writable(args.out.with_suffix(".html"))
    frames = args.frames
    if args.study == "drift":
        from moee.studies.drift import frames_of

        frames = frames_of(args.seconds)
    began = time.perf_counter()
    generator = load_generator(args.checkpoint, "32", choose_device(args.device))  # exact on every device
    judges = Judge.load(locate_weights("judge")), IdentityJudge.load(locate_weights("judge-identity"))
    amount = f"{args.clips} people, {frames} frames a clip, {args.seeds} seeds, {args.steps} steps"
    say(f"{args.study} of {generator.path.name} sha256 {generator.sha256[:12]}: {amount}")
    with _progress() as watch:
        bench = Bench(generator.network, *judges, args.clips, frames, args.seeds, args.steps, watch)
        report = importlib.import_module(f"moee.studies.{args.study}").study(bench)
    for line in report.lines:
        say(line)
    if args.out:
        content = record(args.study, report, bench, generator, began)
        say(f"written: {', '.join(map(str, write_report(args.out, content, report)))}")
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("clips", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
