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
    from moee.judging.leaderboard import make_leaderboard as leaderboard
    from moee.preparation.prepare import prepare
    from moee.studies.score import score

__all__ = ["animate", "compare", "evaluate", "export", "leaderboard", "prepare", "score", "train"]
PLACES = {  # name -> module and name there
    "animate": ("moee.generation.animate", "animate"),
    "compare": ("moee.judging.compare", "compare"),
    "evaluate": ("moee.judging.evaluate", "evaluate"),
    "export": ("moee.experiments.export", "export"),
    "leaderboard": ("moee.judging.leaderboard", "make_leaderboard"),
    "prepare": ("moee.preparation.prepare", "prepare"),
    "score": ("moee.studies.score", "score"),
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
