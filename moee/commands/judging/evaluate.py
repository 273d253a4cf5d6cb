"""`moee evaluate`: generated videos against the true ones, under a named protocol."""

import argparse
from pathlib import Path

from moee.arguments import add_device_argument, add_frame_rate_argument, person
from moee.console import say, warn
from moee.generation.settings import PRECISIONS
from moee.judging.protocols import DEFAULT_PROTOCOL
from moee.judging.request import EvaluationRequest, NetworkSampling

DESCRIPTION = """Score a folder of videos, of ours or of others, against the true ones of the same names.

Or let a network make the clips, from the true ones' first pictures, sounds and emotions; the true ones may
be synthetic people. The result is one JSON file: values with 95 % intervals, a row for each clip, provenance.
"""
EXAMPLES = """\
examples:
  moee evaluate --generated out/ours --reference clips/test --out results/ours.json
  moee evaluate --generated out/ours --reference clips/test --about clips/test.json --out results/ours.json
  moee evaluate --generated made/still --synthetic 28 --out results/still.json
  moee evaluate --manifest made.json --sampled-by "our lab" --out results/ours.json
  moee evaluate --checkpoint generator --synthetic 28 --seeds 3 --limits --out results/embedded.json
  torchrun --nproc-per-node 4 -m moee evaluate --generated out/ours --reference true --out results/ours.json

A protocol of your own is a YAML file of metrics, networks and settings, as docs/protocol/mine.yaml; it
says what each key means, and `--protocol mine.yaml` takes its path.

--limits writes the rows that say what the metrics can see, real videos (also encoded again) and floors, as
files of their own beside the result, and prints in one table which floors each metric tells from real video.

What was measured is kept in `.kept` beside the result, at most 4 GiB of rows and as much of what networks
saw: an evaluation that was killed goes on with the same command, and the next system's true clips need no
measuring. Under torchrun or srun every process takes a share of the clips, and a GPU of its own if it can;
the result is the same, to the bit where processes have as many threads.

Embedded judges, and --checkpoint, know face crops alone: true clips whose face fills less than half of the
picture's height are refused; `moee clips` cuts them.

A clip is a video of any usual kind, or with --frame-rate a folder of numbered pictures; a sound file of the
same name beside it is its sound where it has none. What else lies there is named as left out.

With --about, or an about.json beside the true videos as `moee clips` leaves it, intervals are taken by
identity, and emotions are scored; without it each clip counts as a person of its own.

The file of --about:
  {"clip_1": {"identity": "M003", "emotion": "happy:0.8"}}

The file of --manifest, for videos that are not two folders of the same names:
  {"clips": [{"key": "clip_1", "generated": "made/1.mp4", "reference": "/data/true/1.mp4",
              "identity": "M003", "emotion": "happy:0.8", "seed": 0, "portrait": "faces/M003.png"}]}

The last four may be missing, as may `frame_rate`, of clips that are folders of pictures. Paths start at the
manifest's folder or are absolute; a video that the system did not make is null. A file that ends in .csv is a
table with the same names as columns, a line for each video, and an empty cell for what is missing or was not
made. With several seeds a clip stands there once for each. CSIM to reference compares with the portrait, a
square face crop, and without one with the first true frame.
"""
SAMPLING = NetworkSampling()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee evaluate`."""
    _add_sources(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the result, JSON")
    parser.add_argument(
        "--protocol",
        default=DEFAULT_PROTOCOL,
        help=f"a name, or a YAML file of your own (default: {DEFAULT_PROTOCOL})",
    )
    parser.add_argument(
        "--limits", action="store_true", help="also real videos and floors, as results beside"
    )
    parser.add_argument(
        "--system",
        type=Path,
        metavar="FILE",
        help="what made the videos (default: the record that moee foreign left beside them)",
    )
    parser.add_argument(
        "--name", type=person, help="the system's name in tables (default: the folder's or file's name)"
    )
    parser.add_argument(
        "--sampled-by", type=person, metavar="NAME", help="who made the videos, for the board"
    )
    parser.add_argument("--evaluated-by", type=person, metavar="NAME", help="who evaluates, likewise")
    parser.add_argument(
        "--about",
        type=Path,
        metavar="FILE",
        help="JSON: who and which emotion each clip shows (default: about.json in the folder of --reference)",
    )
    parser.add_argument(
        "--extractor",
        action="append",
        default=[],
        metavar="NAME[=FILE]",
        help="a network of the protocol and its weights (default: what ships, or moee weights keeps); an "
        "optional one is used only if it is named here",
    )
    parser.add_argument("--lpips", type=Path, metavar="FILE", help="AlexNet trunk, torchvision's, for LPIPS")
    parser.add_argument(
        "--lpips-vgg", type=Path, metavar="FILE", help="VGG-16 trunk, likewise, for LPIPS (VGG)"
    )
    parser.add_argument(
        "--kept", type=Path, metavar="DIR", help="what was measured before (default: .kept beside --out)"
    )
    add_device_argument(parser, "networks look, and pictures and sets are compared")
    _add_sampling(parser.add_argument_group("with --checkpoint"))


def _add_sources(parser: argparse.ArgumentParser) -> None:
    """What is judged, and what is true."""
    videos = parser.add_mutually_exclusive_group(required=True)
    videos.add_argument(
        "--generated", type=Path, metavar="DIR", help="videos to score, or what moee foreign left"
    )
    videos.add_argument(
        "--checkpoint", metavar="C", help="a talking head: file, name, or run; `generator` ships"
    )
    videos.add_argument("--manifest", type=Path, metavar="FILE", help="JSON or CSV: videos and true ones")
    true = parser.add_mutually_exclusive_group()
    true.add_argument("--reference", type=Path, metavar="DIR", help="true videos, same file stems")
    true.add_argument("--synthetic", type=int, metavar="N", help="that many held-out synthetic people")
    parser.add_argument("--frames", type=int, help=f"of a synthetic clip (default: {SAMPLING.frames})")
    add_frame_rate_argument(parser)


def _add_sampling(how: "argparse._ArgumentGroup") -> None:
    """How a network makes the videos; options that nobody gave stay None, to tell them from defaults."""
    how.add_argument("--seeds", type=int, help=f"sampling seeds (default: {SAMPLING.seeds})")
    how.add_argument("--steps", type=int, help=f"sampling steps (default: {SAMPLING.steps})")
    how.add_argument(
        "--precision", choices=PRECISIONS, help=f"as in moee animate (default: {SAMPLING.precision})"
    )
    how.add_argument(
        "--keep-videos",
        type=Path,
        metavar="DIR",
        help="the first seed's as DIR/<name>/<clip>.mp4, for the board",
    )


def run(args: argparse.Namespace) -> int:
    """`moee evaluate`: prints the result; fails if no clip could be scored."""
    from evaluation.leaderboard.admission import missing_origin
    from moee.judging.evaluate import run_evaluation
    from moee.judging.summary import limit_table, shape_hint, summary

    evaluation = run_evaluation(_request(args), say)
    if not evaluation.first:
        return 0
    result = evaluation.result
    for line in [
        *summary(result),
        *(limit_table(evaluation.results) if args.limits else ()),
        *evaluation.notes,
        *shape_hint(result),
    ]:
        say(line)
    say(f"written: {args.out}")
    if missing := missing_origin(result):
        say(f"a leaderboard would refuse it, it does not tell {', '.join(missing)}: see --system")
    if all(row.problem for row in result.rows):
        warn(f"moee: no clip could be scored; {result.rows[0].key}: {result.rows[0].problem}")
        return 1
    return 0


def _request(args: argparse.Namespace) -> EvaluationRequest:
    return EvaluationRequest(
        generated=args.generated,
        checkpoint=args.checkpoint,
        manifest=args.manifest,
        reference=args.reference,
        synthetic=args.synthetic,
        out=args.out,
        protocol=args.protocol,
        limits=args.limits,
        system=args.system,
        name=args.name,
        sampled_by=args.sampled_by,
        evaluated_by=args.evaluated_by,
        about=args.about,
        extractors=tuple(args.extractor),
        lpips=args.lpips,
        lpips_vgg=args.lpips_vgg,
        cache=args.kept,
        device=args.device,
        keep_videos=args.keep_videos,
        seeds=args.seeds,
        steps=args.steps,
        frames=args.frames,
        precision=args.precision,
        frame_rate=args.frame_rate,
    )
