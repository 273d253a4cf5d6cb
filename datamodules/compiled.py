"""Compiled loops; their machine code is kept in the user's cache folder, never in the package."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba
from numba.core import config

F = TypeVar("F", bound=Callable)

OPTIONS: dict = {"fastmath": {"contract", "arcp", "nsz", "reassoc"}, "error_model": "numpy"}


def cache_folder() -> Path:
    """Where compiled code is kept.

    `$NUMBA_CACHE_DIR`, else `moee/compiled` in `$XDG_CACHE_HOME` or `~/.cache`.
    """
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moee" / "compiled"


def inlined(function: F) -> F:
    """A small function that other compiled ones call in their loops: it becomes part of them."""
    return cast(F, numba.njit(inline="always", **OPTIONS)(function))


def compiled(function: F) -> F:
    """Compiles a function of arrays and numbers for one thread, at its first call.

    Numba decides where code is kept when it decorates; its setting is put back afterwards, since it belongs
    to whoever else uses it in this process.
    """
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
    try:
        return cast(F, numba.njit(cache=True, **OPTIONS)(function))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
