"""The manifest of `moee evaluate` as a table: CSV with a header, a line for each finished video."""

import csv
import io
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from evaluation.reading import read_text
from moee.config_errors import unknown_key

Entry = tuple[str, dict[str, Any]]  # where it stands, and its content


def read_table(path: Path, known: Collection[str], required: Sequence[str]) -> list[Entry]:
    """Place and content of each line; an empty cell is a missing key, an empty `generated` null.

    Args:
        path: in UTF-8 or, with a byte order mark, UTF-16; separated by commas.
        known: names of columns.
        required: those that have to be there.

    Raises:
        ValueError: for anything else, with the number of the line.
    """
    entries: list[Entry] = []
    lines = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = next(lines, [])
        _check_header(header, known, required)
        for cells in lines:
            if cells:  # a blank line has none
                entries.append(_line(f"line {lines.line_num}", header, cells))
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: no CSV: {error}") from None
    if not entries:
        raise ValueError("no line below the header: each finished video needs one")
    return entries


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line}: not in UTF-8: save the table as `CSV UTF-8`") from None


def _check_header(header: list[str], known: Collection[str], required: Sequence[str]) -> None:
    wanted = f"expected a header with {', '.join(required)}, separated by commas"
    for name in header:
        if name not in known:
            raise ValueError(f"line 1: {unknown_key('', name, known)}; {wanted}")
        if header.count(name) > 1:
            raise ValueError(f"line 1: the column {name} stands there twice")
    if missing := [name for name in required if name not in header]:
        raise ValueError(f"line 1: the column {missing[0]} is missing; {wanted}")


def _line(where: str, header: list[str], cells: list[str]) -> Entry:
    if len(cells) != len(header):
        raise ValueError(f"{where}: {len(cells)} cells under {len(header)} columns")
    entry: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
    entry.setdefault("generated", None)
    if (seed := entry.get("seed", "")).isascii() and seed.isdecimal():
        entry["seed"] = int(seed)
    with suppress(ValueError):  # whatever else stands there is refused with its place
        entry |= {"frame_rate": float(entry["frame_rate"])} if "frame_rate" in entry else {}
    return where, entry
