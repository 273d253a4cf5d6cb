"""`moee evaluate` on folders of real files: what is wrong with some is told, and where they lie is not."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from judges import PROTOCOL, PaintedSync, judges, painted
from media_files import sine, write_video

from evaluation import evaluate as evaluation_of_pairs
from evaluation.clips.errors import reason
from evaluation.clips.files import videos_in
from evaluation.clips.pair import Pair
from evaluation.comparison.tables import group
from evaluation.evaluate import evaluate_pairs
from evaluation.leaderboard.origins import provenance
from evaluation.leaderboard.scores import score_table
from evaluation.protocol import load_protocol
from evaluation.results.data import MeasuredPair, data_record
from evaluation.results.failures import failures
from evaluation.results.result import Result
from evaluation.results.rows import Row
from moee import cli
from moee.clips.about import check_about, read_about
from moee.judging import protocols
from moee.judging.summary import summary

FRAMES, SIDE = 12, 128


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges that read what is painted into clips; of other videos they see something too."""
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())


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


@pytest.mark.slow
def test_what_failed_and_what_was_converted_is_printed_and_shown(tmp_path, capsys) -> None:
    made, true = folders(tmp_path, 3)
    cut(made / "c1.mp4")
    clip(made / "c2.mp4", fps=50)  # the same frames, half as long
    assert evaluated(made, true, tmp_path / "r.json") == 0
    said = capsys.readouterr().out
    assert "3 clips, 2 failed\n  c1: c1.mp4: " in said
    lengths = "6 frames generated, 12 true: more than 2 apart; "
    assert f"  c2: {lengths}the generated file's 50 frames a second were converted to 25\n" in said
    assert "\ngenerated videos converted to 25 frames a second: 1 at 50\n" in said
    assert "not measured in 1 of 1 clips, no emotion is known of the clip: Emotion acc." in said
    result = Result.read(tmp_path / "r.json")
    assert result.data["source_rates"] == {"generated": {"25": 1, "50": 1}, "true": {"25": 3}}
    assert "emotion_accuracy" in result.data["unmeasured"]
    page = provenance(result)
    for words in ("c1: c1.mp4: ", "no emotion is known of the clip", "1 at 50"):
        assert words in page


def test_ten_failures_are_named_and_the_rest_counted() -> None:
    rows = [Row(f"c{i}", "a", problem="" if i == 3 else "bad") for i in range(14)]
    lines = failures(rows)
    assert lines[0] == "c0: bad"
    assert lines[3] == "c4: bad"
    assert len(lines) == 11
    assert lines[-1] == "and 3 more"
    assert failures([Row("c", "a", seed=1, problem="bad"), Row("c", "a")]) == ["c, seed 1: bad"]


def test_a_reason_has_no_folders_in_it(tmp_path) -> None:
    path = tmp_path / "two  words" / "c.mp4"
    assert reason(ValueError(f"{path}: cut\noff"), path) == "c.mp4: cut off"
    assert reason(PermissionError(13, "Permission denied", str(path))) == "c.mp4: Permission denied"
    assert reason(ValueError()) == "ValueError"


def sync_alone():
    protocol = load_protocol(protocols.find_protocol("embedded-v2"))
    names = ("psnr", "sync_c_embedded", "sync_d_embedded")
    return replace(protocol, metrics=names, optional_metrics=(), extractors={"sync": "embedded-sync"})


def test_clips_without_sound_are_counted_with_the_metrics_that_need_it() -> None:
    samples = [painted(i) for i in range(3)]
    silent = {key: value for key, value in samples[0].items() if key != "waveform"}
    pairs = [Pair(s["key"], s["identity"], s["frames"], s) for s in (silent, *samples[1:])]  # type: ignore[typeddict-item]
    some = evaluate_pairs(pairs, sync_alone(), extractors=judges()[2:])
    none = evaluate_pairs(pairs[:1], sync_alone(), extractors=judges()[2:])
    why = "clips, the true video has no sound: Sync-C, embedded; Sync-D, embedded"
    assert f"not measured in 1 of 3 {why}" in summary(some)
    assert f"not measured in 1 of 1 {why}" in summary(none)
    assert "sync_c_embedded" not in none.metrics
    whole = evaluate_pairs(pairs[1:], sync_alone(), extractors=judges()[2:])
    assert "unmeasured" not in whole.data
    assert "source_rates" not in whole.data


class Heard(PaintedSync):
    """Windows enough for a value."""

    def measure(self, frames_F3HW: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"embedded_sync_video": torch.eye(12)}

    def measure_sound(self, sound_S: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"embedded_sync_audio": torch.eye(12)}


def test_the_embedded_lip_sync_says_what_it_is_worth_on_real_faces(tmp_path) -> None:
    samples = [painted(i) for i in range(2)]
    pairs = [Pair(s["key"], s["identity"], s["frames"], s) for s in samples]
    result = evaluate_pairs(pairs, sync_alone(), tmp_path / "r.json", [Heard()], truth="measured")
    note = "on real recordings the embedded judge's scale is about a quarter of that on renderings"
    assert Result.read(tmp_path / "r.json").metrics["sync_c_embedded"]["note"].startswith(note)
    assert result.metrics["psnr"]["note"] == ""
    (line,) = (line for line in summary(result) if line.startswith("note on"))
    assert line.startswith(f"note on Sync-C, embedded; Sync-D, embedded: {note}")
    (table,) = group([result])
    assert "Sync-C, embedded; Sync-D, embedded: on real recordings" in score_table(table, "x")
    exact = evaluate_pairs(pairs, sync_alone(), extractors=[Heard()])
    assert not any("on real recordings" in line for line in summary(exact))


class Pictures:
    """Stands for Inception; what it sees of a clip can be no number."""

    name, fingerprint, published, provides = "inception-tf2015-clean", "f" * 64, True, ("inception_clean",)

    def measure(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = frames[:, 0, 4, :32].float().repeat(1, 64)
        return {"inception_clean": torch.where(frames[0, 0, 0, 0] == 0, torch.nan, seen)}


def test_features_that_are_no_numbers_fail_their_clip_and_too_few_are_told(tmp_path) -> None:
    samples = [painted(i) for i in range(3)]
    for i, sample in enumerate(samples):
        sample["frames"][:, 0, 0, 0] = i
    protocol = replace(
        load_protocol(PROTOCOL), metrics=("psnr", "fid_clean"), extractors={"pictures": Pictures.name}
    )
    pairs = [Pair(s["key"], s["identity"], s["frames"], s) for s in samples]
    result = evaluate_pairs(pairs, protocol, tmp_path / "r.json", [Pictures()])
    assert result.rows[0].problem == "inception_clean of the generated video holds values that are no numbers"
    assert result.metrics["fid_clean"]["value"] == pytest.approx(0, abs=1e-6)
    assert Result.read(tmp_path / "r.json").metrics["psnr"]["n"] == 2
    short = [replace(p, generated=p.generated[:1], truth={"frames": p.generated[:1]}) for p in pairs[1:2]]  # type: ignore[index]
    few = evaluate_pairs(short, protocol, tmp_path / "few.json", [Pictures()])
    assert few.metrics["fid_clean"]["value"] is None
    why = "without a value, FID (clean): expected more than 1 samples on each side, got 1 and 1"
    assert why in summary(few)
    assert "more than 1 samples" in provenance(Result.read(tmp_path / "few.json"))


def test_entries_of_about_and_clips_must_meet(tmp_path, capsys) -> None:
    path = tmp_path / "about.json"
    assert check_about({"a": {}, "b": {}, "of another folder": {}}, ["a", "b"], path) == []
    (line,) = check_about({"a": {}}, ["a", "b", "c"], path)
    assert line.startswith("2 of 3 clips have no entry in about.json, the first is 'b'")
    made, true = folders(tmp_path, 2)
    path.write_text('{"c0.mp4": {"emotion": "happy"}, "c1": {"identity": "a"}}')
    assert evaluated(made, true, tmp_path / "r.json", "--about", str(path)) == 1
    error = capsys.readouterr().err
    assert "no clip 'c0.mp4', and 1 of 2 clips have no entry in about.json" in error
    assert "did you mean 'c0'?" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "r.json").exists()


def test_the_rate_of_a_file_is_told_whichever_seed_lacks_it() -> None:
    found = [
        MeasuredPair(Row("c", "a", seed=seed), {}, "t", rates, False)
        for seed, rates in enumerate([(50.0, 25.0), (None, 25.0)])
    ]
    assert data_record(found, "measured", [])["source_rates"] == {"generated": {"50": 1}, "true": {"25": 1}}


def test_an_entry_written_in_two_ways_is_refused(tmp_path) -> None:
    path = tmp_path / "about.json"
    path.write_text('{"\u00fcber": {"identity": "a"}, "u\u0308ber": {"identity": "b"}}')
    with pytest.raises(ValueError, match="'\u00fcber' stands there twice"):
        read_about(path)


def test_names_are_compared_as_people_read_them(tmp_path) -> None:
    composed, taken_apart = "\u00fcber uns", "u\u0308ber uns"
    for name in (f"{taken_apart}.mp4", "b.MP4", ".b-x2.mp4", "._b.mp4", "notes.txt"):
        (tmp_path / name).write_text("")
    assert list(videos_in(tmp_path)) == ["b", composed]
    path = tmp_path / "about.json"
    path.write_text(json.dumps({taken_apart: {"identity": "a"}}))
    assert read_about(path).keys() == {composed}
    (tmp_path / f"{composed}.mkv").write_text("")
    with pytest.raises(ValueError, match="twice"):
        videos_in(tmp_path)


@pytest.mark.parametrize("name", ["two\nlines.mp4", os.fsdecode(b"\xff.mp4")])
def test_a_name_that_cannot_be_published_is_refused_at_once(tmp_path, name) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match="a name must be printable") as caught:
        videos_in(tmp_path)
    assert str(caught.value).isprintable()
    with pytest.raises(ValueError, match="is a file: name the folder"):
        videos_in(tmp_path / name)


def test_a_folder_of_nothing_is_told_before_any_work(tmp_path, capsys) -> None:
    made, true = tmp_path / "made", tmp_path / "true"
    for folder in (made, true):
        folder.mkdir()
    (true / "a.mp4").write_text("no video")
    assert evaluated(made, true, tmp_path / "r.json") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{made} holds no videos (.mp4, " in said.err
