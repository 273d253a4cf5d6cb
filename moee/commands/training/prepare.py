"""`moee prepare`: a raw corpus becomes shards, with a report of what was left out and why."""

import argparse
from pathlib import Path

from moee.console import progress_bar, say, warn
from moee.preparation.prepare import AUTO, FRAMES, SIZE, corpora

DESCRIPTION = """Turn raw recordings into shards for training.

Every video is cut into clips of equal length, its face is found, framed and measured, its sound aligned;
what is unusable is named with the reason. A manifest.csv in the source (column path; optional: kind, emotion,
actor, corpus, transcript, text, face_box, license, consent) adds what is known about the files.
A run that was stopped goes on where it was.
"""
EXAMPLES = """\
examples:
  moee prepare folder my/videos data/mine
  moee prepare folder my/videos data/mine --workers 2 --frames 75
  moee prepare folder my/videos data/mine --face-box "140 90 220 300"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee prepare`."""
    parser.add_argument("corpus", choices=corpora(), help="how the source is laid out")
    parser.add_argument("source", type=Path, metavar="SRC", help="folder of recordings; only read")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the shards")
    parser.add_argument(
        "--detector",
        type=Path,
        metavar="FILE",
        help="MediaPipe's landmarker (default: as `moee doctor` says)",
    )
    parser.add_argument(
        "--face-box",
        metavar='"X Y W H"',
        help="the face in every video, in pixels, from the hairline to the chin",
    )
    parser.add_argument(
        "--size", type=int, default=SIZE, help=f"side of the samples in pixels (default: {SIZE})"
    )
    parser.add_argument(
        "--frames", type=int, default=FRAMES, help=f"frames of a clip at 25 per second (default: {FRAMES})"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--restart", action="store_true", help="do again what an earlier run finished")


def run(args: argparse.Namespace) -> int:
    """`moee prepare`: prints the report; fails if nothing could be used."""
    from moee.preparation.prepare import prepare, report_lines

    def advise(line: str) -> None:
        warn(f"moee: {line}")

    with progress_bar("units") as watch:
        report = prepare(
            args.corpus,
            args.source,
            args.out,
            detector=args.detector or AUTO,
            face_box=args.face_box,
            size=args.size,
            frames=args.frames,
            resume=not args.restart,
            workers=args.workers,
            watch=watch,
            advise=advise,
        )
    for line in report_lines(report):
        say(line)
    if not report.clips and not report.voices:
        warn(f"moee: nothing in {args.source} could be used; the reasons stand above")
        return 1
    return 0
