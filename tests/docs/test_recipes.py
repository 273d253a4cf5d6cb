"""The recipes of docs/extending.md, each done as it is written in a copy of the packages."""

import os
import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
from doc_pages import Block, blocks, command_lines
from places import ROOT

PAGE = ROOT / "docs" / "extending.md"
PACKAGES = ("moee", "lightning_modules", "datamodules", "evaluation", "configs")
IN_FILE = re.compile(r"# (in )?([\w./-]+\.(?:py|yaml))\n")


def recipes() -> dict[str, list[Block]]:
    """Title -> the blocks below it, in order."""
    text = PAGE.read_text()
    titles = [
        (text[: match.start()].count("\n") + 1, match[1]) for match in re.finditer(r"^## (.+)$", text, re.M)
    ]

    def title_of(block: Block) -> str:
        return next(title for line, title in reversed(titles) if line < block.line)

    return {title: list(part) for title, part in groupby(blocks(PAGE, "bash", "python", "yaml"), title_of)}


@pytest.fixture
def clone(doc_files: Path, tmp_path: Path) -> Path:
    """The packages and the files that a recipe names, free to be changed."""
    folder = tmp_path / "clone"
    shutil.copytree(doc_files, folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    tools = folder / "bin"
    tools.mkdir()
    for name, words in {"moee": f"{sys.executable} -m moee", "python": sys.executable}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (tools / name).chmod(0o755)
    return folder


def write(block: Block, clone: Path) -> None:
    """A block that names a file becomes it, or its end."""
    match = IN_FILE.match(block.text)
    assert match, f"{block.place}: a block of a recipe begins with the file that it is"
    file, text = clone / match[2], block.text[match.end() :]
    if match[1]:
        assert file.is_file(), f"{block.place}: there is no {match[2]}"
        text = f"{file.read_text()}\n\n{text}"
    else:
        assert not file.exists(), f"{block.place}: {match[2]} is there already"
        assert file.parent.is_dir(), f"{block.place}: there is no folder {file.parent.name}"
    file.write_text(text)


@pytest.mark.slow
@pytest.mark.parametrize("title", recipes())
def test_a_recipe_does_what_it_says(title: str, clone: Path) -> None:
    path = os.pathsep.join([str(clone / "bin"), os.environ["PATH"]])
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(clone), "MOEE_SMOKE": "1"}
    for block in recipes()[title]:
        if block.language != "bash":
            write(block, clone)
            continue
        for line in command_lines(block):
            done = subprocess.run(
                ["bash", "-ec", line], cwd=clone, env=variables, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{block.place}: {line}\n{done.stdout}\n{done.stderr}"
