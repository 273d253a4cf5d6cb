import json
import shutil

import pytest
from browser import CHROMIUM, Browser

from evaluation.preference.ranking import Vote
from evaluation.preference.study import Study, Trial, build_study, plan_trials, read_study, read_votes
from moee import cli

MP4 = b"\0\0\0\x18ftypmp42"


@pytest.fixture
def folders(tmp_path):
    """Three systems, of which the last lacks a clip."""
    for system in ("ours", "theirs", "third"):
        (tmp_path / "made" / system).mkdir(parents=True)
        for clip in ("a", "b", "c", "d"):
            (tmp_path / "made" / system / f"{clip}.mp4").write_bytes(MP4 + f"{system}-{clip}".encode())
    (tmp_path / "made" / "third" / "d.mp4").unlink()
    return tmp_path / "made"


def clips(folders) -> dict:
    return {
        folder.name: {path.stem: path for path in folder.iterdir()} for folder in sorted(folders.iterdir())
    }


def test_trials_are_random_by_seed_balanced_and_complete(folders):
    everything = clips(folders)
    planned = plan_trials(everything, 0, seed=3)
    assert planned == plan_trials(everything, 0, seed=3)
    assert planned != plan_trials(everything, 0, seed=4)
    assert len(planned) == len({(clip, frozenset(pair)) for clip, *pair in planned}) == 4 + 3 + 3
    few = plan_trials(everything, 6, seed=3)
    pairs = [frozenset(pair) for _, *pair in few]
    assert [pairs.count(pair) for pair in set(pairs)] == [2, 2, 2]
    sides = [left < right for seed in range(40) for _, left, right in plan_trials(everything, 1, seed)]
    assert 8 < sum(sides) < 32


def test_a_study_needs_something_to_compare(folders):
    everything = clips(folders)
    with pytest.raises(ValueError, match="at least two folders"):
        plan_trials({"ours": everything["ours"]}, 0, 0)
    with pytest.raises(ValueError, match="no clip is in two"):
        plan_trials({"ours": {"a": None}, "theirs": {"b": None}}, 0, 0)


def test_the_page_tells_nobody_whose_a_video_is(folders, tmp_path):
    page = build_study(clips(folders), tmp_path / "study", question="Who? </script><b>x</b>")
    text = page.read_text()
    study = read_study(tmp_path / "study")
    for system in ("ours", "theirs", "third"):
        assert system not in text
        assert not any(system in path.name for path in page.parent.rglob("*"))
    assert study.digest in text
    assert "<b>x</b>" not in text
    files = {path.name for path in (page.parent / "videos").iterdir()}
    assert files == {name for trial in study.trials for name in (trial.left_file, trial.right_file)}
    for trial in study.trials:
        assert (
            page.parent / "videos" / trial.left_file
        ).read_bytes() == MP4 + f"{trial.left}-{trial.clip}".encode()
    with pytest.raises(FileExistsError, match="holds a study already"):
        build_study(clips(folders), tmp_path / "study")


def test_a_changed_key_is_refused(folders, tmp_path):
    build_study(clips(folders), tmp_path / "study")
    path = tmp_path / "study" / "key.json"
    path.write_text(path.read_text().replace('"ours"', '"x"').replace('"theirs"', '"ours"'))
    with pytest.raises(ValueError, match="changed after the study was made"):
        read_study(path)
    for text, line in (
        ("{}", "not the key of a study: lacks study, question, trials"),
        ('{"study": "", "question": "", "trials": [{"clip": 7}]}', r"trials\[0\].clip must be a text, got 7"),
        ("[]", "not the key of a study: must be `key: value` pairs"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=line):
            read_study(path)
    with pytest.raises(FileNotFoundError, match="no file"):
        read_study(tmp_path)


STUDY = Study(
    "Q?", (Trial("a", "ours", "theirs", "1.mp4", "2.mp4"), Trial("b", "theirs", "ours", "3.mp4", "4.mp4"))
)


def answers(path, rater="r1", study=STUDY.digest, choices=("left", "tie"), **changes):
    rows = [{"trial": i, "choice": choice, "seconds": 2.0} for i, choice in enumerate(choices)]
    content = {"schema_version": 1, "study": study, "rater": rater, "answers": rows} | changes
    path.write_text(json.dumps(content))
    return path


def test_answers_become_votes(tmp_path):
    paths = [answers(tmp_path / "1.json"), answers(tmp_path / "2.json", "r2", choices=("right",))]
    assert read_votes(paths, STUDY) == [
        Vote("r1", "ours", "theirs", 1.0),
        Vote("r1", "theirs", "ours", 0.5),
        Vote("r2", "ours", "theirs", 0.0),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"study": "0" * 64}, "answers another study"),
        ({"schema_version": 2}, "has schema 2, this version reads 1"),
        ({"rater": "<script>"}, "a rater is"),
        ({"rater": 7}, "rater must be a text, got 7"),
        ({"answers": 7}, "answers must be a list"),
        ({"answers": [{"trial": 2, "choice": "left"}]}, "2 is no trial"),
        (
            {"answers": [{"trial": True, "choice": "left"}]},
            r"answers\[0\].trial must be a whole number, got True",
        ),
        ({"answers": [{"trial": 0, "choice": "left"}] * 2}, "stands there twice"),
        (
            {"answers": [{"trial": 0, "choice": "ours"}]},
            r"\.choice is 'ours', allowed are left, tie, right",
        ),
        ({"answers": ["left"]}, r"answers\[0\] must be `key: value` pairs, got 'left'"),
    ],
)
def test_bad_answers_are_one_line(tmp_path, changes, said):
    with pytest.raises(ValueError, match=said) as caught:
        read_votes([answers(tmp_path / "a.json", **changes)], STUDY)
    assert "\n" not in str(caught.value)


def test_the_same_rater_twice_is_refused(tmp_path):
    paths = [answers(tmp_path / "1.json"), answers(tmp_path / "2.json")]
    with pytest.raises(ValueError, match="by the same rater"):
        read_votes(paths, STUDY)


def test_build_and_rank_from_the_command_line(folders, tmp_path, capsys):
    study, made = tmp_path / "study", [str(folders / name) for name in ("ours", "theirs")]
    assert cli.main(["preference", "build", *made, "--out", str(study)]) == 0
    assert "study/page/index.html" in capsys.readouterr().out
    trials = read_study(study).trials
    paths = []
    for rater in range(3):
        choices = ["left" if trial.left == "ours" else "right" for trial in trials]
        paths.append(str(answers(tmp_path / f"{rater}.json", f"r{rater}", read_study(study).digest, choices)))
    out = tmp_path / "ranking.json"
    assert cli.main(["preference", "rank", *paths, "--study", str(study), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(" 1   ours ")
    assert lines[0].endswith("12 won, 0 tied, 0 lost")
    assert lines[-1].startswith("12 choices of 3 raters")
    assert [row["system"] for row in json.loads(out.read_text())["ranking"]] == ["ours", "theirs"]


def test_bad_input_to_the_command_is_one_line(folders, tmp_path, capsys):
    ours = str(folders / "ours")
    shutil.copytree(folders / "ours", tmp_path / "other" / "ours")
    for given, said in (
        (["build", ours, "--out", str(tmp_path / "s")], "at least two folders"),
        (
            ["build", ours, str(tmp_path / "other" / "ours"), "--out", str(tmp_path / "s")],
            "both called 'ours'",
        ),
        (["build", ours, str(tmp_path / "none"), "--out", str(tmp_path / "s")], "no folder"),
        (["rank", "a.json", "--study", str(tmp_path / "none")], "no file"),
    ):
        assert cli.main(["preference", *given]) == 1
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_study_in_a_browser(folders, tmp_path):
    page = build_study(clips(folders), tmp_path / "study", most=3)
    browser = Browser(tmp_path / "profile")
    try:
        ready = "document.getElementById('status').textContent"
        browser.open(page, width=390, height=844)
        browser.wait(f"{ready} === '1 of 3'")
        assert browser.run("document.documentElement.scrollWidth") == 390
        for key in "12":
            browser.press(key, ord(key), key)
        browser.open(page)  # as if it had been closed: the answers are kept
        browser.wait(f"{ready} === '3 of 3'")
        browser.press("b", 66, "b")
        assert browser.run("document.querySelector('[aria-pressed=true]').dataset.choice") == "tie"
        for key in "33":
            browser.press(key, ord(key), key)
        assert browser.run("document.getElementById('done').hidden") is False
        saved = browser.run("save()")
        assert all(address.startswith(("file:", "data:", "blob:")) for address in browser.addresses)
    finally:
        browser.close()
    (tmp_path / "saved.json").write_text(json.dumps(saved))
    study = read_study(tmp_path / "study")
    scores = [vote.score for vote in read_votes([tmp_path / "saved.json"], study)]
    assert scores == [1.0, 0.0, 0.0]
    assert [vote.first for vote in read_votes([tmp_path / "saved.json"], study)] == [
        t.left for t in study.trials
    ]


@pytest.mark.parametrize("choice", [[], {}, None, 1, "both"])
def test_a_choice_of_another_kind_is_one_line(tmp_path, choice):
    path = answers(tmp_path / "a.json", choices=(choice,))
    with pytest.raises(ValueError, match=r"answers\[0\]\.choice is .*, allowed are left, tie, right"):
        read_votes([path], STUDY)
