"""The clips that could not be evaluated, for people."""

from collections.abc import Sequence

from evaluation.results.rows import Row

MOST = 10  # reasons that are shown


def failures(rows: Sequence[Row], most: int = MOST) -> list[str]:
    """`key: reason` of the first failed rows, and how many more there are."""
    failed = [row for row in rows if row.problem]
    seeded = len({row.seed for row in rows}) > 1
    lines = [f"{row.key}{f', seed {row.seed}' * seeded}: {row.problem}" for row in failed[:most]]
    return lines + ([f"and {len(failed) - most} more"] if len(failed) > most else [])
