"""`moee score`: does the generator do what it is told? Held-out synthetic people.

Judged by networks it never met.
"""

import argparse
import json
from pathlib import Path

from moee.arguments import add_device_argument
from moee.console import say
from moee.generation.animate import PRECISIONS, STEPS

DESCRIPTION = """Score a talking head on held-out synthetic people and voices.

Every row is measured by the embedded judges, which had no part in training the generator and are not
published networks. `ceiling` is what they measure on the true renderings of the same clips.
"""
QUESTIONS = ("emotion", "truth", "shuffled", "units", "palette", "compounds")
EXAMPLES = """\
examples:
  moee score
  moee score --clips 14 --seeds 1
  moee score --questions palette compounds --checkpoint runs/y/exported/generator.safetensors
  moee score --checkpoint runs/x/exported/generator.safetensors --out scores.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee score`."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    parser.add_argument("--checkpoint", help="an exported talking head (default: the shipped one)")
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
    parser.add_argument("--out", type=Path, help="also write the table as JSON")


def run(args: argparse.Namespace) -> int:
    """`moee score`: prints the table."""
    for name in ("clips", "frames", "seeds", "steps"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} {getattr(args, name)}: at least 1 is needed")
    from evaluation.extractors.embedded.identity import IdentityJudge
    from evaluation.extractors.embedded.judge import Judge
    from evaluation.runtime.devices import choose_device
    from moee.files import write_text
    from moee.generation.generator import load_generator
    from moee.studies.control_tests import ControlTests
    from moee.weights.modules import locate_weights

    generator = load_generator(args.checkpoint, args.precision, choose_device(args.device))
    judge, identity = (
        Judge.load(locate_weights(args.judge)),
        IdentityJudge.load(locate_weights(args.identity)),
    )
    how = {name: getattr(args, name) for name in ("steps", "emotion_strength", "emotion_guidance")}
    if args.emotion_strength is None:
        how["emotion_strength"] = generator.network.emotion_strength
    tests = ControlTests(generator.network, judge, identity, args.clips, args.frames, args.seeds, how)
    amount = f"{args.clips} clips x {args.frames} frames x {args.seeds} seeds"
    strength = f"emotion strength {how['emotion_strength']:g}"
    say(f"{generator.path.name} sha256 {generator.sha256[:12]}, {amount}, {args.steps} steps, {strength}")
    say(f"{'what':44}{'value':>8}  {'95 % interval':18}{'ceiling':>8}{'floor':>8}")
    rows = []
    for row in tests.rows(args.questions):
        rows.append(row)
        say(row.line())
    if args.out:
        record = {
            "generator_sha256": generator.sha256,
            "judges": {"judge": judge.fingerprint, "identity": identity.fingerprint, "published": False},
            "clips": args.clips,
            "frames": args.frames,
            "seeds": args.seeds,
            **how,
            "rows": [row.record() for row in rows],
        }
        write_text(args.out, json.dumps(record, indent=2) + "\n")
        say(f"written: {args.out}")
    return 0
