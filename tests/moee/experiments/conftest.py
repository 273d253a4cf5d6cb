"""Runs of the toy experiment."""

import pytest

from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.experiments.training import train


@pytest.fixture
def checked(toy_experiment, tmp_path):
    """A function from overrides to a checked, signed run that was not built."""
    return lambda *overrides: Run(compose(toy_experiment, *overrides), tmp_path / "runs", build=False)


@pytest.fixture
def trained(toy_experiment, tmp_path):
    """A function from overrides to a trained run."""

    def go(*overrides, resume=False, root="runs"):
        run = Run(compose(toy_experiment, *overrides), tmp_path / root)
        train(run, resume)
        return run

    return go
