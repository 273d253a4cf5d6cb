"""Which options of `moee evaluate` go together, and who stands behind a result."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from moee.generation.animate import STEPS

if TYPE_CHECKING:
    from evaluation.results.system import System

DEFAULTS = {"seeds": 1, "steps": STEPS, "frames": 25, "precision": "auto"}
SOURCES = ("generated", "checkpoint", "manifest", "reference", "synthetic")
GOES_WITH = {  # option -> sources that hear it; with others it would be ignored
    "system": ("generated", "manifest"),
    "about": ("reference",),
    "frames": ("synthetic",),
    **dict.fromkeys(("seeds", "steps", "precision", "keep_videos"), ("checkpoint",)),
}
INSTEAD = {
    ("system", "checkpoint"): "a checkpoint tells what made them; --name and --sampled-by say the rest",
    ("about", "manifest"): "the manifest itself has `identity` and `emotion`",
    ("about", "synthetic"): "who and which emotion a synthetic clip shows is known",
    ("keep_videos", "generated"): "the videos are kept already",
    ("keep_videos", "manifest"): "the videos are kept already",
}
LONGEST_PERSON = 80  # characters, as of a system's name on the board


def check_options(args: argparse.Namespace) -> None:
    """Refuse what the chosen videos would not hear, and fill the defaults of what was not given.

    Raises:
        ValueError: for an option that does not apply, a number below one, or true videos missing or double.
    """
    given = [name for name in SOURCES if getattr(args, name) is not None]
    _check_sources(given)
    for name, needed in GOES_WITH.items():
        if getattr(args, name) is not None and not set(needed) & set(given):
            why = next((INSTEAD[name, source] for source in given if (name, source) in INSTEAD), "")
            line = f"{_option(name)} goes with {' or '.join(map(_option, needed))}, here is "
            line += f"{' and '.join(map(_option, given))}: leave it out"
            raise ValueError(line + (f", {why}" if why else ""))
    for name, value in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    for name in ("seeds", "steps"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} {getattr(args, name)}: at least 1 is needed")


def _check_sources(given: list[str]) -> None:
    true = [name for name in ("reference", "synthetic") if name in given]
    if "manifest" in given and true:
        raise ValueError(f"--manifest names the true videos itself: leave {_option(true[0])} out")
    if "generated" in given and "synthetic" in given:
        raise ValueError(
            "--synthetic makes clips that no folder of videos can match: give --checkpoint with it"
        )
    if "manifest" not in given and not true:
        raise ValueError("nothing to compare with: give --reference DIR, or --synthetic N with --checkpoint")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def person(text: str) -> str:
    """The name of who sampled or evaluated, for a page: printable, not blank, at most 80 characters.

    Raises:
        argparse.ArgumentTypeError: if it is not.
    """
    text = text.strip()
    if not text or not text.isprintable() or len(text) > LONGEST_PERSON:
        raise argparse.ArgumentTypeError(f"expected a printable name of 1 to {LONGEST_PERSON} characters")
    return text


def told_by(system: "System", args: argparse.Namespace) -> "System":
    """The system with who sampled and who evaluated among its settings, where that is told."""
    told = {"sampled_by": args.sampled_by, "evaluated_by": args.evaluated_by}
    told = {name: who for name, who in told.items() if who is not None}
    return replace(system, settings=system.settings | told)
