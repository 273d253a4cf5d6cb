"""`moee demo`: the whole chain once, small and offline: clips, training, videos, scores, pages."""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import say

if TYPE_CHECKING:
    from torch import Tensor

    from moee.demo.stages import Made

DESCRIPTION = """Everything once, offline, in at most ten minutes on two cores.

Synthetic clips are made, both stages take a few training steps, portraits speak in seven emotions and a
compound one with the shipped weights, all is judged against floor and ceiling, and laid out on a page.
A second run reuses what is finished.
"""
EXAMPLES = """\
examples:
  moee demo
  moee demo --quick --out quick-demo
  moee demo --portrait me.jpg --audio hello.wav
"""


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
    """

    def __init__(self, out: Path, key: dict[str, Any]) -> None:
        self.out, self.done = out, {}
        self.key = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()

    def run(self, name: str, title: str, work: "Callable[[], Made]") -> Step:
        """The step's record: read if it is finished, else made by `work`, which returns facts and files."""
        say(f"{title} ...")
        step = self._read(name, title) or self._make(name, title, work)
        self.done[name] = step
        for path in step.files:
            say(f"  {self.out / path}")
        say(f"  {step.seconds:.1f} s{', reused' if step.reused else ''}")
        return step

    def _read(self, name: str, title: str) -> Step | None:
        record = self.out / "steps" / f"{name}.json"
        if not record.is_file():
            return None
        content = json.loads(record.read_text("utf-8"))
        if content.pop("key") != self.key or not all((self.out / f).exists() for f in content["files"]):
            return None
        return Step(**content | {"title": title, "reused": True})

    def _make(self, name: str, title: str, work: "Callable[[], Made]") -> Step:
        from moee.files import write_text

        start = time.perf_counter()
        facts, files = work()
        relative = [str(path.relative_to(self.out)) for path in files]
        step = Step(title, round(time.perf_counter() - start, 2), facts, relative)
        write_text(
            self.out / "steps" / f"{name}.json", json.dumps(asdict(step) | {"key": self.key}, indent=1)
        )
        return step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `moee demo`."""
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR", help="folder (default: demo)"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: at most two minutes")
    parser.add_argument(
        "--portrait", action="append", default=[], metavar="P", help="animate this picture, too"
    )
    parser.add_argument("--audio", metavar="A", help="the voice for all portraits (default: a synthetic one)")
    parser.add_argument("--face-box", metavar='"X Y W H"', help="of the one --portrait, where no detector is")
    parser.add_argument("--checkpoint", metavar="C", help="another talking head than the shipped one")


def run(args: argparse.Namespace) -> int:
    """`moee demo`: 0 when every step is done.

    Raises:
        ValueError: in one line, for a bad portrait, sound or checkpoint.
        OSError: if a file is missing or cannot be written.
    """
    from moee.demo import stages, training
    from moee.demo.page import write_page
    from moee.generation.generator import load_generator

    start, out = time.perf_counter(), _own_folder(args.out).resolve()
    say("loading the network ...")
    generator = load_generator(args.checkpoint)
    plan = stages.QUICK if args.quick else stages.Plan()
    faces = _given_faces(args, generator.network.size)
    (out / "steps").mkdir(parents=True, exist_ok=True)
    steps = Steps(out, {"plan": asdict(plan), "checkpoint": generator.sha256, "given": _digests(args)})
    clips = stages.HeldOut(plan, generator.network.size)
    title = f"{plan.clips} synthetic clips of people no network has seen"
    steps.run("clips", title, partial(stages.write_clips, clips, out))
    for name, stage in training.STAGES.items():
        work = partial(training.train_a_little, name, generator, plan, out)
        steps.run(name, f"training, {stage.title}", work)
    grids = partial(stages.write_grids, generator, clips, faces, args.audio, plan, out)
    steps.run("grids", "portraits in seven emotions and a compound one", grids)
    scored = steps.run("scores", "judging", partial(stages.score, generator, clips, plan, out)).files
    results = [out / path for path in scored]
    steps.run("leaderboard", "leaderboard", partial(stages.lay_out, clips, results, out))
    page = write_page(out, steps.done, time.perf_counter() - start)
    for line in summary(steps.done, time.perf_counter() - start):
        say(line)
    say(f"open {page}")
    return 0


def _own_folder(out: Path) -> Path:
    """The folder itself, unless it holds what no demo has made: the demo replaces what is in its way."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out}: is a file, name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / "steps").is_dir():
        raise ValueError(f"--out {out}: holds something that is not a demo's, name another folder")
    return out


def _digests(args: argparse.Namespace) -> list[str]:
    from moee.weights.registry import sha256_of

    return [sha256_of(Path(path)) for path in (*args.portrait, *([args.audio] if args.audio else []))]


def _given_faces(args: argparse.Namespace, size: int) -> "dict[str, Tensor]":
    """The user's own pictures as crops, by file stem; checked before anything else is done."""
    from datamodules.faces.crop import parse_box
    from moee.generation.animate import count_frames
    from moee.generation.portrait import open_portrait

    if args.audio is not None:
        count_frames(args.audio)
    if args.face_box is not None and len(args.portrait) != 1:
        raise ValueError("--face-box says where the face of one --portrait is; give exactly one")
    box = None if args.face_box is None else parse_box(args.face_box)
    return {Path(path).stem: open_portrait(path, size, box).reference for path in args.portrait}


def summary(steps: dict[str, Step], seconds: float) -> list[str]:
    """The table that is printed at the end: what was done, how long it took, and the main numbers."""
    from moee.demo.page import SHOWN_METRICS, verdict

    lines = ["", f"{'step':58} seconds"]
    lines += [
        f"{step.title:58} {step.seconds:7.1f}{' (reused)' if step.reused else ''}" for step in steps.values()
    ]
    lines += [f"{'this run':58} {seconds:7.1f}", ""]
    rows = steps["leaderboard"].facts["rows"]
    for metric in SHOWN_METRICS:
        values = {name: row["metrics"].get(metric) for name, row in rows.items()}
        known = {name: record for name, record in values.items() if record and record["value"] is not None}
        if known:
            title = next(iter(known.values()))["title"]
            cells = ", ".join(f"{name} {record['value']:.3g}" for name, record in known.items())
            lines.append(f"{title:24} {cells}")
    return [*lines, "", *verdict(rows), ""]
