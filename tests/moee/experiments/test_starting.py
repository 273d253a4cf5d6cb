"""Every shipped experiment can be looked at in an empty folder; what it lacks is named with its maker."""

import pytest
from omegaconf import OmegaConf

from moee.cli import main
from moee.experiments.compose import compose, experiment_names, exporters
from moee.experiments.run import Run
from moee.weights import registry


@pytest.fixture
def empty(own_folder, monkeypatch):
    """A folder as after a fresh clone: no weights but those that ship."""
    monkeypatch.delenv("MOEE_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_folder / "cache"))
    return own_folder


@pytest.mark.parametrize("name", experiment_names())
def test_its_configuration_needs_no_weights(name, empty, capsys):
    assert main(["train", name, "--print-config"]) == 0, capsys.readouterr().err
    text = capsys.readouterr().out
    assert OmegaConf.create(text).name == name
    assert text.startswith(f"# runs/{name}-")


@pytest.mark.parametrize("name", experiment_names())
def test_whatever_it_starts_from_is_made_by_an_experiment_or_ships(name):
    for weights in (compose(name).config.get("initial_weights") or {}).values():
        assert weights is None or weights in exporters() or registry.is_registered(weights), weights


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "embedded-joint",
            "embedded-joint starts from codec (embedded-codec exports it), not in ./weights or "
            "$MOEE_WEIGHTS: `moee train --chain embedded-joint` makes all of it first",
        ),
        (
            "ablation-no-local",
            "portrait-denoiser (embedded-portrait exports it), "
            "portrait-reference (embedded-portrait exports it)",
        ),
    ],
)
def test_training_names_who_makes_what_is_missing(name, line, empty, capsys):
    assert main(["train", name]) == 1
    said = capsys.readouterr().err.strip()
    assert line in said
    assert "\n" not in said
    assert not (empty / "runs").exists()


def test_weights_that_nobody_makes_are_named(empty, capsys):
    assert main(["train", "embedded-codec", "initial_weights.codec=codek"]) == 1
    said = capsys.readouterr().err
    assert "no shipped experiment exports codek: did you mean 'codec'?" in said


def test_a_part_with_dots_can_be_given_on_the_line(empty):
    config = compose("embedded-faces", "initial_weights.emotion_encoders.text=mine").config
    assert config.initial_weights["emotion_encoders.text"] == "mine"
    assert config.initial_weights["emotion_encoders.speech"] == "speech-emotion"
    run = Run(compose("embedded-faces", "initial_weights.emotion_encoders.text=mine"), build=False)
    assert "mine" in (run.missing_weights or "")
