import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from boards import example_board, named

from evaluation.leaderboard.admission import admit, missing_origin
from evaluation.leaderboard.site import build_leaderboard
from evaluation.protocol import digest_of
from evaluation.results.files import SECTIONS
from evaluation.results.result import Result
from evaluation.results.rows import Row
from evaluation.results.schema import ResultRecord, RowRecord
from evaluation.validation import checked
from moee import cli

UNSIGNED = ("environment", "cost")


@pytest.fixture(scope="module")
def board() -> list[Result]:
    return example_board()


def write(result: Result, folder: Path, name: str = "a.json") -> Path:
    return result.write(folder / name)


def test_a_result_without_provenance_is_refused_and_the_others_stand(board, tmp_path, capsys):
    folder = tmp_path / "results"
    for i, result in enumerate(board):
        write(result, folder, f"{i}.json")
    write(named(board[1], "Nobody's", checkpoint_sha256=""), folder, "nobody.json")
    sampled = named(board[1], "Sampled", checkpoint_sha256="", settings={})
    write(sampled, folder, "sampled.json")
    status = cli.main(["leaderboard", str(folder), "--out", str(tmp_path / "board"), "--no-published"])
    error = capsys.readouterr().err.splitlines()
    page = unescape((tmp_path / "board" / "index.html").read_text())
    assert status == 1
    assert len(error) == 1
    assert error[0].startswith(
        "moee: refused sampled.json: no provenance: it does not tell what made the videos"
    )
    assert "sampled.json</strong>: no provenance" in page
    assert "Steady, distilled" in page
    assert "Nobody's" in page  # its settings name who sampled


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"system": {"seeds": []}}, "the seeds"),
        ({"system": {"checkpoint_sha256": "", "settings": {}}}, "what made the videos"),
        ({"data": {"sha256": "unknown"}}, "the sha256 of data"),
        ({"protocol": {"sha256": ""}}, "the sha256 of protocol"),
        ({"created": ""}, "when it was evaluated"),
        ({"environment": None}, "where it was evaluated"),
    ],
)
def test_each_part_of_the_origin_is_needed(board, change, said):
    result = deepcopy(board[1])
    for field, value in change.items():
        setattr(result, field, getattr(result, field) | value if isinstance(value, dict) else value)
    assert any(said in what for what in missing_origin(result))
    assert not missing_origin(board[1])


def test_a_tampered_result_is_refused(board, tmp_path):
    path = board[0].write(tmp_path / "a.json")
    assert build_leaderboard([path], tmp_path / "board").is_file()
    path.write_text(path.read_text().replace("real video", "our method"))
    with pytest.raises(ValueError, match=r"a\.json: .*changed after it was written"):
        build_leaderboard([path], tmp_path / "board")
    admitted, refused = admit([*board[:2], path])
    assert admitted == board[:2]
    assert str(tmp_path) not in refused[0].reason  # folders of a machine are nobody's business


def test_details_that_do_not_follow_from_the_rows_are_refused(board):
    result = deepcopy(board[1])
    result.metrics["emotion_accuracy"]["details"]["recall"]["happy"] = 1.5
    _, (refusal,) = admit([result])
    assert refusal.reason == "emotion_accuracy: its details do not follow from its rows"


def test_counts_that_do_not_follow_from_the_rows_are_refused(board):
    _, (refusal,) = admit([replace(board[1], data=board[1].data | {"identities": 800})])
    assert refusal.reason == "it claims 800 identities, its rows give 8"


@pytest.mark.parametrize("name", ["a\nb", "\u202ereversed", "", "  ", "x" * 81])
def test_names_that_could_mislead_are_refused(board, name):
    _, (refusal,) = admit([named(board[1], name)])
    assert "name" in refusal.reason
    assert refusal.reason.isprintable()


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("system", "name"), ["a list"]),
        (("system", "seconds_per_frame"), "fast"),
        (("system", "settings"), "none"),
        (("protocol", "statistics", "resamples"), 10**9),
        (("protocol", "statistics", "level"), 2.0),
        (("data", "failed"), True),
        (("extractors",), {"x": {"name": "x"}}),
        (("rows",), [1]),
        (("rows", 0, "sums", "psnr"), [1.0]),
        (("rows", 0, "sums", "psnr"), [float("inf"), 1.0]),
        (("rows", 0, "sums", "no_such_metric"), [1.0]),
        (("rows", 0, "key"), 7),
        (("metrics",), []),
        (("metrics", "psnr"), "good"),
        (("sums_file", "name"), "../../etc/passwd"),
        (("sums_file",), "b.safetensors"),
    ],
)
def test_files_of_the_wrong_shape_are_one_line(board, tmp_path, where, value):
    path = write(board[1], tmp_path)
    content = json.loads(path.read_text())
    place = content
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    with suppress(ValueError):  # infinity has no sha256
        content["sha256"] = digest_of({name: content[name] for name in SECTIONS if name not in UNSIGNED})
    path.write_text(json.dumps(content))
    admitted, (refusal,) = admit([path])
    assert not admitted
    assert refusal.reason
    assert "\n" not in refusal.reason
    assert "changed after" not in refusal.reason


@pytest.mark.parametrize("text", ["", "[]", "7", '{"schema_version": 9}', "[" * 100_000, "\xff"])
def test_files_that_are_no_results_are_one_line(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    _, (refusal,) = admit([path])
    assert "\n" not in refusal.reason


def test_the_shape_of_a_real_result_fits(board, tmp_path):
    checked(ResultRecord, json.loads(write(board[1], tmp_path).read_text()), "result")
    assert RowRecord.model_fields.keys() == Row.__dataclass_fields__.keys()
    assert admit([tmp_path / "a.json"])[1] == []


def test_a_refusal_keeps_its_full_stops(board, tmp_path, monkeypatch):
    """A file in the folder one stands in: its parent is a full stop."""

    def wrong(path: Path) -> Result:
        raise ValueError(f"{path}: psnr claims 50.0")

    monkeypatch.chdir(tmp_path)
    board[0].write(Path("a.json"))
    monkeypatch.setattr(Result, "read", wrong)
    (refusal,) = admit([Path("a.json")])[1]
    assert (refusal.source, refusal.reason) == ("a.json", "psnr claims 50.0")


@pytest.mark.parametrize("tag", ["a\nb", "\u202ereversed", "x" * 81])
def test_names_of_protocols_and_networks_are_names_too(board, tag):
    _, (refusal,) = admit([replace(board[1], protocol=board[1].protocol | {"tag": tag})])
    assert "must be printable" in refusal.reason
    extractors = {"embedded-judge": board[1].extractors["embedded-judge"] | {"name": tag}}
    _, (refusal,) = admit([replace(board[1], extractors=extractors)])
    assert "must be printable" in refusal.reason


@pytest.mark.parametrize("folder", ["r", "o", "no", "settings", "a/b"])
def test_a_folder_called_like_a_part_of_the_reason_leaves_it_whole(monkeypatch, folder):
    path = Path(folder, "x.json")
    for said in ("no provenance: settings or run", f"x.json: {path}: sums of {folder}/x.sums lack or exceed"):

        def wrong(_: Path, said: str = said) -> Result:
            raise ValueError(said)

        monkeypatch.setattr(Result, "read", wrong)
        (refusal,) = admit([path])[1]
        assert refusal.reason == said.replace(f"{folder}/", "").removeprefix("x.json: ")
