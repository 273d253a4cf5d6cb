"""MoEE Suite: make, train and judge emotional talking heads.

Each name below is imported when it is first used; `import moee` alone imports nothing heavy.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moee.experiments.export import export
    from moee.experiments.training import train_experiment as train
    from moee.generation.animate import animate
    from moee.judging.compare import compare
    from moee.judging.evaluate import evaluate
    from moee.judging.foreign import foreign
    from moee.judging.leaderboard import make_leaderboard as leaderboard
    from moee.preparation.prepare import prepare
    from moee.preparation.true_clips import cut_clips, render_clips
    from moee.studies.real.people import score_real
    from moee.studies.score import score
    from moee.sweeps.sweep import sweep

__all__ = [
    "animate",
    "compare",
    "cut_clips",
    "evaluate",
    "export",
    "foreign",
    "leaderboard",
    "prepare",
    "render_clips",
    "score",
    "score_real",
    "sweep",
    "train",
]
PLACES = {  # name -> module and name there
    "animate": ("moee.generation.animate", "animate"),
    "compare": ("moee.judging.compare", "compare"),
    "cut_clips": ("moee.preparation.true_clips", "cut_clips"),
    "evaluate": ("moee.judging.evaluate", "evaluate"),
    "export": ("moee.experiments.export", "export"),
    "foreign": ("moee.judging.foreign", "foreign"),
    "leaderboard": ("moee.judging.leaderboard", "make_leaderboard"),
    "prepare": ("moee.preparation.prepare", "prepare"),
    "render_clips": ("moee.preparation.true_clips", "render_clips"),
    "score": ("moee.studies.score", "score"),
    "score_real": ("moee.studies.real.people", "score_real"),
    "sweep": ("moee.sweeps.sweep", "sweep"),
    "train": ("moee.experiments.training", "train_experiment"),
}


def __getattr__(name: str) -> object:
    """One of `PLACES`, imported now."""
    if name not in PLACES:
        raise AttributeError(f"module 'moee' has no attribute {name!r}")
    module, target = PLACES[name]
    return getattr(importlib.import_module(module), target)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
