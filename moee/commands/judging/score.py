"""`moee score`: does the generator do what it is told? Networks that it never met judge."""

import argparse
import json
from pathlib import Path

from moee.arguments import add_device_argument
from moee.console import say
from moee.generation.settings import PRECISIONS, STEPS
from moee.studies.score import QUESTIONS

DESCRIPTION = """Score a talking head on held-out synthetic people and voices.

Every row is measured by the embedded judges, which had no part in training the generator and are not
published networks. `ceiling` is what they measure on the true renderings of the same clips.

With --real, real people instead: each portrait speaks in seven emotions, and each clip's first frame speaks
its sound; MediaPipe's points tell how far brows, lids and lips move, and whether lips follow.
"""
EXAMPLES = """\
examples:
  moee score
  moee score --clips 14 --seeds 1
  moee score --questions palette compounds --checkpoint runs/y/exported/generator.safetensors
  moee score --checkpoint runs/x/exported/generator.safetensors --out scores.json
  moee score --real portraits clips
"""


SYNTHETIC_ONLY = {  # option -> its default; --real has no such thing
    "clips": 28,
    "frames": 25,
    "seeds": 3,
    "emotion_guidance": 1.0,
    "questions": QUESTIONS,
    "judge": "judge",
    "identity": "judge-identity",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee score`."""
    parser.add_argument(
        "--checkpoint",
        help="an exported talking head (default: generator, or portrait-generator with --real)",
    )
    parser.add_argument("--clips", type=int, default=28, help="held-out clips a row (default: 28)")
    parser.add_argument("--frames", type=int, default=25, help="frames a clip (default: 25)")
    parser.add_argument("--seeds", type=int, default=3, help="sampling seeds (default: 3)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"sampling steps (default: {STEPS})")
    parser.add_argument("--emotion-strength", type=float, help="as in moee animate")
    parser.add_argument("--emotion-guidance", type=float, default=1.0, help="likewise (default: 1, off)")
    parser.add_argument(
        "--questions", nargs="+", choices=QUESTIONS, default=QUESTIONS, help="only these (default: all)"
    )
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="as in moee animate")
    add_device_argument(parser, "the talking head computes, judges stay on the CPU")
    parser.add_argument("--judge", default="judge", help="weights of the judge (default: the shipped ones)")
    parser.add_argument("--identity", default="judge-identity", help="weights of the identity judge")
    parser.add_argument(
        "--real", nargs=2, type=Path, metavar=("PORTRAITS", "CLIPS"), help="folders: score on real people"
    )
    parser.add_argument("--out", type=Path, help="also write the table as JSON")


def run(args: argparse.Namespace) -> int:
    """`moee score`: prints the table."""
    from moee.files import check_writable, write_text
    from moee.studies.score import score

    if args.out:
        check_writable(args.out)
    if args.real:
        return _run_real(args)
    table = score(
        args.checkpoint,
        clips=args.clips,
        frames=args.frames,
        seeds=args.seeds,
        steps=args.steps,
        emotion_strength=args.emotion_strength,
        emotion_guidance=args.emotion_guidance,
        questions=args.questions,
        precision=args.precision,
        device=args.device,
        judge=args.judge,
        identity=args.identity,
        tell=say,
    )
    if args.out:
        write_text(args.out, json.dumps(table.record(), indent=2) + "\n")
        say(f"written: {args.out}")
    return 0


def _run_real(args: argparse.Namespace) -> int:
    from moee.console import progress_bar
    from moee.files import write_text

    for name, usual in SYNTHETIC_ONLY.items():
        if getattr(args, name) != usual:
            raise ValueError(
                f"--{name.replace('_', '-')} speaks of synthetic people: --real does not take it"
            )
    from moee.studies.real.score_real import score_real

    portraits, clips = args.real
    with progress_bar("clip") as watch:
        result = score_real(
            portraits,
            clips,
            args.checkpoint,
            steps=args.steps,
            emotion_strength=args.emotion_strength,
            precision=args.precision,
            device=args.device,
            watch=watch,
            tell=say,
        )
    if args.out:
        write_text(args.out, json.dumps(result.record(), indent=2) + "\n")
        say(f"written: {args.out}")
    return 0
