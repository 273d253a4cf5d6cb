"""Sweeps: the plan is checked, trials are ordinary runs, studies go on, failures are recorded."""

import re
import subprocess
import sys
from threading import Barrier

import optuna
import pytest

import moee
from moee import cli
from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.shipped_configs import CONFIGS
from moee.sweeps import plan as sweep_plan
from moee.sweeps import search
from moee.sweeps import trial as sweep_trial

PLAN = """\
experiment: {experiment}
metric: train/loss
direction: minimize
overrides: [trainer.max_steps=2]
space:
  model.init_args.head.init_args.width: {{kind: categorical, args: {{choices: [3]}}}}
  seed_everything: {{kind: int, args: {{low: 1, high: 100}}}}
"""


@pytest.fixture
def space(toy_experiment, tmp_path):
    path = tmp_path / "toy-space.yaml"
    path.write_text(PLAN.format(experiment=toy_experiment))
    return path


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs the child's command line here: the same arguments, without the price of a start."""

    real = subprocess.run

    def call(command, **how):
        if command[0] != sys.executable:
            return real(command, **how)
        assert command[1:3] == ["-m", "moee"]
        try:
            code, error = cli.main(command[3:]), ""
        except RuntimeError as caught:
            code, error = 1, f"Traceback\nRuntimeError: {caught}\n"
        return subprocess.CompletedProcess(command, code, "", error)

    monkeypatch.setattr(sweep_trial.subprocess, "run", call)


@pytest.mark.slow
def test_trials_are_runs_and_a_study_goes_on(space, tmp_path, in_this_process, capsys):
    arguments = ["sweep", str(space), "--trials", "2", "--root", str(tmp_path / "runs")]
    assert cli.main(arguments) == 0
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "runs" / "toy-space.journal"))
    study = optuna.load_study(study_name="toy-space", storage=optuna.storages.JournalStorage(backend))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4
    seeds = [trial.params["seed_everything"] for trial in study.trials]
    assert len(set(seeds)) > 2, "the second session must not draw the points of the first"
    for trial in study.trials:
        directory = tmp_path / "runs" / f"toy-{trial.user_attrs['signature']}"
        assert trial.user_attrs["directory"] == str(directory)
        assert trial.value == pytest.approx(sweep_trial.last_value(directory, "train/loss"))
    assert f"best: trial {study.best_trial.number}" in out


@pytest.mark.slow
def test_trials_run_beside_each_other(space, tmp_path, monkeypatch, capsys):
    """Each of two workers waits for the other to train; the same point is never trained by both at once."""
    meeting, busy = Barrier(2, timeout=60), set()

    def train(experiment, overrides, root, resume=False, threads=None):
        assert threads is None or threads >= 1
        directory = Run(compose(experiment, *overrides), root, build=False).directory
        assert directory not in busy
        busy.add(directory)
        meeting.wait()
        busy.remove(directory)
        directory.mkdir(parents=True)
        (directory / "metrics.csv").write_text("epoch,step,train/loss\n0,2,0.5\n")

    monkeypatch.setattr(search, "check_metric", lambda *_: None)
    monkeypatch.setattr(sweep_trial, "train_in_child", train)
    outcome = moee.sweep(space, 2, root=tmp_path / "runs", workers=2)
    assert {trial.directory for trial in outcome.trials} == set((tmp_path / "runs").glob("toy-*/"))
    assert (outcome.metric, outcome.best.value, outcome.best.failure) == ("train/loss", 0.5, None)
    assert set(outcome.best.values) == {"model.init_args.head.init_args.width", "seed_everything"}
    assert outcome.storage.is_file()
    assert cli.main(["sweep", str(space), "--workers", "0"]) == 1
    assert "--workers 0: at least 1 is needed" in capsys.readouterr().err


@pytest.mark.slow
def test_two_sessions_at_once_draw_other_points(space):
    plan = sweep_plan.read_plan(space)
    study = optuna.create_study()
    first, second = (sweep_trial.draw(study.ask(), plan) for _ in range(2))
    assert first != second
    again = optuna.create_study()
    assert sweep_trial.draw(again.ask(), plan) == first


@pytest.mark.slow
def test_a_failed_trial_is_recorded_with_its_last_line(space, tmp_path, in_this_process, monkeypatch, capsys):
    import toys

    def fail(self, batch, batch_idx):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(toys.ToyModel, "training_step", fail)
    storage = tmp_path / "study.journal"
    arguments = [
        "sweep",
        str(space),
        "--trials",
        "1",
        "--root",
        str(tmp_path / "runs"),
        "--storage",
        str(storage),
    ]
    assert cli.main(arguments) == 1
    assert "no trial of toy-space ended well: RuntimeError: out of luck" in capsys.readouterr().err
    backend = optuna.storages.journal.JournalFileBackend(str(storage))
    (trial,) = optuna.load_study(
        study_name="toy-space", storage=optuna.storages.JournalStorage(backend)
    ).trials
    assert (trial.state.name, trial.user_attrs["failure"]) == ("FAIL", "RuntimeError: out of luck")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("metric: train/loss", ""), "toy-space.yaml: lacks metric"),
        (("direction: minimize", "direction: down"), "direction is 'down', allowed are minimize, maximize"),
        (
            ("kind: int", "kind: integer"),
            "kind is 'integer', allowed are float, int, categorical",
        ),
        (("low: 1", "lowest: 1"), "seed_everything.args: unknown key 'lowest', did you mean 'low'"),
        (("low: 1", "low: 1.5"), "seed_everything: kind int has whole numbers"),
        (("low: 1", "low: 200"), "seed_everything: low=200, high=100, expected low <= high"),
        (("choices: [3]", "low: 3"), "width: kind categorical has `args: {choices"),
        (("overrides", "overides"), "unknown key 'overides', did you mean 'overrides'"),
    ],
)
def test_a_bad_plan_is_one_line(space, change, line):
    space.write_text(space.read_text().replace(*change))
    with pytest.raises(ValueError, match=re.escape(line)) as caught:
        sweep_plan.read_plan(space)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            ("head.init_args.width:", "head.init_args.widht:"),
            "init_args.widht: did you mean 'width'?",
        ),
        (("choices: [3]", "choices: [3, wide]"), "init_args.width: 'wide' does not fit, expected int"),
        (("trainer.max_steps", "trainer.max_step"), "trainer.max_step: did you mean 'max_steps'?"),
        (
            ("train/loss", "train/los"),
            "logs no 'train/los': did you mean 'train/loss'? known",
        ),
    ],
)
def test_a_misspelt_key_or_metric_is_refused_before_the_first_trial(
    space, tmp_path, in_this_process, capsys, change, line
):
    space.write_text(space.read_text().replace(*change))
    assert cli.main(["sweep", str(space), "--root", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr().err.strip()
    assert line in said
    assert "\n" not in said
    assert not list((tmp_path / "runs").glob("toy-*/"))


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((CONFIGS / "sweep").glob("*.yaml")), ids=lambda path: path.stem)
def test_two_trials_of_a_shipped_plan_end_well(path, own_folder, in_this_process):
    study = search.add_trials(path, 2, own_folder / "study.journal", own_folder / "runs", smoke=True)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2


def test_shipped_plans_are_sound():
    from moee.experiments.compose import experiment_names

    plans = sorted((CONFIGS / "sweep").glob("*.yaml"))
    assert plans
    for path in plans:
        assert sweep_plan.read_plan(path).experiment in experiment_names()


def test_a_missing_metric_names_what_was_logged(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,step,train/loss\n0,1,0.5\n")
    assert sweep_trial.last_value(tmp_path, "train/loss") == 0.5
    with pytest.raises(sweep_trial.TrialFailedError, match="no 'val/loss'; known are train/loss"):
        sweep_trial.last_value(tmp_path, "val/loss")


def test_unknown_spaces_name_the_known(capsys):
    assert cli.main(["sweep", "nothing"]) == 1
    assert "no sweep 'nothing': known are" in capsys.readouterr().err
