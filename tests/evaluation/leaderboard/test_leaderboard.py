import csv
import json
import re
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from boards import MP4, board_result, digest, example_board, named
from browser import CHROMIUM, Browser
from judges import PROTOCOL, judges, painted

from evaluation.clips.floors import ceiling_and_floors
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.samples import clips_of_samples
from evaluation.comparison.sensitivity import sensitivities
from evaluation.comparison.tables import UNLIKE, best, blind, fooled, group, tells, text_of
from evaluation.evaluate import evaluate, evaluate_pairs
from evaluation.leaderboard.downloads import as_json, as_latex, as_markdown
from evaluation.leaderboard.scores import headline, score_table
from evaluation.leaderboard.site import build_leaderboard
from evaluation.results.result import Result
from evaluation.results.system import System

HOSTILE = "=1+1<script>alert(1)</script>&\"'`|*_$\\{}"


@pytest.fixture(scope="module")
def results() -> list[Result]:
    samples = [painted(i) for i in range(6)]
    clips = clips_of_samples(samples)
    found = [
        evaluate_pairs(generated_pairs(clips, make), PROTOCOL, extractors=judges(), system=System(name, role))
        for name, role, make in ceiling_and_floors(clips)
    ]
    for name, step in (("ours <best>", 0), ("theirs", 2)):
        made = {s["key"]: (painted((i + step) % 6)["frames"] // 2 * 2) for i, s in enumerate(samples)}
        made.pop("clip-5") if step else None
        about = System(
            name, "system", digest(name), "", [1], {"steps": 4}, seconds_per_frame=0.02, peak_memory_mb=512.0
        )
        found.append(evaluate(made, samples, PROTOCOL, extractors=judges(), system=about))
    return found


@pytest.fixture(scope="module")
def board() -> list[Result]:
    return example_board()


def other_data(result: Result, name: str) -> Result:
    return named(replace(result, data=result.data | {"sha256": "f" * 64}), name)


class Page(HTMLParser):
    """Checks nesting; collects tags, attributes and text."""

    VOID = ("meta", "br", "img", "input", "line", "circle", "polyline")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_startendtag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page(results, tmp_path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(MP4)
    out = build_leaderboard(results, tmp_path / "board", videos={"theirs": {"happy": video}})
    text = out.read_text()
    page = Page(text)
    for words in (
        "ours <best>",  # escaped, so it arrives as text
        "embedded, not the published network",
        "1 of 6 clips failed",
        "PSNR ↑",
        "20.0 ms a frame",
        "sampled by not told",
        *(result.digest for result in results),
    ):
        assert words in page.text
    (source,) = [a["src"] for _, a in page.attributes if "src" in a]
    assert (out.parent / source).read_bytes() == MP4
    assert "http:" not in text  # no network, not even a link
    assert "https:" not in text
    assert "default-src 'none'" in text
    assert sorted(p.name for p in out.parent.iterdir()) == [
        "index.html",
        *(f"leaderboard.{ending}" for ending in ("csv", "json", "md", "tex")),
        "videos",
    ]


def test_the_true_clip_stands_first_beside_the_systems(results, tmp_path):
    for name in ("true", "theirs"):
        (tmp_path / f"{name}.mp4").write_bytes(MP4 + name.encode())
    out = build_leaderboard(
        results,
        tmp_path / "board",
        videos={"theirs": {"clip-0": tmp_path / "theirs.mp4"}},
        true={"clip-0": tmp_path / "true.mp4", "clip-1": tmp_path / "true.mp4"},
    )
    labels = [a["aria-label"] for tag, a in Page(out.read_text()).attributes if tag == "video"]
    assert labels == ["clip-0 by true clip", "clip-0 by theirs"]


def test_a_wide_table_shows_a_few_columns_first_and_all_of_them_on_demand(board, tmp_path):
    text = build_leaderboard(board, tmp_path).read_text()
    first, rest = text.split('<details class="columns">')
    names = group(board)[0].metrics
    assert first.count("<button") - 1 == len(headline(names)) == 6 < len(names)
    assert "All 10 metrics, by what they look at" in rest
    inside = rest.split("</details>")[0]
    assert inside.count("<button") == len(names) + 4  # of four families, each with a column of systems
    assert headline(names[:8]) == list(names[:8])
    assert headline(["psnr", *(f"unknown_{i}" for i in range(9))]) == ["psnr"]


def test_floors_are_spoken_of_only_where_there_are_some(board, tmp_path):
    text = Page(build_leaderboard(board, tmp_path / "with").read_text()).text
    assert "floor rows are what a system must beat" in text
    assert "Floor wins" in text
    bare = [result for result in board if result.system["role"] == "system"]
    text = Page(build_leaderboard(bare, tmp_path / "without").read_text()).text
    assert "floor rows are" not in text
    assert "Floor wins" not in text
    assert "nothing says what these metrics can see: moee evaluate --limits computes them" in text


def test_every_table_has_a_caption_scopes_and_a_box_that_scrolls_by_keyboard(board, tmp_path):
    page = Page(build_leaderboard(board, tmp_path).read_text())
    assert page.tags.count("table") == page.tags.count("caption") > 5
    assert all(a.get("scope") in ("col", "row") for tag, a in page.attributes if tag == "th")
    boxes = [a for tag, a in page.attributes if tag == "div" and a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in boxes)
    assert len(boxes) == page.tags.count("table")
    assert len({a["id"] for _, a in page.attributes if "id" in a}) == sum(
        "id" in a for _, a in page.attributes
    )


def test_rows_stand_in_order(results):
    (table,) = group(results)
    roles = [result.system["role"] for result in table.results]
    assert roles == ["ceiling", "system", "system", "floor", "floor"]
    assert table.results[1].system["name"] == "ours <best>"
    assert best(table, "psnr") == table.results[1].metrics["psnr"]["value"]


def test_a_metric_that_cannot_see_is_marked(results, tmp_path):
    (table,) = group(results)
    assert not blind(table, "psnr")
    assert not blind(table, "au_correlation")
    same = replace(table, results=tuple(r for r in table.results if r.system["role"] == "ceiling"))
    assert not blind(same, "psnr")  # no floor to compare with
    floor = named(same.results[0], "copy", role="floor")
    assert blind(replace(table, results=(same.results[0], floor)), "ssim")
    coded = named(board_result("worse", 0.5, "ceiling"), "real video, encoded again", role="ceiling")
    assert blind(replace(table, results=(same.results[0], coded, floor)), "ssim")  # one real video is enough
    page = Page(build_leaderboard([same.results[0], floor], tmp_path).read_text())
    assert "Cannot tell ceiling from floor here: PSNR, SSIM" in page.text
    assert "Cannot tell ceiling from floor here: PSNR, SSIM" in (tmp_path / "leaderboard.md").read_text()


def test_a_metric_that_a_floor_wins_is_marked(tmp_path):
    upside_down = [board_result("real video", 0.5, "ceiling"), board_result("static", 0.1, "floor")]
    (table,) = group(upside_down)
    assert fooled(table, "psnr")
    assert not blind(table, "psnr")
    assert (
        "A floor beats real video here: PSNR"
        in Page(build_leaderboard(upside_down, tmp_path).read_text()).text
    )


@pytest.mark.parametrize("what", ["protocol", "data", "extractors"])
def test_what_is_not_comparable_never_shares_a_table(board, tmp_path, what):
    foreign = named(deepcopy(board[1]), "elsewhere")
    if what == "extractors":
        foreign.extractors["embedded-judge"]["sha256"] = "e" * 64
    else:
        getattr(foreign, what)["sha256"] = "e" * 64
    tables = group([*board, foreign])
    assert [len(table.results) for table in tables] == [len(board), 1]
    assert tables[0].reason == ""
    assert f"{what} differs" in tables[1].reason
    assert tables[1].reason.count("differs") == 1
    text = build_leaderboard([*board, foreign], tmp_path).read_text()
    assert "Not comparable with the first table" in text
    assert [text.count(f"<h2 id='table-{i}'".replace("'", '"')) for i in (1, 2)] == [1, 1]
    rows = json.loads((tmp_path / "leaderboard.json").read_text())["tables"]
    assert ["elsewhere" in {row["system"]["name"] for row in table["rows"]} for table in rows] == [
        False,
        True,
    ]


def test_two_rows_of_one_name_are_refused(results):
    with pytest.raises(ValueError, match="both called 'theirs'"):
        group([*results, results[-1]])
    with pytest.raises(ValueError, match="at least one result"):
        build_leaderboard([], None)


def test_an_unknown_metric_to_plot_is_refused(results, tmp_path):
    with pytest.raises(ValueError, match="no metric 'psn', known are psnr"):
        build_leaderboard(results, tmp_path, plot="psn")


def test_hostile_names_stay_text(board, tmp_path):
    hostile = named(board[1], HOSTILE, settings={"<b>": "<i>", "sampled_by": "<img src=x onerror=alert(1)>"})
    hostile.rows[0].label = "<b>happy</b>"
    text = build_leaderboard([*board[2:], hostile], tmp_path, title="</title><script>x</script>").read_text()
    page = Page(text)
    assert page.tags.count("script") == 1
    assert page.tags.count("img") == page.tags.count("b") == page.tags.count("i") == 0
    assert HOSTILE in page.text
    rows = list(csv.DictReader((tmp_path / "leaderboard.csv").open()))
    assert {row["system"] for row in rows if row["system"].startswith("'=")} == {f"'{HOSTILE}"}
    markdown = (tmp_path / "leaderboard.md").read_text()
    assert "<script>" not in re.sub(r"\\.", "", markdown)
    latex = as_latex(group([*board[2:], hostile]))
    assert r"\textbackslash{}\{\}" in latex
    assert not re.search(r"(?<!\\)[_#]", latex)


def test_csv_and_markdown(results, tmp_path):
    build_leaderboard(results, tmp_path)
    rows = list(csv.DictReader((tmp_path / "leaderboard.csv").open()))
    ours = next(r for r in rows if r["system"] == "ours <best>" and r["metric"] == "psnr")
    assert float(ours["value"]) == results[3].metrics["psnr"]["value"]
    assert (ours["direction"], ours["standing"]) == ("higher", "best")
    assert next(r for r in rows if r["metric"] == "au_correlation")["measured_by"] == "embedded-judge"
    text = as_markdown(group(results))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert "**" in text
    assert "Embedded, not the published network" in text


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


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_in_a_browser(board, tmp_path):
    page = build_leaderboard([*board, other_data(board[1], "elsewhere")], tmp_path / "board")
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(page)
        _sorts_by_keyboard(browser)
        _finds(browser)
        _opens_the_other_columns(browser)
        light = browser.run("getComputedStyle(document.body).backgroundColor")
        browser.open(page, width=390, height=844, dark=True)
        assert browser.run("getComputedStyle(document.body).backgroundColor") != light
        assert browser.run("document.documentElement.scrollWidth") == 390
        assert browser.console == []
        assert all(address.startswith("file:") for address in browser.addresses)
    finally:
        browser.close()


def _sorts_by_keyboard(browser: Browser) -> None:
    head = "document.querySelectorAll('thead th[data-first] button')[1]"
    rows = "[...document.querySelector('tbody.systems').rows]"
    browser.run(f"{head}.focus()")
    for order in ("descending", "ascending"):
        browser.press("Enter", 13, "\r")
        assert browser.run(f"{head}.closest('th').ariaSort") == order
        sign = 1 if order == "ascending" else -1
        values = browser.run(f"{rows}.map((row) => Number(row.cells[1].dataset.value))")
        assert values == sorted(values, key=lambda value: sign * value)
    assert browser.run(f"{rows}.map((row) => row.dataset.name)")[0] == "Swift"
    assert browser.run("document.querySelectorAll('th[aria-sort]').length") == 1
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def _finds(browser: Browser) -> None:
    browser.run("document.getElementById('search').focus()")
    for letter in "steady":
        browser.press(letter, ord(letter.upper()), letter)
    rows = "[...document.querySelectorAll('tr[data-name]')].filter((row) => !row.hidden)"
    assert browser.run(f"{rows}.filter((row) => !row.closest('details')).length") == 2
    assert browser.run(f"{rows}.every((row) => row.dataset.name.startsWith('Steady'))")
    assert browser.run("document.getElementById('status').textContent") == "2 of 5 rows match “steady”"
    assert browser.run("[...document.querySelectorAll('tr.ceiling')].every((row) => !row.hidden)")


def _opens_the_other_columns(browser: Browser) -> None:
    """By keyboard, and without any of our script."""
    heads = "document.querySelector('details.columns').querySelectorAll('thead button')"
    assert not browser.run(f"{heads}[0].checkVisibility()")
    browser.run("document.querySelector('details.columns summary').focus()")
    browser.press("Enter", 13, "\r")
    assert browser.run(f"[...{heads}].every((button) => button.checkVisibility())")


def test_the_limits_of_two_systems_evaluations_are_one_row(results):
    again = [
        replace(r, system=dict(r.system), metrics=dict(r.metrics))
        for r in results
        if r.system["role"] != "system"
    ]
    (table,) = group([*results, *again])
    assert len(table.results) == len(results)
    assert table.unlike == ()


def test_limits_that_another_machine_measured_a_little_differently_stop_no_board(results):
    real = next(result for result in results if result.system["name"] == "real video")

    def again(**values: float | None) -> Result:
        changed = {name: real.metrics[name] | {"value": value} for name, value in values.items()}
        return replace(real, metrics=real.metrics | changed)

    psnr, ssim = (real.metrics[name]["value"] for name in ("psnr", "ssim"))
    twins = [again(psnr=psnr * (1 + 1e-9)), again(psnr=psnr + 0.5), again(ssim=ssim * 0.9, psnr=psnr + 1)]
    (table,) = group([*results, *twins])
    assert len(table.results) == len(results)
    (line,) = table.unlike
    assert line == f"real video, SSIM {ssim:.6g} and {ssim * 0.9:.6g}"
    shown = Page(score_table(table, "")).text
    assert f"{UNLIKE}: {line}" in shown
    assert f"{UNLIKE}: {line}." in as_markdown([table])
    assert json.loads(as_json([table]))["tables"][0]["unlike"] == [line]
    assert group([*results, twins[0]])[0].unlike == ()
    assert group([*results, again(psnr=None)])[0].unlike[0].endswith(f"{psnr:.6g} and none")
    foreign = replace(real, system=real.system | {"checkpoint_sha256": "c" * 64})
    with pytest.raises(ValueError, match="both called 'real video'"):
        group([*results, foreign])


def test_the_board_and_the_limits_share_a_verdict(results):
    ceiling = next(result for result in results if result.system["role"] == "ceiling")
    rest = [result for result in results if result.system["role"] == "system"]
    middle = named(ceiling, "floor", role="floor")
    low, _ = ceiling.metrics["psnr"]["interval"]
    away = ceiling.metrics["psnr"] | {"value": low - 5, "interval": [low - 6, low - 4]}
    coded = replace(named(ceiling, "encoded again"), metrics=ceiling.metrics | {"psnr": away})
    between = replace(middle, metrics=ceiling.metrics | {"psnr": away | {"interval": [low - 4.5, low - 4]}})
    point = replace(middle, metrics=ceiling.metrics | {"psnr": away | {"interval": None}})
    for ceilings, floor, wanted in (
        ([ceiling], middle, False),
        ([ceiling], between, True),
        ([ceiling, coded], between, False),  # nearer to what our codec makes of real video than to nothing
        ([coded, ceiling], between, False),
        ([ceiling], point, None),
    ):
        assert tells(floor, ceilings, "psnr") is wanted
        (board,) = group([*ceilings, *rest, floor])
        assert blind(board, "psnr") is (wanted is False)
        (psnr,) = (each for each in sensitivities([*ceilings, floor]) if each.name == "psnr")
        assert (psnr.told_apart == ("floor",)) is (wanted is True)
        assert (psnr.not_told_apart == ("floor",)) is (wanted is False)
