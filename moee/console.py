"""Plain lines to the terminal."""

import sys


def say(line: str = "") -> None:
    """One line to standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def warn(line: str) -> None:
    """One line to standard error, at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
