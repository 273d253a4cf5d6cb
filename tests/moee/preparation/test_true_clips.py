"""`moee clips`: recordings become face crops with sound that evaluate and foreign take as they are."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from judges import judges, quick_protocol
from media_files import pattern, sine, write_sound, write_video
from PIL import Image
from places import ROOT

from datamodules.media.reading import read_video
from evaluation.results.result import Result
from moee import cli
from moee.judging import protocols
from moee.preparation.prepare import prepare, report_lines
from moee.preparation.true_clips import clips_lines, cut_clips, render_clips

BOX = "20 8 56 56"
STILL = ROOT / "docs" / "foreign" / "still_picture.yaml"


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two takes of one person, one of them of two clips, in an emotion of ours and one that is none."""
    source = tmp_path / "recordings"
    source.mkdir()
    write_video(source / "long.mp4", 22, sound=sine(0.88))
    write_video(source / "other.mp4", 11, sound=sine(0.44))
    write_video(source / "quiet.mp4", 11, sound=np.zeros(21_120, np.float32))
    (source / "text.mp4").write_text("no video")
    with (source / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("path", "actor", "emotion"), ("long.mp4", "anna", "happy")])
        writer.writerow(("other.mp4", "anna", "amused"))
    return source


def cut(source: Path, out: Path, **changes):
    return cut_clips(source, out, **{"detector": None, "face_box": BOX, "size": 64, "frames": 10, **changes})


def test_recordings_become_square_clips_with_sound_and_who_is_who(recordings: Path, tmp_path: Path) -> None:
    made = cut(recordings, tmp_path / "true")
    assert (made.clips, made.identities) == (3, 1)
    assert set(made.rejected) == {"quiet-000000", "text"}
    assert json.loads(made.about.read_text()) == {
        "long-000000": {"identity": "anna", "emotion": "happy"},
        "long-000010": {"identity": "anna", "emotion": "happy"},
        "other-000000": {"identity": "anna"},
    }
    assert "'amused' of 1 clips is none of our emotions" in "\n".join(clips_lines(made))
    clip = read_video(tmp_path / "true" / "long-000010.mp4")
    assert clip.frames.shape == (10, 3, 64, 64)
    assert clip.waveform is not None
    assert float(clip.waveform.abs().max()) > 0.1


def test_a_second_call_cuts_what_changed_alone(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "true"
    cut(recordings, out)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.mp4")}
    cut(recordings, out)
    assert times == {path: path.stat().st_mtime_ns for path in out.glob("*.mp4")}
    (recordings / "other.mp4").unlink()
    (recordings / "manifest.csv").unlink()
    made = cut(recordings, out)
    assert {path.stem for path in out.glob("*.mp4")} == {"long-000000", "long-000010"}
    assert set(json.loads(made.about.read_text())) == {"long-000000", "long-000010"}


def test_what_is_not_read_or_was_assumed_is_told(recordings: Path, tmp_path: Path) -> None:
    (recordings / "other.xyz").write_text("1")
    (recordings / "frames").mkdir()
    for index in range(10):
        Image.fromarray(pattern(index, 64, 96)).save(recordings / "frames" / f"{index:03}.png")
    write_sound(recordings / "frames.wav", sine(0.4), 48_000, "pcm_s16le")
    made = cut(recordings, tmp_path / "true")
    assert made.clips == 4
    assert made.rejected["other.xyz"] == "left out: .xyz is not read"
    lines = "\n".join(clips_lines(made))
    assert "1 folders of frames taken for 25 a second (a column frame_rate of manifest.csv would" in lines
    report = prepare("folder", recordings, tmp_path / "shards", face_box=BOX, size=64, frames=10)
    assert report.assumed_rates == ["frames"]
    assert "1 folders of frames taken for 25 a second" in "\n".join(report_lines(report))
    with (recordings / "manifest.csv").open("a") as file:
        file.write("frames,eva,sad\n")
    text = (recordings / "manifest.csv").read_text().replace("emotion\n", "emotion,frame_rate\n")
    (recordings / "manifest.csv").write_text(text.replace("sad\n", "sad,25\n"))
    assert cut(recordings, tmp_path / "true").assumed_rates == []


def test_clips_never_lie_among_the_recordings(recordings: Path) -> None:
    with pytest.raises(ValueError, match="a folder that is not in that of the recordings"):
        cut(recordings, recordings / "true")


def test_from_recordings_to_a_result_without_reading_code(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    monkeypatch.chdir(tmp_path)
    words = ["clips", "--recordings", "recordings", "--face-box", BOX, "--frames", "10", "--size", "64"]
    assert cli.main([*words, "--out", "true"]) == 0
    assert "3 clips of 1 people in true" in capsys.readouterr().out
    assert cli.main(["foreign", str(STILL), "--reference", "true", "--out", "made/still"]) == 0
    words = ["evaluate", "--generated", "made/still", "--reference", "true", "--out", "results/still.json"]
    assert cli.main([*words, "--protocol", str(quick_protocol(tmp_path))]) == 0
    rows = Result.read(tmp_path / "results" / "still.json").rows
    assert next((row.key, row.identity, row.label) for row in rows) == ("long-000000", "anna", "happy")
    assert not any(row.problem for row in rows)


def test_synthetic_people_become_files(tmp_path: Path) -> None:
    made = render_clips(2, tmp_path / "true", frames=5, size=64)
    about = json.loads(made.about.read_text())
    assert about["synthetic-0000"] == {"identity": "person-0", "emotion": "happy:0.8"}
    clip = read_video(tmp_path / "true" / "synthetic-0001.mp4")
    assert clip.frames.shape == (5, 3, 64, 64)
    assert clip.waveform is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--synthetic", "1"], "at least 2 clips of 5 frames"),
        (["--synthetic", "2", "--face-box", BOX], "--face-box goes with --recordings"),
        (["--recordings", "absent"], "absent: no such folder"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, capsys, words: list[str], said: str) -> None:
    assert cli.main(["clips", *words, "--out", str(tmp_path / "true")]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
