"""Another system, run by its own command, gives videos that are scored like ours."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from judges import judges, quick_protocol
from places import ROOT

from evaluation.results.result import Result
from moee import cli
from moee.generation.video_writer import write_video
from moee.judging import protocols
from moee.judging.adapter import Adapter, read_adapter
from moee.judging.foreign import peak_of_children_mb

EXAMPLE = ROOT / "docs" / "foreign" / "still_picture.yaml"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two true clips with sound, and what is known of the clips."""
    (tmp_path / "true").mkdir()
    for name, level in (("a", 60), ("b", 160)):
        frames = torch.full((10, 3, 128, 128), level, dtype=torch.uint8)
        frames[5:] += 40
        write_video(tmp_path / "true" / f"{name}.mp4", frames, 0.1 * torch.randn(6400), {})
    about = {"a": {"identity": "one", "emotion": "happy:0.8"}, "b": {"identity": "two", "emotion": "neutral"}}
    (tmp_path / "about.json").write_text(json.dumps(about))
    return tmp_path


def foreign(world: Path, adapter: str = "") -> int:
    words = [
        "foreign",
        str(world / adapter) if adapter else str(EXAMPLE),
        "--reference",
        str(world / "true"),
        "--seed",
        "5",
    ]
    return cli.main([*words, "--about", str(world / "about.json"), "--out", str(world / "made")])


def scripted(world: Path, script: str, **more: object) -> str:
    (world / "wrapper.py").write_text(script)
    entries = {"name": "theirs", "command": [sys.executable, "wrapper.py", "{manifest}"], **more}
    (world / "theirs.yaml").write_text(json.dumps(entries))
    return "theirs.yaml"


def test_the_example_goes_all_the_way_to_a_result(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert foreign(world) == 0
    manifest = json.loads((world / "made" / "manifest.json").read_text())
    assert [clip["key"] for clip in manifest["clips"]] == ["a", "b"]
    assert (manifest["seed"], manifest["clips"][0]["emotion"], manifest["clips"][0]["frames"]) == (
        5,
        "happy",
        10,
    )
    assert manifest["clips"][0]["blend"]["happy"] == pytest.approx(0.8)
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    words = ["evaluate", "--generated", str(world / "made"), "--reference", str(world / "true")]
    assert cli.main([*words, "--out", str(world / "r.json")]) == 0
    result = Result.read(world / "r.json")
    assert result.system["name"] == "still picture"
    assert result.system["seeds"] == [5]
    assert result.system["settings"]["licence"] == "Apache-2.0"
    assert result.system["seconds_per_frame"] > 0
    memory = result.system["peak_memory_mb"]  # told only where it is more than this process itself has needed
    assert memory is None or memory > 5
    assert result.system["tflop_per_frame"] is None  # nobody looked inside
    assert not any(row.problem for row in result.rows)
    assert result.metrics["psnr"]["value"] < 40  # the picture does not follow the true clip


def test_the_readmes_lines_show_its_videos_on_the_board(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped example as it is, whatever `python3` the machine has."""
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(world)
    assert cli.main(["foreign", str(EXAMPLE), "--reference", "true/", "--out", "made/still"]) == 0
    words = ["evaluate", "--generated", "made/still", "--reference", "true/", "--out", "results/s.json"]
    words += ["--protocol", str(quick_protocol(world))]
    assert cli.main([*words, "--evaluated-by", "a lab"]) == 0
    record = Result.read(world / "results" / "s.json").system["settings"]
    assert record["command"] == "{python} still_picture.py {manifest}"  # no path of this machine
    assert record["evaluated_by"] == "a lab"
    assert cli.main(["leaderboard", "results/", "--videos", "made/", "--out", "board/"]) == 0
    shown = {path.read_bytes() for path in (world / "board" / "videos").iterdir()}
    assert shown == {path.read_bytes() for path in (world / "made" / "still" / "videos").iterdir()}
    assert "a lab" in (world / "board" / "index.html").read_text()


@pytest.mark.parametrize(
    ("given", "more", "name"),
    [
        ("made", [], "still picture"),
        ("made/videos", [], "still picture"),
        ("made/", ["--name", "another name"], "another name"),
        ("made", ["--system", "own.json"], "own"),
    ],
)
def test_the_record_beside_the_videos_is_used_unless_another_is_named(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys, given: str, more: list[str], name: str
) -> None:
    assert foreign(world) == 0
    (world / "own.json").write_text('{"name": "own", "seeds": [1], "settings": {"sampled_by": "me"}}')
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    monkeypatch.chdir(world)
    words = ["evaluate", "--generated", given, "--reference", "true", "--out", "r.json", *more]
    assert cli.main([*words, "--protocol", str(quick_protocol(world))]) == 0
    assert "a leaderboard would refuse it" not in capsys.readouterr().out
    assert Result.read(world / "r.json").system["name"] == name


def test_a_folder_of_folders_says_which_holds_videos(world: Path, capsys) -> None:
    assert foreign(world) == 0
    (world / "made" / "system.json").unlink()
    words = ["evaluate", "--generated", str(world / "made"), "--reference", str(world / "true")]
    assert cli.main([*words, "--out", str(world / "r.json")]) == 1
    assert "name one of its folders that do, such as videos" in capsys.readouterr().err


def test_synthetic_people_are_the_true_clips_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    monkeypatch.chdir(tmp_path)
    people = ["--synthetic", "2", "--frames", "5"]
    assert cli.main(["foreign", str(EXAMPLE), *people, "--size", "160", "--out", "made"]) == 0
    clips = json.loads((tmp_path / "made" / "manifest.json").read_text())["clips"]
    assert [clip["frames"] for clip in clips] == [5, 5]
    words = ["evaluate", "--generated", "made", *people, "--out", "r.json"]
    assert cli.main([*words, "--protocol", str(quick_protocol(tmp_path))]) == 0
    result = Result.read(tmp_path / "r.json")
    assert (result.data["truth"], result.data["clips"], result.data["failed"]) == ("exact", 2, 0)
    assert result.system["name"] == "still picture"


def test_what_lies_beside_the_true_clips_tells_who_they_show(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    (world / "about.json").rename(world / "true" / "about.json")
    words = ["foreign", str(EXAMPLE), "--reference", str(world / "true"), "--out", str(world / "made")]
    assert cli.main(words) == 0
    assert json.loads((world / "made" / "manifest.json").read_text())["clips"][0]["emotion"] == "happy"
    words = ["evaluate", "--generated", str(world / "made"), "--reference", str(world / "true")]
    assert cli.main([*words, "--out", str(world / "r.json"), "--protocol", str(quick_protocol(world))]) == 0
    assert [row.identity for row in Result.read(world / "r.json").rows] == ["one", "two"]


@pytest.mark.parametrize(("child", "told"), [(300 << 20, 300.0), (100 << 20, None)])
def test_memory_is_told_where_a_child_needed_more_than_we_did(
    monkeypatch, child: int, told: float | None
) -> None:
    resource = pytest.importorskip("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = {resource.RUSAGE_CHILDREN: child // unit, resource.RUSAGE_SELF: (200 << 20) // unit}
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=peaks[who]))
    assert peak_of_children_mb() == told


def test_only_what_is_missing_is_asked_for(world: Path, capsys: pytest.CaptureFixture) -> None:
    assert foreign(world) == 0
    record = (world / "made" / "system.json").read_text()
    (world / "made" / "videos" / "b.mp4").write_bytes(b"cut off")
    assert foreign(world) == 0
    assert "1 of 2 clips to make" in capsys.readouterr().out
    assert [c["key"] for c in json.loads((world / "made" / "manifest.json").read_text())["clips"]] == ["b"]
    assert foreign(world) == 0
    assert "0 of 2 clips to make" in capsys.readouterr().out
    assert json.loads((world / "made" / "system.json").read_text()).keys() == json.loads(record).keys()


@pytest.mark.parametrize(
    ("script", "more", "said"),
    [
        ("raise SystemExit('no GPU here')", {}, "theirs ended with status 1: no GPU here; see "),
        ("", {}, "2 clips have no readable video, the first is 'a'"),
        ("import time; time.sleep(60)", {"minutes": 0.005}, "theirs took more than 0.005 minutes"),
        (
            "",
            {"command": ["/no/such/python", "{manifest}"]},
            "cannot be started: /no/such/python: No such file",
        ),
    ],
)
def test_what_goes_wrong_is_one_line(world: Path, capsys, script: str, more: dict, said: str) -> None:
    assert foreign(world, scripted(world, script, **more)) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_environment_is_the_adapters(world: Path) -> None:
    script = "import os, sys, pathlib\npathlib.Path('seen').write_text(os.environ['WHICH'] + sys.argv[1])\n"
    foreign(world, scripted(world, script, environment={"WHICH": "theirs "}))
    assert (world / "seen").read_text() == f"theirs {(world / 'made' / 'manifest.json').resolve()}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\n", "bad.yaml: lacks command"),
        ("name: x\ncommand: run.sh", "expected a list of words"),
        ("name: x\ncommand: [run.sh]", "no word holds {manifest}"),
        ('name: x\ncommand: ["{manifest}"]\nminutes: 0', "minutes: 0 is not a positive number"),
        ('name: x\ncommand: ["{manifest}"]\nlicense: MIT', "unknown key 'license', did you mean 'licence'?"),
        ("- x", "expected `key: value` pairs"),
        ("name: [", "bad.yaml is not readable YAML: "),
    ],
)
def test_a_bad_adapter_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        read_adapter(tmp_path / "bad.yaml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError, match="no adapter file"):
        read_adapter(tmp_path / "absent.yaml")


def test_the_adapters_folder_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('name: x\ncommand: ["{manifest}"]')
    assert read_adapter(tmp_path / "a.yaml") == Adapter(
        name="x", command=["{manifest}"], folder=str(tmp_path.resolve())
    )
