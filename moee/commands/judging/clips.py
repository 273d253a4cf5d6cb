"""`moee clips`: true clips to judge by, as videos with sound, and who and which emotion each shows."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from moee.clips.true_source import SYNTHETIC_FRAMES, SYNTHETIC_SIZE
from moee.console import Watch, progress_bar, say, warn
from moee.preparation.prepare import AUTO, FRAMES, corpora
from moee.preparation.true_clips import SIZE

if TYPE_CHECKING:
    from moee.preparation.true_clips import TrueClips

DESCRIPTION = """Write the true clips that systems are compared with: square videos of one face, with sound.

Either your own recordings, cut as `moee prepare` cuts for training, or held-out synthetic people. Beside the
clips lies about.json, who and which emotion each shows, where `moee evaluate` and `moee foreign` find it.
"""
EXAMPLES = """\
examples:
  moee clips --recordings recordings/ --out true/
  moee clips --recordings recordings/ --face-box "140 90 220 300" --size 128 --out true/
  moee clips --synthetic 28 --out true/

  moee evaluate --checkpoint generator --reference true/ --out results/ours.json

A manifest.csv among the recordings says who and which emotion, as in moee prepare: columns path, actor,
emotion. A second call cuts only what is new or changed.
"""
OF_RECORDINGS = ("corpus", "detector", "face_box", "workers")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee clips`."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--recordings", type=Path, metavar="DIR", help="recordings to cut; only read")
    source.add_argument("--synthetic", type=int, metavar="N", help="that many held-out synthetic people")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the clips")
    parser.add_argument(
        "--size",
        type=int,
        help=f"side of the clips in pixels (default: {SIZE}; of synthetic ones {SYNTHETIC_SIZE})",
    )
    parser.add_argument(
        "--frames",
        type=int,
        help=f"of a clip, at 25 per second (default: {FRAMES}; of a synthetic one {SYNTHETIC_FRAMES})",
    )
    how = parser.add_argument_group("with --recordings")
    how.add_argument("--corpus", choices=corpora(), help="how they are laid out (default: folder)")
    how.add_argument(
        "--detector",
        type=Path,
        metavar="FILE",
        help="MediaPipe's landmarker (default: as `moee doctor` says)",
    )
    how.add_argument(
        "--face-box",
        metavar='"X Y W H"',
        help="the face in every recording, in pixels, from the hairline to the chin",
    )
    how.add_argument("--workers", type=int, help="processes (default: 1)")


def run(args: argparse.Namespace) -> int:
    """`moee clips`: prints the report; fails if nothing could be used."""
    from moee.preparation.true_clips import clips_lines, render_clips

    given = {name: getattr(args, name) for name in ("size", "frames") if getattr(args, name) is not None}
    with progress_bar("clips" if args.synthetic is not None else "units") as watch:
        if args.synthetic is None:
            cut = _cut(args, given, watch)
        else:
            for name in OF_RECORDINGS:
                if getattr(args, name) is not None:
                    raise ValueError(f"--{name.replace('_', '-')} goes with --recordings: leave it out")
            cut = render_clips(args.synthetic, args.out, **given, watch=watch)
    for line in clips_lines(cut):
        say(line)
    if not cut.clips:
        warn(f"moee: nothing in {args.recordings} could be used; the reasons stand above")
        return 1
    return 0


def _cut(args: argparse.Namespace, given: dict[str, int], watch: Watch) -> "TrueClips":
    from moee.preparation.true_clips import cut_clips

    def advise(line: str) -> None:
        warn(f"moee: {line}")

    return cut_clips(
        args.recordings,
        args.out,
        corpus=args.corpus or "folder",
        detector=args.detector or AUTO,
        face_box=args.face_box,
        workers=args.workers or 1,
        watch=watch,
        advise=advise,
        **given,
    )
