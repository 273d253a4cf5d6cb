"""`moee foreign`: another system's videos of your clips, by its own code in its own environment."""

import argparse
from pathlib import Path

from moee.arguments import add_frame_rate_argument
from moee.clips.true_source import SYNTHETIC_FRAMES, SYNTHETIC_SIZE
from moee.console import say, warn

DESCRIPTION = """Let another system make videos of your clips, to be scored by `moee evaluate` like ours.

An adapter is one YAML file: a name and a command. The command gets a manifest, a JSON file that lists
portraits, voices, emotions and where each video belongs, and runs in an environment of its own; nothing of
that system enters this one.

Run the same command again after an interruption: only what is missing is asked for.
"""
EXAMPLES = """\
examples:
  moee foreign docs/foreign/still_picture.yaml --reference clips/test --out made/still
  moee evaluate --generated made/still --reference clips/test --out results/still.json
  moee foreign docs/foreign/still_picture.yaml --synthetic 28 --out made/still
  moee evaluate --generated made/still --synthetic 28 --out results/still.json

What it leaves, videos/ and the record system.json, is what `moee evaluate --generated` takes.

The adapter:
  name: their system
  command: [/envs/theirs/bin/python, wrapper.py, "{manifest}"]

{manifest} becomes its path, {out} the folder of the videos, and {python} the interpreter that runs moee, for
a wrapper that needs nothing else.

Also known: folder (where the command runs, default: the adapter's own), environment (variables), minutes (at
most), revision, licence, settings.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee foreign`."""
    parser.add_argument("adapter", type=Path, metavar="ADAPTER.yaml", help="how the system is run")
    true = parser.add_mutually_exclusive_group(required=True)
    true.add_argument("--reference", type=Path, metavar="DIR", help="true videos with sound")
    true.add_argument("--synthetic", type=int, metavar="N", help="that many held-out synthetic people")
    parser.add_argument(
        "--about", type=Path, metavar="FILE", help="who and which emotion, as in moee evaluate"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to fill")
    parser.add_argument("--seed", type=int, default=0, help="told to the system (default: 0)")
    add_frame_rate_argument(parser)
    how = parser.add_argument_group("with --synthetic")
    how.add_argument(
        "--frames",
        type=int,
        default=SYNTHETIC_FRAMES,
        help="of a clip, as in moee evaluate (default: %(default)s)",
    )
    how.add_argument(
        "--size",
        type=int,
        default=SYNTHETIC_SIZE,
        help="of portraits and clips, pixels (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """`moee foreign`: 0 when every clip has a video."""
    from moee.judging.foreign import foreign

    videos = foreign(
        args.adapter,
        args.out,
        reference=args.reference,
        synthetic=args.synthetic,
        about=args.about,
        seed=args.seed,
        frames=args.frames,
        size=args.size,
        frame_rate=args.frame_rate,
        tell=say,
    )
    if videos.broken:
        count, first = len(videos.broken), videos.broken[0]
        warn(f"moee: {count} clips have no readable video, the first is {first!r}: see {videos.log}")
        return 1
    say(f"videos: {videos.videos}, record: {videos.record}")
    return 0
