"""Every command line and Python example of README and docs is run as it is written, page by page.

It runs in a folder of small files, tutorials that go on where another stopped in the same one.
`MOEE_SMOKE=1` makes each small; what finds faces in pictures is a stand-in, since its weights do not ship.
What cannot run in a test is listed with the reason, and its arguments are parsed.
"""

import os
import re
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from glob import glob
from pathlib import Path

import pytest
import torch
from doc_pages import Block, blocks, command_lines, pages
from places import ROOT

from datamodules.action_units import BLENDSHAPES
from datamodules.face_space.mesh import (
    LEFT_CORNER,
    POINTS,
    RIGHT_CORNER,
    face_frame,
    face_mesh,
    from_frame,
)
from datamodules.faces.crop import Face, FaceFinder
from moee import cli, smoke
from moee.weights import registry

NOT_RUN = {  # beginning of a line -> why
    "make ": "a target of the Makefile; .ci/run calls the long ones",
    "python3 -m venv": "sets the environment up, as make does",
    ".venv/bin/": "the same",
    "source ": "changes a terminal, not a machine",
    "pip install": "sets an environment up",
    "pre-commit ": "changes the repository's hooks; tests/test_hooks.py looks at them",
    "pytest ": "the test suite itself",
    "python -m pytest": "the test suite itself",
    "python -m benchmarks.": "a measurement of minutes to hours",
    "torchrun ": "several processes; tests/evaluation/runtime runs them",
    "srun ": "needs SLURM",
    "moee train embedded-joint trainer.devices=4": "starts four of whatever runs it, here of pytest",
    "moee demo": "minutes; .ci/run calls it",
    "moee weights fetch": "needs a network",
    "moee preference rank": "needs the answers of people; tests/evaluation/preference ranks some",
}
RECIPES = ROOT / "docs" / "extending.md"  # changes the package itself: see test_recipes.py
WRITTEN = [page for page in pages() if page != RECIPES and blocks(page, "bash", "python")]
TUTORIALS = ROOT / "docs" / "tutorials"
ONE_AFTER_ANOTHER = [TUTORIALS / "own-training.md", TUTORIALS / "own-evaluation.md"]
WALKS = [*([page] for page in WRITTEN if page not in ONE_AFTER_ANOTHER), ONE_AFTER_ANOTHER]
FILES_OF = {TUTORIALS / "python.md": TUTORIALS / "own-training.md"}  # page -> whose files it goes on with
EVERY_LINE = [
    (block.place, line) for page in pages() for block in blocks(page, "bash") for line in command_lines(block)
]


def reason(line: str) -> str | None:
    """Why a line is not run; None for one that is."""
    return next((why for start, why in NOT_RUN.items() if line.startswith(start)), None)


def arguments(line: str) -> tuple[dict[str, str], list[str]]:
    """Variables set in front of a command, and its words with patterns of files filled in."""
    words = shlex.split(line, comments=True)
    given = {}
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        given[name] = value
    return given, [name for word in words for name in (sorted(glob(word)) if "*" in word else []) or [word]]


def known_face(landmarks_K2: torch.Tensor, image_3HW: torch.Tensor) -> list[Face]:
    """What stands in for MediaPipe: the face of a synthetic crop lies where every such crop has it."""
    scale = image_3HW.shape[-1] / 128
    names = {name for names, _ in BLENDSHAPES.values() for name in names}
    names |= {"mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight"}
    box = (24 * scale, 20 * scale, 80 * scale, 84 * scale)
    corners = torch.zeros(1, POINTS, 2)
    corners[0, [RIGHT_CORNER, LEFT_CORNER]] = landmarks_K2[[36, 45]] * scale
    mesh = from_frame(face_mesh().rest[None, :, :2], *face_frame(corners))[0]
    return [Face(landmarks_K2 * scale, dict.fromkeys(names, 0.0), box, mesh)]


@pytest.fixture
def desk(doc_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the files, which is where commands run."""
    folder = tmp_path / "desk"
    shutil.copytree(doc_files, folder)
    (folder / "nothing.task").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv(smoke.VARIABLE, "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    landmarks_K2 = torch.load(folder / "landmarks.pt")
    monkeypatch.setattr(FaceFinder, "__init__", lambda *_: None)
    monkeypatch.setattr(FaceFinder, "close", lambda _: None)
    monkeypatch.setattr(FaceFinder, "find", lambda _, image_3HW: known_face(landmarks_K2, image_3HW))
    find = registry.find

    def found(name: str) -> Path:
        return folder / "nothing.task" if name == "face_landmarker" else find(name)

    monkeypatch.setattr(registry, "find", found)
    return folder


@contextmanager
def environment(given: dict[str, str]):
    before = dict(os.environ)
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(line: str) -> None:
    """A command of ours in this process, any other in a shell."""
    given, words = arguments(line)
    if words[0] == "moee":
        with environment(given):
            assert cli.main(words[1:]) == 0, line
    else:
        subprocess.run(line, shell=True, check=True, executable="bash")


def write_file(block: Block, folder: Path) -> None:
    """A block of YAML becomes the file that its first line names."""
    named = re.match(r"# (\w+\.yaml):", block.text)
    assert named, f"{block.place}: a file begins with its name: # mine.yaml: what it is"
    (folder / named[1]).write_text(block.text)


@pytest.mark.slow
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: "-".join(page.stem for page in walk))
def test_each_line_of_a_page_runs_as_written(
    walk: list[Path], desk: Path, capsys: pytest.CaptureFixture
) -> None:
    for page in walk:
        for block in blocks(FILES_OF[page], "yaml") if page in FILES_OF else []:
            write_file(block, desk)
    for block in (block for page in walk for block in blocks(page, "bash", "python", "yaml")):
        if block.language == "yaml":
            write_file(block, desk)
            continue
        lines = [block.text] if block.language == "python" else command_lines(block)
        for line in lines:
            try:
                if block.language == "python":
                    exec(compile(line, block.place, "exec"), {})
                elif reason(line) is None:
                    run(line)
            except (Exception, SystemExit) as error:
                said = "".join(capsys.readouterr())
                raise AssertionError(f"{block.place}: {line}\n{error!r}\n{said}") from None


@pytest.mark.parametrize(("place", "line"), EVERY_LINE, ids=[place for place, _ in EVERY_LINE])
def test_what_cannot_run_here_is_at_least_understood(place: str, line: str) -> None:
    if reason(line) is None:
        assert arguments(line)[1][0] in ("moee", "python", "echo", "mkdir"), (
            f"{place}: neither a command of ours nor listed with a reason: {line}"
        )
        return
    if line.startswith("make "):
        assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), place
    if line.startswith("python -m benchmarks."):
        module = line.split()[2].replace(".", "/")
        assert (ROOT / f"{module}.py").is_file(), place
    _, words = arguments(line)
    if "moee" in words:
        words = words[words.index("moee") + 1 :]
        args, rest = cli.build_parser(words[0]).parse_known_args(words)
        assert args.command == words[0]
        assert not [word for word in rest if word.startswith("-")], place
