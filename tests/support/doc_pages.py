"""The pages of the documentation, their code blocks, and the command lines in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from places import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNWRITTEN = ("build", "generated")  # folders of `docs` that a build writes


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where it begins."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """README and every page that a person wrote."""
    docs = ROOT / "docs"
    written = [page for page in docs.rglob("*.md") if page.relative_to(docs).parts[0] not in UNWRITTEN]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(written)]


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of these languages, from top to bottom."""
    text = page.read_text()
    return [
        Block(page, text[: match.start()].count("\n") + 1, match[1], match[2])
        for match in FENCE.finditer(text)
        if match[1] in languages
    ]


def command_lines(block: Block) -> list[str]:
    """The lines of a shell block: continued ones joined, comments and empty ones gone."""
    joined = block.text.replace("\\\n", " ").splitlines()
    return [line for line in joined if shlex.split(line, comments=True)]
