"""`moee study`: questions to a talking head that no single number answers, on held-out synthetic people."""

import argparse
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.arguments import add_device_argument
from moee.console import say
from moee.judging.evaluate import DEFAULT_PROTOCOL
from moee.judging.options import person
from moee.studies.options import DEFAULTS, check_options

if TYPE_CHECKING:
    from moee.studies.report import Report

DESCRIPTION = """Ask a talking head a question that no single number answers; held-out synthetic people.

dose: is more shown when more is asked for? disentanglement: what else moves when only the emotion, the sound
or the person changes? drift: does a long video slowly go wrong? experts: whose work is an expression, by the
gates over time and by leaving experts out one at a time?

drift also takes finished videos, of any system. The other studies do not: they ask a network for clips that
no folder holds (doses, a full cross of people and emotions, experts left out).

A network is measured by the embedded judges, which had no part in training it and are not published networks;
finished videos by the networks of a protocol. Intervals are over people.
"""
EXAMPLES = """\
examples:
  moee study dose
  moee study experts --clips 7 --frames 12 --out studies/experts.json
  moee study drift --seconds 20 --out studies/drift.json
  moee study disentanglement --checkpoint runs/x/exported/generator.safetensors --seeds 2
  moee study drift --generated made/theirs --reference true/ --about clips.json --out studies/theirs.json

Finished videos are matched, prepared and named in --about or --manifest as in `moee evaluate`, and need two
seconds. The portrait is the manifest's, or else the first true frame with a face; the emotion is asked about
where it is known. Of --protocol the networks are used that see identity, lips and emotion; a YAML file that
names only those will do.

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
    parser.add_argument("--frames", type=int, help=f"of a clip (default: {DEFAULTS['frames']})")
    parser.add_argument(
        "--seconds", type=float, help=f"of a clip of drift (default: {DEFAULTS['seconds']:g})"
    )
    parser.add_argument("--seeds", type=int, help=f"sampling seeds (default: {DEFAULTS['seeds']})")
    parser.add_argument("--steps", type=int, help=f"sampling steps (default: {DEFAULTS['steps']})")
    add_device_argument(parser, "networks compute; a checkpoint's judges stay on the CPU")
    _add_videos(parser.add_argument_group("drift of finished videos"))
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write it as JSON, and its page")


def _add_videos(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--generated", type=Path, metavar="DIR", help="videos of any system")
    group.add_argument("--reference", type=Path, metavar="DIR", help="true videos, same file stems")
    group.add_argument("--manifest", type=Path, metavar="FILE", help="both, under any names")
    group.add_argument("--about", type=Path, metavar="FILE", help="who and which emotion each clip shows")
    group.add_argument("--protocol", metavar="P", help=f"a name or a YAML file (default: {DEFAULT_PROTOCOL})")
    group.add_argument(
        "--extractor", action="append", metavar="NAME=FILE", help="weights of one of its networks"
    )
    group.add_argument("--name", type=person, help="the system's (default: the folder's or file's)")


def run(args: argparse.Namespace) -> int:
    """`moee study`: prints the table."""
    check_options(args, STUDIES)
    from moee.files import check_writable
    from moee.studies.report import write_report

    if args.out:
        if args.out.suffix == ".html":
            raise ValueError(f"--out {args.out}: name the JSON file, its page is written beside it")
        check_writable(args.out)
        check_writable(args.out.with_suffix(".html"))
    report, content = _of_videos(args) if args.generated or args.manifest else _of_network(args)
    for line in report.lines:
        say(line)
    if args.out:
        say(f"written: {', '.join(map(str, write_report(args.out, content, report)))}")
    return 0


def _of_network(args: argparse.Namespace) -> "tuple[Report, dict[str, Any]]":
    """What a study finds out about a checkpoint, and its record."""
    from evaluation.extractors.embedded.identity import IdentityJudge
    from evaluation.extractors.embedded.judge import Judge
    from evaluation.runtime.devices import choose_device
    from moee.generation.generator import load_generator
    from moee.studies.bench import Bench
    from moee.studies.report import about_bench, record
    from moee.weights.modules import locate_weights

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
    return report, record(args.study, report, about_bench(bench, generator), generator.device, began)


def _of_videos(args: argparse.Namespace) -> "tuple[Report, dict[str, Any]]":
    """The drift of finished videos, and its record."""
    from evaluation.protocol import load_protocol
    from moee.clips.finished_videos import finished_videos, source_name
    from moee.judging.about import check_about
    from moee.judging.evaluate import find_protocol, read_about
    from moee.studies.drift_of_videos import study

    protocol = load_protocol(find_protocol(args.protocol))
    about = read_about(args.about) if args.about else None
    clips, make, seeds = finished_videos(args, protocol, about)
    name = args.name or source_name(args)
    say(f"{args.study} of {name}: {len(clips.keys)} clips, protocol {protocol.tag}")
    with _progress() as watch:
        report, content = study(
            clips, make, seeds, protocol, name=name, given=args.extractor, device=args.device, watch=watch
        )
    if about is not None:
        report.lines += check_about(about, clips.keys, args.about)
    return report, content


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("clips", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
