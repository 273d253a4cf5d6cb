"""`moee evaluate --manifest`: any videos against any true ones, seeds apart, one line for what is wrong."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from judges import judges, quick_protocol
from PIL import Image

from evaluation.results.result import Result
from moee import cli
from moee.clips.manifest import read_manifest
from moee.generation.video_writer import write_video
from moee.judging import protocols


def clip(path: Path, level: int, frames: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    video = torch.full((frames, 3, 128, 128), level, dtype=torch.uint8)
    return write_video(path, video, torch.zeros(frames * 640), {})


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two true clips, two seeds of one and one of the other, a portrait; under names that do not match."""
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    for name, level in (("true/x", 60), ("true/y", 160), ("made/1", 62), ("made/2", 75), ("made/3", 160)):
        clip(tmp_path / f"{name}.mp4", level)
    Image.new("RGB", (200, 200), (90, 60, 60)).save(tmp_path / "face.png")
    return tmp_path


def entry(key: str, made: str | None, true: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "generated": made and f"made/{made}.mp4", "reference": f"true/{true}.mp4", **more}


HEADER = "key,generated,reference,identity,emotion,seed,portrait"


def table(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "m.CSV"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8-sig")
    return path


def test_a_table_and_json_are_the_same_manifest(world: Path) -> None:
    happy = {"identity": "one, two", "emotion": "happy:0.8", "portrait": "face.png"}
    entries = [
        entry("a", "2", "x", seed=7, **happy),
        entry("a", "1", "x", seed=3, **happy),
        entry("b", None, "y", seed=3),
    ]
    (world / "m.json").write_text(json.dumps({"clips": entries}))
    told = 'made/{}.mp4,true/x.mp4,"one, two",happy:0.8,{},face.png'
    lines = [f"a,{told.format(2, 7)}", f"a,{told.format(1, 3)}", "", "b,,true/y.mp4,,,3,"]
    assert read_manifest(table(world, *lines)) == read_manifest(world / "m.json")


def test_a_key_is_composed_as_file_names_are(world: Path) -> None:
    (listed,) = read_manifest(table(world, "u\u0308ber,made/1.mp4,true/x.mp4,,,,"))
    assert listed.key == "\u00fcber"


@pytest.mark.parametrize(
    ("header", "lines", "said"),
    [
        (HEADER, [], "m.CSV: no line below the header"),
        ("", [], "m.CSV: line 1: the column key is missing"),
        (
            "key;generated;reference",
            [],
            "with key, generated, reference, separated by commas",
        ),
        ("key,generated,referenc", [], "line 1: referenc: did you mean 'reference'?"),
        ("key,generated", [], "line 1: the column reference is missing"),
        ("key,generated,reference,key", [], "line 1: the column key stands there twice"),
        (HEADER, ["a,made/1.mp4,true/x.mp4"], "line 2: 3 cells under 7 columns"),
        (HEADER, ["", ",made/1.mp4,true/x.mp4,,,,"], "line 3: lacks key"),
        (HEADER, ["a,made/1.mp4,true/x.mp4,,,-1,"], "line 2 ('a'): seed: expected a whole number"),
        (HEADER, ["a,../1.mp4,true/x.mp4,,,,"], "line 2 ('a'): generated: ../1.mp4 leads out"),
        (HEADER, ['a,"made/1.mp4"x,true/x.mp4,,,,'], "line 2: no CSV: "),
        (HEADER, ["a,made/9.mp4,true/x.mp4,,,,"], "no file"),
    ],
)
def test_a_bad_table_is_one_line_with_the_place(world: Path, header, lines, said) -> None:
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        read_manifest(table(world, *lines, header=header))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_in_another_encoding_is_one_line(world: Path) -> None:
    path = world / "m.csv"
    path.write_bytes(f"{HEADER}\nä,made/1.mp4,true/x.mp4,,,,\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"m\.csv: line 2: not in UTF-8"):
        read_manifest(path)


def scored(folder: Path, *entries: dict[str, Any], out: str = "r.json", options: tuple[str, ...] = ()) -> int:
    (folder / "m.json").write_text(json.dumps({"version": 1, "clips": entries}))
    words = ["evaluate", "--manifest", str(folder / "m.json"), "--protocol", str(quick_protocol(folder))]
    return cli.main([*words, "--out", str(folder / out), *options])


def test_names_need_not_match_and_seeds_stay_apart_from_clips(world: Path) -> None:
    happy = {"identity": "one", "emotion": "happy:0.8"}
    listed = [
        entry("a", "2", "x", seed=7, **happy),
        entry("a", "1", "x", seed=3, **happy),
        entry("b", "3", "y", seed=3),
    ]
    assert scored(world, *listed) == 0
    result = Result.read(world / "r.json")
    assert result.system["name"] == "m"
    assert result.system["seeds"] == [3, 7]
    rows = [(row.key, row.identity, row.seed, row.label, row.problem) for row in result.rows]
    assert rows == [
        ("a", "one", 3, "happy", ""),
        ("a", "one", 7, "happy", ""),
        ("b", "b", 3, "", ""),
        ("b", "b", 7, "", "nothing was generated"),
    ]
    near, far = (result.rows[n].values["psnr"] for n in (0, 1))
    assert near is not None
    assert far is not None
    assert near > far + 5
    assert set(result.metrics["psnr"]["by_seed"]) == {"3", "7"}


def test_a_portrait_is_what_csim_compares_with(world: Path, capsys: pytest.CaptureFixture) -> None:
    plain = [entry("a", "1", "x"), entry("b", "3", "y")]
    assert scored(world, *plain, out="plain.json") == 0
    assert "reference picture            first true frame with a face" in capsys.readouterr().out
    assert scored(world, *(e | {"portrait": "face.png"} for e in plain), out="faces.json") == 0
    assert "reference picture            given pictures" in capsys.readouterr().out
    frame, face = (Result.read(world / f"{name}.json") for name in ("plain", "faces"))
    assert frame.data["reference"] == "first true frame with a face"
    assert face.data["reference"] == "given pictures"
    assert frame.comparable["data"] != face.comparable["data"]  # never in one table
    assert frame.metrics["psnr"]["value"] == face.metrics["psnr"]["value"]
    mixed = [plain[0] | {"portrait": "face.png"}, plain[1]]
    assert scored(world, *mixed, out="mixed.json", options=("--limits",)) == 0
    told = Result.read(world / "mixed.json").data["reference"]
    assert told == "given pictures of 1 of 2 clips, else first true frame with a face"
    still = Result.read(world / "mixed.static-reference.json")  # the picture, at the size of the protocol
    assert not any(row.problem for row in still.rows)


def test_the_result_is_the_same_wherever_the_files_lie(world: Path, tmp_path_factory) -> None:
    (world / "true" / "y.mp4").write_bytes((world / "true" / "y.mp4").read_bytes()[:900])
    (world / "made" / "3.mp4").write_bytes(b"no video")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "deeper"
    shutil.copytree(world, elsewhere)
    found = []
    for folder in (world, elsewhere):
        lost = entry("c", "3", "x") | {"reference": str(folder / "true" / "x.mp4")}  # absolute paths are fine
        assert scored(folder, entry("a", "1", "x"), entry("b", "2", "y"), lost) == 0
        found.append(Result.read(folder / "r.json"))
    assert found[0].digest == found[1].digest
    problems = [row.problem for row in found[0].rows]
    assert problems[0] == ""
    assert problems[1].startswith("y.mp4: ")
    assert problems[2].startswith("3.mp4: ")
    assert str(world) not in (world / "r.json").read_text()


A, B = entry("a", "1", "x"), entry("b", "3", "y")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([A | {"sead": 1}], "clip 1 ('a'): unknown key 'sead', did you mean 'seed'?"),
        ([A, {"key": "b", "reference": "true/y.mp4"}], "clip 2 ('b'): lacks generated"),
        ([A, A | {"generated": "made/2.mp4"}], "'a' stands there 2 times: give each a `seed`"),
        (
            [A | {"seed": 4}, A | {"seed": 4, "generated": "made/2.mp4"}],
            "'a' stands there 2 times: with seed 4",
        ),
        ([A | {"seed": 4}, B], "'b' has no seed and others have"),
        ([A, A | {"key": "b"}], "made/1.mp4 is the generated video of 2 entries"),
        (
            [A | {"seed": 1}, A | {"seed": 2, "generated": "made/2.mp4", "identity": "M003"}],
            "'a' has two different values of identity",
        ),
        ([A | {"reference": "true/none.mp4"}], "no file "),
        (
            [A | {"portrait": "../face.png"}],
            "leads out of the manifest's folder: name it by an absolute path",
        ),
        ([A | {"seed": "4"}], "clip 1 ('a'): seed: expected a whole number, 0 or more, got '4'"),
        (
            [A | {"identity": 3}],
            "identity: expected a printable text of at most 300 characters, got 3",
        ),
        ([A | {"key": "a\nb"}], "key: expected a printable text"),
        (
            [A | {"reference": None}],
            "a printable text of at most 4096 characters, got None",
        ),
        ([A | {"emotion": "hapy"}], "did you mean 'happy'?"),
        (["a"], "clip 1: expected key, generated and reference"),
        ([], 'expected {"clips": ['),
    ],
)
def test_a_wrong_manifest_is_one_line(world: Path, capsys, entries: list[Any], said: str) -> None:
    assert scored(world, *entries) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (world / "r.json").exists()


def test_other_files_are_no_manifests(world: Path) -> None:
    for text, said in (
        ("{", "is not JSON"),
        ('[{"key": 1}]', "expected"),
        ('{"clips": [1], "fps": 25}', "fps"),
    ):
        (world / "m.json").write_text(text)
        with pytest.raises(ValueError, match=said):
            read_manifest(world / "m.json")
    (world / "m.json").write_text(json.dumps({"version": 2, "clips": [A]}))
    with pytest.raises(ValueError, match="version 2, this suite reads 1"):
        read_manifest(world / "m.json")
    with pytest.raises(FileNotFoundError, match="no manifest"):
        read_manifest(world / "absent.json")


def test_seeds_of_the_system_have_to_be_those_of_the_videos(world: Path, capsys) -> None:
    (world / "s.json").write_text(json.dumps({"name": "theirs", "seeds": [1, 2]}))
    told = ("--system", str(world / "s.json"))
    assert scored(world, A, B, options=told) == 1
    assert "has one video a clip, --system tells of the seeds [1, 2]" in capsys.readouterr().err
    assert scored(world, A | {"seed": 1}, B | {"seed": 1}, options=told) == 1
    assert "has videos of the seeds [1], --system tells of [1, 2]" in capsys.readouterr().err
    folders = ["--generated", str(world / "true"), "--reference", str(world / "true")]
    assert cli.main(["evaluate", *folders, *told, "--out", str(world / "r.json")]) == 1
    assert "give a --manifest with a `seed` for each video" in capsys.readouterr().err


def test_a_portrait_that_is_no_face_crop_fails_its_clip_alone(world: Path) -> None:
    Image.new("RGB", (200, 100)).save(world / "wide.png")
    assert scored(world, A | {"portrait": "wide.png"}, B) == 0
    problems = [row.problem for row in Result.read(world / "r.json").rows]
    assert problems == ["wide.png: is 200 x 100, the protocol compares square face crops", ""]


def test_a_portrait_does_not_go_with_a_cut_by_the_true_face(world: Path, capsys) -> None:
    cut = world / "cut.yaml"
    cut.write_text(quick_protocol(world).read_text().replace("fps: 25,", "fps: 25, face_crop: reference,"))
    assert scored(world, A | {"portrait": "face.png"}, options=("--protocol", str(cut))) == 1
    error = capsys.readouterr().err
    assert "leave `portrait` out, or evaluate face crops under another protocol" in error
    assert error.count("\n") == 1
