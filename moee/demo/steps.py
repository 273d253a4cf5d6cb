"""The steps of the demo: each is done once and written down."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evaluation.reading import read_json
from moee.console import Tell, silent
from moee.files import write_text

Outcome = tuple[dict[str, Any], list[Path]]  # of a step: facts for the page, and files


@dataclass
class Step:
    """What was done: facts that the page shows, the files that were made, and how long it took."""

    title: str
    seconds: float
    facts: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    reused: bool = False


class Steps:
    """Runs steps in order and writes each one down in `steps/`, so that the next run need not repeat it.

    Args:
        out: the demo's folder.
        key: everything that all steps depend on.
        tell: told what is done, which files were made and how long it took.
    """

    def __init__(self, out: Path, key: dict[str, Any], tell: Tell = silent) -> None:
        self.out, self.tell = out, tell
        self.done: dict[str, Step] = {}
        self.key = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()

    def run(self, name: str, title: str, work: Callable[[], Outcome]) -> Step:
        """The step's record: read if it is finished, else made by `work`, which returns facts and files."""
        self.tell(f"{title} ...")
        step = self._recorded(name, title) or self._do(name, title, work)
        self.done[name] = step
        for path in step.files:
            self.tell(f"  {self.out / path}")
        self.tell(f"  {step.seconds:.1f} s{', reused' if step.reused else ''}")
        return step

    def _recorded(self, name: str, title: str) -> Step | None:
        record = self.out / "steps" / f"{name}.json"
        if not record.is_file():
            return None
        content = read_json(record)
        if content.pop("key") != self.key or not all((self.out / f).exists() for f in content["files"]):
            return None
        return Step(**content | {"title": title, "reused": True})

    def _do(self, name: str, title: str, work: Callable[[], Outcome]) -> Step:
        start = time.perf_counter()
        facts, files = work()
        relative = [str(path.relative_to(self.out)) for path in files]
        step = Step(title, round(time.perf_counter() - start, 2), facts, relative)
        write_text(
            self.out / "steps" / f"{name}.json", json.dumps(asdict(step) | {"key": self.key}, indent=1)
        )
        return step
