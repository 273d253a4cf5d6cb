"""`moee evaluate` on folders of real files: what is wrong with some is told, and where they lie is not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from judges import judges
from media_files import sine, write_video

from evaluation import evaluate as evaluation_of_pairs
from evaluation.result import Result
from moee import cli, evaluate

FRAMES, SIDE = 12, 128


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges that read what is painted into clips; of other videos they see something too."""
    monkeypatch.setattr(evaluate, "load_extractors", lambda *_: judges())


def clip(path: Path, frames: int = FRAMES, fps: float = 25, sound: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, frames, fps, (SIDE, SIDE), sound)


def folders(place: Path, count: int = 3, sound: bool = True) -> tuple[Path, Path]:
    """As many clips, generated and true."""
    heard = sine(FRAMES / 25) if sound else None
    for name in ("made", "true"):
        for i in range(count):
            clip(place / name / f"c{i}.mp4", sound=heard)
    return place / "made", place / "true"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def evaluated(made: Path, true: Path, out: Path, *options: str) -> int:
    given = ["evaluate", "--generated", str(made), "--reference", str(true), "--out", str(out)]
    return cli.main([*given, "--protocol", "embedded-v0", "--name", "ours", *options])


@pytest.mark.slow
def test_two_folders_and_two_clocks_give_one_digest_where_clips_are_broken(tmp_path, monkeypatch) -> None:
    made, true = folders(tmp_path / "one", 4)
    cut(made / "c1.mp4")
    (made / "c2.mp4").write_text("no video")
    cut(true / "c3.mp4")
    assert evaluated(made, true, tmp_path / "one.json") == 0
    shutil.copytree(tmp_path / "one", tmp_path / "a b" / "other")
    monkeypatch.chdir(tmp_path / "a b")

    class Later(evaluation_of_pairs.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2031, 5, 6, 7, 8, 9, tzinfo=tz)

    monkeypatch.setattr(evaluation_of_pairs, "datetime", Later)
    assert evaluated(Path("other/made"), Path("other/true"), Path("r/two.json")) == 0
    one, two = Result.read(tmp_path / "one.json"), Result.read(Path("r/two.json"))
    assert one.created != two.created
    assert two.created.startswith("2031-05-06")
    assert [row.problem.partition(":")[0] for row in one.rows] == ["", "c1.mp4", "c2.mp4", "c3.mp4"]
    assert one.digest == two.digest
    written = json.loads((tmp_path / "one.json").read_text())
    assert str(tmp_path) not in json.dumps(written)
