"""The whole chain once, small and offline: clips, training, videos, scores, pages."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import Tell, silent
from moee.demo.steps import Step, Steps
from moee.files import check_folder

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Demo:
    """A finished demo.

    Args:
        page: to open in a browser.
        steps: name -> what was done, in order.
        seconds: that this run took.
    """

    page: Path
    steps: dict[str, Step]
    seconds: float


def run_demo(
    out: str | Path = "demo",
    *,
    quick: bool = False,
    portraits: Sequence[str | Path] = (),
    audio: str | Path | None = None,
    face_box: str | None = None,
    checkpoint: str | Path | None = None,
    tell: Tell = silent,
) -> Demo:
    """Make clips, train both stages for a few steps, animate, judge, and lay all out on a page.

    What an earlier run in the same folder finished with the same arguments is reused.

    Args:
        out: folder of the demo.
        quick: less of everything.
        portraits: pictures to animate beside the synthetic people.
        audio: the voice for all portraits; None is a synthetic one.
        face_box: `x y w h` of the face of the one portrait, where no face is found in it.
        checkpoint: another talking head than the shipped one.
        tell: told what is done.

    Raises:
        ValueError: in one line, for a bad portrait, sound or checkpoint.
        OSError: if a file is missing or cannot be written.
    """
    from moee.demo import stages, training
    from moee.demo.page import write_page
    from moee.generation.generator import load_generator, refuse_moved_points

    start, folder = time.perf_counter(), _own_folder(Path(out)).resolve()
    tell("loading the network ...")
    generator = load_generator(checkpoint)
    refuse_moved_points(generator, "moee demo")
    plan = stages.QUICK if quick else stages.Plan()
    faces = _given_faces(portraits, audio, face_box, generator.network.size)
    (folder / "steps").mkdir(parents=True, exist_ok=True)
    key = {"plan": asdict(plan), "checkpoint": generator.sha256, "given": _digests(portraits, audio)}
    steps = Steps(folder, key, tell)
    clips = stages.HeldOut(plan, generator.network.size)
    title = f"{plan.clips} synthetic clips of people no network has seen"
    steps.run("clips", title, partial(stages.write_clips, clips, folder))
    for name, stage in training.STAGES.items():
        work = partial(training.train_a_little, name, generator, plan, folder)
        steps.run(name, f"training, {stage.title}", work)
    grids = partial(stages.write_grids, generator, clips, faces, audio, plan, folder)
    steps.run("grids", "portraits in seven emotions and a compound one", grids)
    scored = steps.run("scores", "judging", partial(stages.score, generator, clips, plan, folder)).files
    results = [folder / path for path in scored]
    steps.run("leaderboard", "leaderboard", partial(stages.lay_out, clips, results, folder))
    page = write_page(folder, steps.done, time.perf_counter() - start)
    return Demo(page, steps.done, time.perf_counter() - start)


def _own_folder(out: Path) -> Path:
    """The folder itself, unless it holds what no demo has made: the demo replaces what is in its way."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out}: is a file, name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / "steps").is_dir():
        raise ValueError(f"--out {out}: holds something that is not a demo's, name another folder")
    check_folder(out)
    return out


def _digests(portraits: Sequence[str | Path], audio: str | Path | None) -> list[str]:
    from moee.weights.registry import sha256_of

    return [sha256_of(Path(path)) for path in (*portraits, *([audio] if audio else []))]


def _given_faces(
    portraits: Sequence[str | Path], audio: str | Path | None, face_box: str | None, size: int
) -> "dict[str, Tensor]":
    """The user's own pictures as crops, by file stem; checked before anything else is done."""
    from datamodules.faces.crop import parse_box
    from moee.generation.animate import count_frames
    from moee.generation.portrait import open_portrait

    if audio is not None:
        count_frames(audio)
    if face_box is not None and len(portraits) != 1:
        raise ValueError("--face-box says where the face of one --portrait is; give exactly one")
    box = None if face_box is None else parse_box(face_box)
    return {Path(path).stem: open_portrait(path, size, box).reference for path in portraits}
