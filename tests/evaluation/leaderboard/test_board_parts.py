import csv
import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from boards import MP4, board_result, example_board, named

from evaluation.comparison.tables import doubt, group, measured_by
from evaluation.extractors.interface import OTHER_WEIGHTS
from evaluation.leaderboard.breakdown import breakdown, group_values
from evaluation.leaderboard.downloads import as_csv, as_json, as_latex, as_markdown
from evaluation.leaderboard.pareto import Point, front, plotted_metric
from evaluation.leaderboard.scores import family
from evaluation.leaderboard.site import build_leaderboard
from evaluation.metrics import METRICS
from evaluation.pages.axes import log_ticks, ticks
from evaluation.pages.videos import copy_videos, find_videos
from evaluation.results.result import Result


@pytest.fixture(scope="module")
def board() -> list[Result]:
    return example_board()


def test_every_metric_has_a_family():
    assert {name for name in METRICS if family(name) == "Other"} == set()


def test_one_row_that_tells_of_unproven_weights_is_enough_for_its_column(board):
    older, newer = named(board[0], "older"), named(board[0], "newer")
    (name,) = older.extractors
    newer = replace(newer, extractors={name: {**newer.extractors[name], "doubt": OTHER_WEIGHTS}})
    for rows in ([older, newer], [newer, older]):
        (table,) = group(rows)
        column = next(n for n in table.metrics if measured_by(table, n) == name)
        assert doubt(table, column) == OTHER_WEIGHTS
    assert doubt(group([older])[0], column) == ""


def test_the_breakdown_is_the_metric_on_the_rows_of_a_group(board):
    found = breakdown(board, "emotion_accuracy", "label")
    happy = [row for row in board[1].rows if row.label == "happy"]
    assert found.clips["happy"] == 4
    assert found.values["Swift"]["happy"] == np.mean([row.values["emotion_accuracy"] for row in happy])
    assert breakdown(board, "psnr", "identity").clips == {f"person-{i}": 4 for i in range(8)}
    assert breakdown(board, "fid_embedded", "label") is None  # too few frames for a distribution
    assert group_values(board[1], "psnr", "seed") == {0: pytest.approx(board[1].metrics["psnr"]["value"])}


def test_groups_of_few_clips_stay_empty():
    few = [board_result("a", 0.1, clips=6)]
    found = breakdown(few, "psnr", "label")
    assert found.values["a"]["happy"] is not None
    assert found.values["a"]["sad"] is None  # two clips


def test_the_front_holds_what_nothing_beats():
    def point(name: str, ms: float, cost: float) -> Point:
        return Point(name, ms, -cost, (-cost, -cost), cost)

    found = [point("a", 1, 5), point("b", 2, 5), point("c", 3, 2), point("d", 4, 3), point("e", 3, 2)]
    assert [p.name for p in front(found)] == ["a", "c", "e"]


def test_the_plot_is_xml_with_a_title_a_description_and_axes(board, tmp_path):
    text = build_leaderboard(board, tmp_path, plot="m_lmd").read_text()
    (svg,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    root = ElementTree.fromstring(svg)
    labels = {element.text for element in root.iter("text")}
    assert root.find("title").text == "M-LMD against milliseconds a frame"
    assert "Swift: 24 ms" in root.find("desc").text
    assert root.attrib["aria-labelledby"].split() == [
        root.find("title").attrib["id"],
        root.find("desc").attrib["id"],
    ]
    assert {"Swift", "Ornate", "100"} <= labels
    assert any("outer-eye distances" in label for label in labels)
    assert len(root.findall("circle")) == 4


def test_nothing_is_plotted_without_two_costs(board):
    (table,) = group(board[:2])
    assert plotted_metric(table) == ""
    (table,) = group(board)
    assert plotted_metric(table) == "emotion_accuracy"  # not PSNR nor our Fréchet distance, which blur wins
    assert plotted_metric(table, "psnr") == "psnr"


def test_ticks_are_round():
    assert ticks(0.1, 1.02) == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-3, 3) == [-2, 0, 2]
    assert log_ticks(15, 600) == [20, 50, 100, 200, 500]
    assert log_ticks(30, 70) == [30, 40, 50, 60, 70]
    assert log_ticks(1, 5000) == [1, 10, 100, 1000]


def test_latex_and_json(board):
    tables = group(board)
    latex = as_latex(tables)
    assert latex.startswith(r"% Needs \usepackage{array,booktabs}")
    parts = latex.split(r"\end{tabular}")[:-1]
    assert [part.count(" part ") or part.count(", part ") for part in parts] == [1] * 3  # ten metrics
    for part in parts:
        rows = [line for line in part.splitlines() if line.endswith(r" \\")]
        (columns,) = {line.count("&") for line in rows}
        assert columns <= 4
    assert r"\textbf{33." in latex
    assert r"\scriptsize 33." in latex
    assert r"$\approx$" in latex
    (table,) = json.loads(as_json(tables))["tables"]
    steady = next(row for row in table["rows"] if row["system"]["name"] == "Steady")
    assert steady["values"]["psnr"]["standing"] == "best"
    assert steady["result_sha256"] == board[2].digest
    assert as_csv(tables).count("\n") == 1 + len(board) * len(table["metrics"])


def test_only_videos_are_copied(tmp_path):
    video = tmp_path / "long.mp4"
    video.write_bytes(MP4 + bytes(8 * 2**20))
    for content, said in ((video.read_bytes(), "shorten it"), (b"root:x:0:0", "not the .mp4 video")):
        video.write_bytes(content)
        with pytest.raises(ValueError, match=said):
            copy_videos({"theirs": {"long": video}}, tmp_path)
    with pytest.raises(ValueError, match="convert it"):
        copy_videos({"theirs": {"a": tmp_path / "a.avi"}}, tmp_path)
    with pytest.raises(FileNotFoundError, match="no video"):
        copy_videos({"theirs": {"a": tmp_path / "a.mp4"}}, tmp_path)


def test_videos_are_found_by_listing_never_by_a_name_from_a_result(tmp_path):
    made, secret = tmp_path / "made", tmp_path / "secret"
    for folder in (made / "ours", made / "theirs", made / "else", secret):
        folder.mkdir(parents=True)
        for clip in ("a", "b", "c"):
            (folder / f"{clip}.mp4").write_bytes(MP4)
    (made / "theirs" / "a.mp4").unlink()
    keys = {"ours": ["a", "b", "../secret/c"], "theirs": ["a", "b"], "../secret": ["a"]}
    found = find_videos(made, keys, most=1)
    assert found == {"ours": {"b": made / "ours" / "b.mp4"}, "theirs": {"b": made / "theirs" / "b.mp4"}}
    assert set(find_videos(made, keys, most=6)["ours"]) == {"a", "b"}
    (made / "theirs" / "a.mp4").symlink_to(secret / "a.mp4")
    with pytest.raises(ValueError, match="a link out of"):
        find_videos(made, keys, most=6)
    with pytest.raises(ValueError, match="expected folders called nobody"):
        find_videos(made, {"nobody": []}, most=6)


def test_what_foreign_leaves_is_found_by_its_record(tmp_path):
    for name in ("still", "renamed", "stranger"):
        (tmp_path / name / "videos").mkdir(parents=True)
        (tmp_path / name / "videos" / "a.mp4").write_bytes(MP4)
        (tmp_path / name / "system.json").write_text(f'{{"name": "their {name} system"}}')
    keys = {"their still system": ["a"], "renamed": ["a"]}  # the second was evaluated under another --name
    wanted = {"their still system": "still", "renamed": "renamed"}
    found = find_videos(tmp_path, keys, most=6)
    assert found == {name: {"a": tmp_path / own / "videos" / "a.mp4"} for name, own in wanted.items()}
    assert find_videos(tmp_path / "still", keys, most=6) == {
        "their still system": {"a": tmp_path / "still" / "videos" / "a.mp4"}
    }
    (tmp_path / "their still system").mkdir()
    with pytest.raises(ValueError, match="are both of their still system: leave one out"):
        find_videos(tmp_path, keys, most=6)
    for text, said in (
        ("{", "is not JSON"),
        ("[]", "`key: value` pairs"),
        ('{"name": 3}', "name must be a text"),
    ):
        (tmp_path / "stranger" / "system.json").write_text(text)
        with pytest.raises(ValueError, match=said):
            find_videos(tmp_path, keys, most=6)


def test_no_text_of_a_result_becomes_a_formula(board):
    extractors = {"=1+1": board[1].extractors["embedded-judge"] | {"name": "=1+1"}}
    risky = replace(board[1], protocol=board[1].protocol | {"tag": "@SUM(1)"}, extractors=extractors)
    cells = [cell for row in csv.reader(io.StringIO(as_csv(group([risky])))) for cell in row]
    assert "'=1+1" in cells
    assert not any(cell.startswith(("=", "@", "+")) for cell in cells)


def test_every_download_tells_what_the_page_warns_of(board):
    """A floor that is sharper than real video, and networks of ours."""
    sharp = named(board_result("sharp floor", -0.5, "floor"), "sharp floor")
    tables = group([*board, sharp])
    for text in (as_markdown(tables), as_latex(tables)):
        assert "A floor beats real video here: PSNR" in text
        assert "Embedded, not the published network" in text
    psnr = json.loads(as_json(tables))["tables"][0]["metrics"][0]
    assert (psnr["name"], psnr["floor_beats_ceiling"]) == ("psnr", True)
