"""Plain lines and progress bars to the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watch = Callable[[int, int], None]  # is told how much is done, and of how much
Tell = Callable[[str], None]  # is told a line about the work as it goes on


def say(line: str = "") -> None:
    """One line to standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def warn(line: str) -> None:
    """One line to standard error, at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def silent(line: str) -> None:
    """The `Tell` of who wants to hear nothing."""


def unwatched(done: int, total: int) -> None:
    """The `Watch` of who wants to see nothing."""


@contextmanager
def progress_bar(unit: str) -> Iterator[Watch]:
    """A bar on standard error while the block runs; nothing where that is no terminal.

    Args:
        unit: what is counted, such as `frames`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
