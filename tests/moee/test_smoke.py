"""The variable that shrinks every command: only when it is set, and never an option that would be refused."""

import argparse

import pytest

from moee import cli, smoke
from moee.experiments.compose import compose


def parsed(*words: str) -> argparse.Namespace:
    return cli.build_parser(words[0]).parse_args(list(words))


def test_nothing_changes_without_the_variable(monkeypatch):
    monkeypatch.setenv(smoke.VARIABLE, "0")
    args = parsed("score")
    smoke.shrink(args)
    assert args == parsed("score")
    assert compose("embedded-codec", "trainer.max_steps=7").config.trainer.max_steps == 7


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["score", "--clips", "28"], {"clips": 2, "frames": 5, "seeds": 1, "steps": 1}),
        (["study", "dose"], {"clips": 2, "frames": 8, "seeds": 1, "steps": 1, "seconds": 2.0}),
        (["study", "drift", "--generated", "a", "--reference", "b"], {}),
        (["sweep", "judge-rate", "--trials", "8"], {"trials": 2}),
        (["sweep", "judge-rate", "--trials", "1"], {"trials": 1}),
        (["evaluate", "--generated", "a", "--reference", "b", "--out", "r.json"], {}),
        (["evaluate", "--checkpoint", "g", "--reference", "b", "--out", "r.json"], {"seeds": 1, "steps": 1}),
        (
            ["evaluate", "--checkpoint", "g", "--synthetic", "28", "--out", "r.json"],
            {"synthetic": 2, "frames": 5, "seeds": 1, "steps": 1},
        ),
        (["evaluate", "--generated", "a", "--synthetic", "9", "--out", "r"], {"synthetic": 2, "frames": 5}),
        (["foreign", "a.yaml", "--synthetic", "28", "--out", "made"], {"synthetic": 2, "frames": 5}),
        (["foreign", "a.yaml", "--reference", "true", "--out", "made"], {}),
        (["clips", "--synthetic", "28", "--out", "true"], {"synthetic": 2, "frames": 5}),
        (["clips", "--recordings", "mine", "--out", "true"], {"frames": 10}),
        (["prepare", "folder", "mine", "shards", "--frames", "75"], {"frames": 10}),
        (["demo"], {"quick": True}),
        (["leaderboard", "results", "--out", "board"], {}),
    ],
)
def test_sizes_are_lowered(words, changed, monkeypatch):
    monkeypatch.setenv(smoke.VARIABLE, "1")
    args = parsed(*words)
    smoke.shrink(args)
    assert vars(args) == vars(parsed(*words)) | changed


def test_it_says_that_it_is_set(monkeypatch, capsys):
    monkeypatch.setenv(smoke.VARIABLE, "1")
    smoke.shrink(parsed("score"))
    assert "MOEE_SMOKE is set" in capsys.readouterr().err
    monkeypatch.delenv(smoke.VARIABLE)
    smoke.shrink(parsed("score"))
    assert capsys.readouterr().err == ""


def test_an_experiment_stays_small_whatever_a_line_changes(monkeypatch):
    monkeypatch.setenv(smoke.VARIABLE, "1")
    config = compose("embedded-codec", "trainer.max_steps=300", "data.init_args.train.clips=9000").config
    assert config.trainer.max_steps == 2
    assert config.data.init_args.train.clips == 2


def test_functions_are_lowered_as_commands_are(monkeypatch):
    asked = {"generated": None, "manifest": None, "synthetic": 28, "frames": None, "seeds": 3, "steps": None}
    assert smoke.lowered("evaluate", asked) == {}
    monkeypatch.setenv(smoke.VARIABLE, "1")
    assert smoke.lowered("evaluate", asked) == {"synthetic": 2, "frames": 5, "seeds": 1, "steps": 1}
    assert smoke.lowered("sweep", {"trials": 3}) == {"trials": 2}
