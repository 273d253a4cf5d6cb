"""`moee study`: questions to a talking head that no single number answers, on held-out synthetic people."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from moee.arguments import add_checkpoint_argument, add_device_argument, add_frame_rate_argument, person
from moee.console import progress_bar, say
from moee.generation.settings import STEPS
from moee.judging.protocols import DEFAULT_PROTOCOL
from moee.studies.study import FRAMES, SECONDS, SEEDS, STUDIES

if TYPE_CHECKING:
    from moee.studies.study import StudyResult

OF_NETWORK = ("checkpoint", "clips", "frames", "seconds", "seeds", "steps")
OF_VIDEOS = ("reference", "about", "protocol", "extractor", "name", "frame_rate")
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee study`."""
    parser.add_argument("study", choices=STUDIES, metavar="STUDY", help=", ".join(STUDIES))
    add_checkpoint_argument(parser)
    people = ", ".join(f"{name} {count}" for name, count in STUDIES.items())
    parser.add_argument("--clips", type=int, metavar="N", help=f"people (default: {people})")
    parser.add_argument("--frames", type=int, help=f"of a clip (default: {FRAMES})")
    parser.add_argument("--seconds", type=float, help=f"of a clip of drift (default: {SECONDS:g})")
    parser.add_argument("--seeds", type=int, help=f"sampling seeds (default: {SEEDS})")
    parser.add_argument("--steps", type=int, help=f"sampling steps (default: {STEPS})")
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
    add_frame_rate_argument(group)
    group.add_argument("--name", type=person, help="the system's (default: the folder's or file's)")


def run(args: argparse.Namespace) -> int:
    """`moee study`: prints the table."""
    from moee.files import check_writable
    from moee.studies.report import write_report

    of_videos = _check_options(args)
    if args.out:
        if args.out.suffix == ".html":
            raise ValueError(f"--out {args.out}: name the JSON file, its page is written beside it")
        check_writable(args.out)
        check_writable(args.out.with_suffix(".html"))
    study = _of_videos(args) if of_videos else _of_network(args)
    for line in study.report.lines:
        say(line)
    if args.out:
        say(f"written: {', '.join(map(str, write_report(args.out, study.record, study.report)))}")
    return 0


def _of_network(args: argparse.Namespace) -> "StudyResult":
    from moee.studies.study import study_network

    given = {name: getattr(args, name) for name in OF_NETWORK if getattr(args, name) is not None}
    with progress_bar("clips") as watch:
        return study_network(args.study, **given, device=args.device, tell=say, watch=watch)


def _of_videos(args: argparse.Namespace) -> "StudyResult":
    from moee.clips.finished_videos import VideoSource
    from moee.studies.study import study_drift_of_videos

    with progress_bar("clips") as watch:
        return study_drift_of_videos(
            VideoSource(args.manifest, args.generated, args.reference, frame_rate=args.frame_rate),
            about=args.about,
            protocol=args.protocol or DEFAULT_PROTOCOL,
            extractors=args.extractor or (),
            name=args.name,
            device=args.device,
            tell=say,
            watch=watch,
        )


def _check_options(args: argparse.Namespace) -> bool:
    """Whether finished videos are studied; refuses options that would be ignored.

    Raises:
        ValueError: for an option that does not apply, or one that is missing.
    """
    sources = [name for name in ("generated", "manifest") if getattr(args, name) is not None]
    if sources:
        _check_videos(args, sources)
        return True
    for name in OF_VIDEOS:
        if getattr(args, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} goes with the videos of --generated or --manifest: leave it out")
    return False


def _check_videos(args: argparse.Namespace, sources: list[str]) -> None:
    if args.study != "drift":
        raise ValueError(
            f"--{sources[0]}: {args.study} asks a network for clips that no folder holds; drift takes videos"
        )
    if len(sources) > 1:
        raise ValueError("--manifest names the videos itself: leave --generated out")
    for name in OF_NETWORK:
        if getattr(args, name) is not None:
            raise ValueError(f"--{name} is for a network, here are finished videos: leave it out")
    if args.manifest is None and args.reference is None:
        raise ValueError("nothing to compare with: give --reference DIR")
    for name in ("reference", "about"):
        if args.manifest is not None and getattr(args, name) is not None:
            raise ValueError(f"--manifest tells that itself: leave --{name} out")
