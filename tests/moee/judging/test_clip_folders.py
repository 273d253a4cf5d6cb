"""Folders of clips as people have them: everything in them is read, or named with the reason."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from judges import judges
from media_files import pattern, sine, write_sound, write_video
from PIL import Image

from datamodules.media.reading import read_video
from evaluation.clips.files import clip_folder
from evaluation.results.result import Result
from moee import cli
from moee.clips.manifest import read_manifest
from moee.clips.reading import ClipReader
from moee.judging import protocols

FRAMES, SIDE, PROTOCOL = 12, 128, "embedded-v2"


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges that read what is painted into clips; of other videos they see something too."""
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())


def clip(path: Path, sound: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, FRAMES, 25, (SIDE, SIDE), sine(FRAMES / 25) if sound is None else sound)


def frames(folder: Path, count: int = FRAMES) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.fromarray(pattern(index, SIDE, SIDE)).save(folder / f"{index:04d}.png")
    return folder


def evaluated(place: Path, *options: str) -> int:
    out = ["--out", str(place / "r.json"), "--protocol", PROTOCOL, "--name", "ours"]
    return cli.main(["evaluate", *options, *out])


def of_folders(place: Path, *options: str) -> int:
    sides = ["--generated", str(place / "made"), "--reference", str(place / "true")]
    return evaluated(place, *sides, *options)


def test_what_is_no_clip_is_named_with_its_reason(tmp_path) -> None:
    for name in ("a.mp4", "b.m4v", "c.GIF", "d.mp4", "sub/nest.mp4", "._e.mp4", "f.xyz", "about.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    for name in ("a.wav", "lone.wav", "notes.txt", "portrait.png"):
        (tmp_path / name).write_bytes(b"1")
    frames(tmp_path / "d", 1)
    frames(tmp_path / "g.v2", 1)
    frames(tmp_path / "sub" / "h", 1)
    inside = clip_folder(tmp_path)
    assert list(inside.files) == ["a", "b", "c", "d"]
    assert list(inside.rateless) == ["g.v2"]
    assert {path.as_posix(): why.removeprefix("left out: ") for path, why in inside.left_out.items()} == {
        "d": "frames of a clip whose video is read",
        "f.xyz": ".xyz is not read",
        "g.v2": "a folder of frames does not say its rate: give --frame-rate",
        "lone.wav": "sound without a video",
        "notes.txt": "text or a table",
        "portrait.png": "a single picture",
        "sub/h": "in a folder below",
        "sub/nest.mp4": "in a folder below",
    }
    assert list(clip_folder(tmp_path, 30).files) == ["a", "b", "c", "d", "g.v2"]
    line = inside.line
    assert line is not None
    assert line.startswith(f"{tmp_path}: left out: d, f.xyz, g.v2, lone.wav, notes.txt and 3 more (")
    assert "\n" not in line


def test_videos_of_every_ending_count_and_the_rest_is_told(tmp_path, capsys) -> None:
    for name in ("a.mp4", "b.m4v", "c.mkv", "nest.mp4"):
        clip(tmp_path / "true" / name)
    for name in ("a.mov", "b.m4v", "sub/nest.mp4"):
        clip(tmp_path / "made" / name)
    (tmp_path / "made" / "c.xyz").write_text("1")
    (tmp_path / "made" / "notes.txt").write_text("1")
    assert of_folders(tmp_path) == 0
    rows = {row.key: row.problem for row in Result.read(tmp_path / "r.json").rows}
    missing = "nothing was generated that is read; "
    assert rows == {
        "a": "",
        "b": "",
        "c": f"{missing}c.xyz: left out: .xyz is not read",
        "nest": f"{missing}sub/nest.mp4: in a folder below",
    }
    told = [line for line in capsys.readouterr().out.splitlines() if "left out: " in line]
    assert f"{tmp_path / 'made'}: left out: c.xyz, notes.txt, sub/nest.mp4 (" in "\n".join(told)


def test_folders_of_frames_are_clips_at_the_rate_that_is_given(tmp_path, capsys) -> None:
    for key in ("a", "b"):
        clip(tmp_path / "true" / f"{key}.mp4")
    clip(tmp_path / "made" / "a.mp4")
    frames(tmp_path / "made" / "b")
    assert of_folders(tmp_path) == 1
    assert "made/b: a folder of frames does not say its rate: give --frame-rate" in capsys.readouterr().err
    assert of_folders(tmp_path, "--frame-rate", "25") == 0
    assert [row.problem for row in Result.read(tmp_path / "r.json").rows] == ["", ""]
    assert of_folders(tmp_path, "--frame-rate", "50") == 0
    problem = Result.read(tmp_path / "r.json").rows[1].problem
    assert problem.startswith("6 frames generated, 12 true")
    assert "50 frames a second were converted to 25" in problem
    with pytest.raises(SystemExit):
        of_folders(tmp_path, "--frame-rate", "0")


def test_a_manifest_says_the_rate_of_its_folders(tmp_path, capsys) -> None:
    clip(tmp_path / "a.mp4")
    frames(tmp_path / "made a")
    entry = {"key": "a", "generated": "made a", "reference": "a.mp4"}
    for name, content in {
        "m.json": json.dumps({"clips": [entry | {"frame_rate": 25}]}),
        "m.csv": "key,generated,reference,frame_rate\na,made a,a.mp4,25.0\n",
    }.items():
        (tmp_path / name).write_text(content)
        assert read_manifest(tmp_path / name)[0].frame_rate == 25
        assert evaluated(tmp_path, "--manifest", str(tmp_path / name)) == 0
        assert Result.read(tmp_path / "r.json").rows[0].problem == ""
    for content, complaint in {
        json.dumps({"clips": [entry]}): "made a is a folder of frames: give its frame_rate",
        json.dumps({"clips": [entry | {"frame_rate": "fast"}]}): "expected frames a second, such as 30",
    }.items():
        (tmp_path / "m.json").write_text(content)
        capsys.readouterr()
        assert evaluated(tmp_path, "--manifest", str(tmp_path / "m.json")) == 1
        assert complaint in capsys.readouterr().err
    (tmp_path / "m.json").write_text(json.dumps({"clips": [entry]}))
    assert evaluated(tmp_path, "--manifest", str(tmp_path / "m.json"), "--frame-rate", "25") == 0


def test_sound_beside_silent_frames_is_theirs(tmp_path) -> None:
    write_sound(tmp_path / "a.wav", sine(FRAMES / 25), 48_000, "pcm_s16le")
    clip_read = ClipReader(25).true(frames(tmp_path / "a"))
    assert clip_read.waveform is not None
    assert clip_read.waveform.shape == (FRAMES * 640,)
    assert clip_read.waveform.abs().max() == pytest.approx(0.5, abs=0.02)
    silent = write_video(tmp_path / "a.mp4", FRAMES, 25, (SIDE, SIDE))
    assert torch.equal(ClipReader().true(silent).waveform, clip_read.waveform)  # type: ignore[arg-type]


def test_true_sound_that_ends_early_or_is_silent_is_told_and_not_used(tmp_path, capsys) -> None:
    early, quiet = sine(0.2), np.zeros(round(48_000 * FRAMES / 25), np.float32)
    for key, sound in {"a": None, "b": early, "c": quiet}.items():
        clip(tmp_path / "true" / f"{key}.mp4", sound)
        clip(tmp_path / "made" / f"{key}.mp4", sound)
    assert read_video(tmp_path / "true" / "b.mp4").sound_seconds == pytest.approx(0.2, abs=0.05)
    assert of_folders(tmp_path) == 0
    said = capsys.readouterr()
    assert "b.mp4: its sound is not used: sound ends early: it lasts 4" in said.err
    assert "c.mp4: its sound is not used: silent: above -60 dB in 0% of the frames" in said.err
    assert said.err.count("is not used") == 2
    result = Result.read(tmp_path / "r.json")
    assert [row.problem for row in result.rows] == ["", "", ""]
    assert {told["clips"] for told in result.data["unmeasured"].values() if "sound" in told["why"]} == {2}


def test_squeezed_pixels_are_square_when_they_are_compared(tmp_path) -> None:
    clip(tmp_path / "true" / "a.mp4")
    path = tmp_path / "made" / "a.mkv"
    path.parent.mkdir()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = SIDE, SIDE // 2, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        for index in range(FRAMES):
            squeezed = np.ascontiguousarray(pattern(index, SIDE, SIDE)[:, ::2])
            frame = av.VideoFrame.from_ndarray(squeezed, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert of_folders(tmp_path) == 0
    result = Result.read(tmp_path / "r.json")
    assert result.rows[0].problem == ""
    assert result.metrics["psnr"]["value"] > 30


def test_a_study_shows_folders_of_frames_as_videos(tmp_path, capsys) -> None:
    clip(tmp_path / "ours" / "a.mp4")
    frames(tmp_path / "theirs" / "a")
    (tmp_path / "theirs" / "notes.txt").write_text("1")
    build = ["preference", "build", str(tmp_path / "ours"), str(tmp_path / "theirs")]
    assert cli.main([*build, "--out", str(tmp_path / "study")]) == 1
    assert "a: a folder of frames does not say its rate" in capsys.readouterr().err
    assert cli.main([*build, "--frame-rate", "25", "--out", str(tmp_path / "study")]) == 0
    assert "left out: notes.txt (text or a table" in capsys.readouterr().out
    videos = sorted((tmp_path / "study" / "page" / "videos").iterdir())
    assert [path.suffix for path in videos] == [".mp4", ".mp4"]
    assert {len(read_video(path).frames) for path in videos} == {FRAMES}


def test_another_system_gets_the_first_frame_of_a_folder_and_its_sound(tmp_path, capsys) -> None:
    frames(tmp_path / "true" / "a")
    write_sound(tmp_path / "true" / "a.wav", sine(FRAMES / 25), 48_000, "pcm_s16le")
    clip(tmp_path / "true" / "b.mp4", sine(0.1))
    adapter = tmp_path / "still.yaml"
    adapter.write_text("name: x\ncommand: ['{python}', -c, pass, '{manifest}']\n")
    foreign = [
        "foreign",
        str(adapter),
        "--reference",
        str(tmp_path / "true"),
        "--out",
        str(tmp_path / "made"),
    ]
    assert cli.main([*foreign, "--frame-rate", "25"]) == 1
    error = capsys.readouterr().err
    assert "b: sound ends early: it lasts 2" in error
    assert "and a talking head needs a voice" in error
    assert (tmp_path / "made" / "inputs" / "a.png").is_file()
    assert (tmp_path / "made" / "inputs" / "a.wav").is_file()
