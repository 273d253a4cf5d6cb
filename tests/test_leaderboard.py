import csv
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from judges import PROTOCOL, judges, painted

from evaluation.evaluate import evaluate, evaluate_pairs
from evaluation.leaderboard import build_leaderboard
from evaluation.pairs import clips_of_samples, limits, pairs_of
from evaluation.result import Result, System
from evaluation.tables import as_markdown, best, blind, group, text_of


@pytest.fixture(scope="module")
def results() -> list[Result]:
    samples = [painted(i) for i in range(6)]
    clips = clips_of_samples(samples)
    found = [
        evaluate_pairs(pairs_of(clips, make), PROTOCOL, extractors=judges(), system=System(name, role))
        for name, role, make in limits(clips)
    ]
    for name, step in (("ours <best>", 0), ("theirs", 2)):
        made = {s["key"]: (painted((i + step) % 6)["frames"] // 2 * 2) for i, s in enumerate(samples)}
        made.pop("clip-5") if step else None
        about = System(name, seeds=[1], settings={"steps": 4}, seconds_per_frame=0.02, peak_memory_mb=512.0)
        found.append(evaluate(made, samples, PROTOCOL, extractors=judges(), system=about))
    return found


def other_data(result: Result, name: str) -> Result:
    return replace(result, data=result.data | {"sha256": "f" * 64}, system=result.system | {"name": name})


class Page(HTMLParser):
    """Checks nesting; collects tags, attributes and text."""

    VOID = ("meta", "br", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page(results, tmp_path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"not really a video")
    out = build_leaderboard(results, tmp_path / "board", videos={"theirs": {"happy": video}})
    text = out.read_text()
    page = Page(text)
    words = " ".join(" ".join(page.words).split())
    assert page.tags.count("table") == 1
    assert page.tags.count("details") == 5
    assert "ours <best>" in words  # escaped, so it arrives as text
    assert "embedded, not the published network" in words
    assert "1 of 6 clips failed" in words
    assert "PSNR ↑" in words
    assert "20.0 ms a frame" in words
    for result in results:
        assert result.digest in words
    sources = [a["src"] for _, a in page.attributes if "src" in a]
    assert len(sources) == 1
    assert sources[0].startswith("data:video/mp4;base64,")
    assert "http" not in text  # no network, not even a link
    assert sorted(p.name for p in out.parent.iterdir()) == ["index.html", "leaderboard.csv", "leaderboard.md"]


def test_rows_stand_in_order(results):
    (table,) = group(results)
    roles = [result.system["role"] for result in table.results]
    assert roles == ["ceiling", "system", "system", "floor", "floor"]
    assert table.results[1].system["name"] == "ours <best>"
    assert best(table, "psnr") == table.results[1].metrics["psnr"]["value"]


def test_a_metric_that_cannot_see_is_marked(results):
    (table,) = group(results)
    assert not blind(table, "psnr")
    assert not blind(table, "au_correlation")
    same = replace(table, results=tuple(r for r in table.results if r.system["role"] == "ceiling") * 1)
    assert not blind(same, "psnr")  # no floor to compare with
    floor = replace(same.results[0], system=same.results[0].system | {"role": "floor", "name": "copy"})
    assert blind(replace(table, results=(same.results[0], floor)), "ssim")


def test_other_data_or_networks_never_share_a_table(results, tmp_path):
    foreign = other_data(results[-1], "elsewhere")
    tables = group([*results, foreign])
    assert len(tables) == 2
    assert tables[0].reason == ""
    assert "data differs" in tables[1].reason
    assert "protocol" not in tables[1].reason
    text = build_leaderboard([*results, foreign], tmp_path).read_text()
    assert "Not comparable with the first table" in text


def test_two_rows_of_one_name_are_refused(results):
    with pytest.raises(ValueError, match="both called 'theirs'"):
        group([*results, results[-1]])
    with pytest.raises(ValueError, match="at least one result"):
        build_leaderboard([], None)


def test_csv_and_markdown(results, tmp_path):
    build_leaderboard(results, tmp_path)
    rows = list(csv.DictReader((tmp_path / "leaderboard.csv").open()))
    ours = next(r for r in rows if r["system"] == "ours <best>" and r["metric"] == "psnr")
    assert float(ours["value"]) == results[3].metrics["psnr"]["value"]
    assert ours["direction"] == "higher"
    assert next(r for r in rows if r["metric"] == "au_correlation")["measured_by"] == "embedded-judge"
    text = as_markdown(group(results))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert "**" in text
    assert "Embedded, not the published network" in text


def test_results_are_validated_when_they_are_read(results, tmp_path):
    path = results[0].write(tmp_path / "a.json")
    assert build_leaderboard([path], tmp_path / "board").is_file()
    path.write_text(path.read_text().replace("real video", "our method"))
    with pytest.raises(ValueError, match="changed after it was written"):
        build_leaderboard([path], tmp_path / "board")


def test_large_videos_are_refused(results, tmp_path):
    video = tmp_path / "long.mp4"
    video.write_bytes(bytes(8 * 2**20 + 1))
    with pytest.raises(ValueError, match="shorten it"):
        build_leaderboard(results, tmp_path / "board", videos={"theirs": {"long": video}})


def test_numbers_are_short():
    assert [text_of(v) for v in (None, 0.12345, 12.345, 123.45, -0.5)] == [
        "–",
        "0.123",
        "12.35",
        "123.5",
        "-0.500",
    ]


def test_no_minus_stands_before_a_zero() -> None:
    assert [text_of(x) for x in (-1e-9, -0.0006, 12.345, 123.45)] == ["0.000", "-0.001", "12.35", "123.5"]
