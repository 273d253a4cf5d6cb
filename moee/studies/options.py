"""Which options of `moee study` go together."""

import argparse
from collections.abc import Mapping

from moee.generation.animate import STEPS
from moee.judging.evaluate import DEFAULT_PROTOCOL

DEFAULTS = {"frames": 12, "seconds": 20.0, "seeds": 1, "steps": STEPS}
LEAST = {"clips": 1, "frames": 5, "seeds": 1, "steps": 1}
OF_NETWORK = ("checkpoint", "clips", *DEFAULTS)
OF_VIDEOS = ("reference", "about", "protocol", "extractor", "name")


def check_options(args: argparse.Namespace, people: Mapping[str, int]) -> None:
    """Refuse what would be ignored, and fill the defaults of what was not given.

    Args:
        args: as parsed.
        people: study -> how many, unless told.

    Raises:
        ValueError: for an option that does not apply, one that is missing, or too small a number.
    """
    sources = [name for name in ("generated", "manifest") if getattr(args, name) is not None]
    if sources:
        _check_videos(args, sources)
        args.protocol, args.extractor = args.protocol or DEFAULT_PROTOCOL, args.extractor or []
        return
    for name in OF_VIDEOS:
        if getattr(args, name) is not None:
            raise ValueError(f"--{name} goes with the videos of --generated or --manifest: leave it out")
    for name, value in {"clips": people[args.study], **DEFAULTS}.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    for name, least in LEAST.items():
        if getattr(args, name) < least:
            raise ValueError(f"--{name} {getattr(args, name)}: at least {least} is needed")


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
