import re

import pytest

from evaluation.leaderboard.published_numbers import load_published
from evaluation.leaderboard.sections import published

GOOD = """
paper: P
citation: Somebody, 2025
read_from: the paper
tables:
  - protocol: p-1
    dataset: D
    metrics: {FID: lower, Sync: higher}
    rows: {ours: ["1.50", "2"], theirs: [null, ".5"]}
"""


@pytest.fixture
def registry(tmp_path):
    def write(text: str, name: str = "p.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path

    return write


def table(tag: str):
    return next(table for table in load_published() if table.protocol == tag)


@pytest.mark.parametrize(
    ("tag", "method", "metric", "number", "way"),
    [
        ("moee-table-2", "MoEE", "Sync-C", "6.114", "higher"),
        ("moee-table-2", "Hallo", "FID", "28.61", "lower"),
        ("moee-table-3", "MoEE", "FID", "32.696", "lower"),
        ("moee-table-4", "EAT", "LPIPS", "0.260", "lower"),
        ("moee-table-4", "MoEE", "AKD", "4.028", "lower"),
        ("moee-table-5", "without global soft assignment", "AKD", "10.652", "lower"),
        ("keyface-hdtf", "V-Express", "LipScore", "0.37", "higher"),
        ("keyface-mead", "EDTalk", "Emotion accuracy", "0.72", "higher"),
        ("sonic-hdtf", "Hallo2", "E-FID", "2.20", "lower"),
        ("sonic-hdtf", "AniPortrait", "Runtime", "44.03", "lower"),
        ("sonic-hdtf", "AniPortrait", "FID", None, "lower"),
        ("auhead-mead", "AUHead on MEMO", "SSIM", ".7395", "higher"),
        ("auhead-crema-d", "AUHead", "FID", "8.24", "lower"),
        ("emocast-mead", "SadTalker", "LSE-C", "7.60", "higher"),
        ("eat-log", "EAT", "F-LMD", "2.425", "lower"),
    ],
)
def test_numbers_stand_as_printed(tag, method, metric, number, way):
    found = table(tag)
    assert found.rows[method][list(found.metrics).index(metric)] == number
    assert found.metrics[metric] == way


def test_every_table_tells_whom_to_cite_and_where_it_was_read():
    tables = load_published()
    assert len(tables) == 11
    assert len({found.protocol for found in tables}) == 11
    assert all(found.citation and found.read_from and found.dataset for found in tables)
    assert "not at hand" in table("moee-table-2").read_from
    assert table("moee-table-3").note.startswith("Inferred")


def test_the_page_ranks_none_of_it():
    html = published(load_published())
    assert "best" not in html.replace("The best emotion accuracy", "")
    assert "data-first" not in html  # no column sorts
    assert "None of it can be ranked" in html
    assert published([]) == ""


def test_a_good_file_is_read(registry):
    (found,) = load_published(registry(GOOD))
    assert found.rows == {"ours": ("1.50", "2"), "theirs": (None, ".5")}
    assert dict(found.metrics) == {"FID": "lower", "Sync": "higher"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("paper: P", "papers: P", "unknown key 'papers', did you mean 'paper'? known are paper, citation"),
        ("citation: Somebody, 2025\n", "", "lacks citation"),
        ("citation: Somebody, 2025", "citation: ''", "citation: expected a text"),
        ("dataset: D", "datasets: D", "tables[0]: unknown key 'datasets', did you mean 'dataset'?"),
        ("FID: lower", "FID: less", "tables[0].metrics.FID is 'less', allowed are higher, lower"),
        ('"1.50"', "1.50", "tables[0].rows.ours[0]: 1.5 is no number in quotes"),
        ('"1.50"', '"nan"', "'nan' is no number in quotes"),
        ('"1.50"', '"good"', "'good' is no number in quotes"),
        ('["1.50", "2"]', '["1.50"]', "expected a list of 2 numbers in quotes"),
        ("rows: {ours", "units: {SSIM: dB}\n    rows: {ours", "units name a metric that is no column"),
        ("paper: P", "paper: [", "p.yaml is not readable YAML: "),
        (GOOD, "[7]", "expected `key: value` pairs"),
    ],
)
def test_a_bad_file_is_one_line(registry, old, new, said):
    assert old in GOOD
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        load_published(registry(GOOD.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_a_protocol_tag_stands_for_one_table(registry):
    registry(GOOD)
    with pytest.raises(ValueError, match="two tables are tagged 'p-1'"):
        load_published(registry(GOOD, "q.yaml"))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no published numbers"):
        load_published(tmp_path)


def test_names_are_escaped(registry):
    hostile = GOOD.replace("ours:", '"<script>x</script>":').replace("paper: P", "paper: <b>P</b>")
    html = published(load_published(registry(hostile)))
    assert "<script>" not in html
    assert "<b>" not in html
