"""`moee prepare folder`: a small corpus made on the fly, cut by a face box; a real clip where it is here."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from media_files import sine, write_sound, write_video
from places import SHARED
from rendered_faces import rendered_face

from datamodules.corpora.folder import list_sources, safe_key
from datamodules.loading.shards import read_index, verify
from moee.preparation.prepare import prepare, report_lines

MODEL = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"
BOX = "20 8 56 56"


@pytest.fixture
def corpus(tmp_path) -> Path:
    """Two usable videos; four silent, short, no video, of another kind; an utterance and a short one."""
    source = tmp_path / "raw"
    (source / "sub").mkdir(parents=True)
    write_video(source / "long.mp4", 22, sound=sine(0.88))
    write_video(source / "sub" / "mute.mp4", 11)
    write_sound(source / "sub" / "mute.flac", sine(0.44, 16_000), 16_000, "flac")
    write_video(source / "quiet.mp4", 11, sound=np.zeros(21_120, np.float32))
    write_video(source / "short.mp4", 4, sound=sine(0.2))
    (source / "text.mp4").write_text("no video")
    (source / "sub" / "take.r3d").write_bytes(b"a kind that is not read")
    write_sound(source / "voice.flac", sine(0.8, 16_000), 16_000, "flac")
    write_sound(source / "click.wav", sine(0.1, 16_000), 16_000, "pcm_s16le")
    return source


def small(source: Path, out: Path, **changes):
    return prepare(
        "folder", source, out, **{"detector": None, "face_box": BOX, "size": 32, "frames": 10, **changes}
    )


def test_everything_is_used_or_named_with_the_reason(corpus, tmp_path):
    report = small(corpus, tmp_path / "out")
    assert (report.clips, report.voices) == (
        3,
        1,
    )  # long.mp4 gives two, two frames remain; mute.mp4 has its flac
    reasons = {
        "quiet-000000": "silent",
        "short": "too short: 4 frames",
        "text": "not readable",
        "click": "too short: 0.1",
        "sub/take.r3d": "left out: .r3d is not read",
    }
    assert set(report.rejected) == set(reasons)
    for key, reason in reasons.items():
        assert reason in report.rejected[key]
        assert str(tmp_path) not in report.rejected[key]
        assert any(key in line and reason in line for line in report_lines(report))
    index = read_index(tmp_path / "out")
    assert verify(index) == []
    assert {s.key for shard in index.of_kind("clip") for s in shard.samples} == {
        "long-000000",
        "long-000010",
        "sub__mute-000000",
    }


def test_a_second_run_does_nothing_and_a_fresh_one_gives_the_same_bytes(corpus, tmp_path):
    first, again = small(corpus, tmp_path / "a"), small(corpus, tmp_path / "a")
    assert again.skipped == again.shards
    fresh = small(corpus, tmp_path / "b")
    assert first.digest == again.digest == fresh.digest
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    (corpus / "voice.flac").unlink()
    changed = small(corpus, tmp_path / "a")
    assert changed.voices == 0
    assert changed.skipped == 1
    assert changed.digest != first.digest


def test_the_manifest_says_who_and_what(corpus, tmp_path):
    rows = [
        {"path": "long.mp4", "emotion": "happy", "actor": "anna", "license": "CC0", "face_box": BOX},
        {"path": "sub/mute.mp4", "emotion": "contempt", "actor": "ben", "consent": "signed"},
        {"path": "voice.flac", "kind": "utterance", "emotion": "sad", "actor": "anna"},
        {"path": "gone.mp4", "actor": "ben"},
    ]
    with (corpus / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "kind", "emotion", "actor", "license", "consent", "face_box"])
        writer.writeheader()
        writer.writerows(rows)
    report = small(corpus, tmp_path / "out", face_box=None)
    assert report.rejected["gone"].endswith("no such file")
    assert "no face box" in report.rejected["sub__mute-000000"]
    index = read_index(tmp_path / "out")
    known = {s.key: s for shard in index.shards for s in shard.samples}
    assert set(known) == {"long-000000", "long-000010", "voice"}  # click.wav is not listed
    assert (known["long-000000"].identity, known["long-000000"].label, known["long-000000"].license) == (
        "anna",
        "happy",
        "CC0",
    )


def test_without_any_way_to_find_faces_one_line_says_how_to_get_one(corpus, tmp_path):
    with pytest.raises(ValueError, match="moee weights fetch") as caught:
        small(corpus, tmp_path / "out", face_box=None)
    assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="moee weights fetch"):
        small(corpus, tmp_path / "out", detector=tmp_path / "nothing.task")
    assert not (tmp_path / "out").exists()


def test_bad_arguments_are_refused_in_one_line(corpus, tmp_path):
    cases = {
        "unknown corpus": lambda: prepare("meat", corpus, tmp_path / "out"),
        "apart from the source": lambda: small(corpus, corpus),
        "even and at least": lambda: small(corpus, tmp_path / "out", size=33),
        "at least 1": lambda: small(corpus, tmp_path / "out", workers=0),
        "four numbers": lambda: small(corpus, tmp_path / "out", face_box="1 2"),
        "no videos": lambda: small(tmp_path / "e", corpus),
    }
    (tmp_path / "e").mkdir()
    for message, call in cases.items():
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(FileNotFoundError, match="no such folder"):
        small(tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_manifest_in_every_usual_encoding_is_read(tmp_path, encoding):
    (tmp_path / "\u00fcber.mp4").write_bytes(b"1")
    (tmp_path / "manifest.csv").write_text("path,actor\n\u00fcber.mp4,J\u00f6rg\n", encoding=encoding)
    assert [source.identity for source in list_sources(tmp_path)] == ["J\u00f6rg"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"path\nx.mp4\n\xe9", "no CSV in UTF-8"),
        (b'path\n"x.mp4', "no CSV in UTF-8 or UTF-16: unexpected end"),
        (b"path,a\n" + b"x" * 200_000, "field larger than field limit"),
        (b"", "needs a column 'path', has none"),
        (b"actor,path\nanna\n", "an empty path leads out"),
    ],
)
def test_a_manifest_that_is_no_table_is_one_line(tmp_path, content, line):
    (tmp_path / "x.mp4").write_bytes(b"1")
    (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(ValueError, match=line) as caught:
        list_sources(tmp_path)
    assert "\n" not in str(caught.value)


def test_names_become_safe_and_stay_apart(tmp_path):
    assert safe_key("a b/c.d.mp4") == "a_b__c_d"
    (tmp_path / "x.mp4").write_bytes(b"1")
    (tmp_path / "x.mov").write_bytes(b"2")
    assert [s.key for s in list_sources(tmp_path)] == ["x", "x_mp4"]
    (tmp_path / "manifest.csv").write_text("path\n../x.mp4\n")
    with pytest.raises(ValueError, match="out of the folder"):
        list_sources(tmp_path)


def test_with_nothing_fetched_the_finder_that_ships_measures_all_but_action_units(tmp_path, monkeypatch):
    from datamodules.loading.members import read_clip
    from datamodules.loading.shards import read_members
    from moee.generation.video_writer import write_video as record_video

    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    picture, _ = rendered_face(5)
    (tmp_path / "raw").mkdir()
    frames = picture.expand(5, -1, -1, -1)
    record_video(tmp_path / "raw" / "one.mp4", frames, torch.from_numpy(sine(0.2, 16_000)), {"title": "one"})
    told = []
    report = prepare("folder", tmp_path / "raw", tmp_path / "out", frames=5, size=96, advise=told.append)
    assert report.clips == 1
    assert "measures no action units" in told[0]
    key, members = next(read_members(tmp_path / "out" / "clip-00000.tar"))
    sample = read_clip(key, members)
    assert "action_units" not in sample
    assert sample["landmarks"][:, 36:48, 1].mean() / 96 == pytest.approx(0.42, abs=0.04)
    assert sample["provenance"]["landmarks"].startswith("detector:face-finder@")


@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.skipif(not MODEL.is_file(), reason="the face landmarker is not here")
def test_a_real_clip_is_measured(tmp_path):
    from datamodules.loading.members import read_clip
    from datamodules.loading.shards import read_members

    (tmp_path / "raw").mkdir()
    name = "cremad_1001_DFA_ANG_XX.mp4"
    (tmp_path / "raw" / name).write_bytes((SHARED / "data" / "clips" / name).read_bytes())
    report = prepare("folder", tmp_path / "raw", tmp_path / "out", detector=MODEL, frames=12)
    assert report.clips == 4
    key, members = next(read_members(tmp_path / "out" / "clip-00000.tar"))
    sample = read_clip(key, members)
    assert sample["landmarks"][:, 36:48, 1].mean() / 128 == pytest.approx(0.42, abs=0.03)
    assert sample["action_units"].shape == (12, 15)
    assert sample["head_motion"].abs().max() < 2
    assert sample["provenance"]["landmarks"].startswith("detector:face_landmarker@64184e229b26")
