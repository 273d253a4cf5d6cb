"""A run directory tells what was run; a stopped run goes on exactly."""

import json
import os
import signal

import pytest
import torch
import toys
from omegaconf import OmegaConf

from moee.cli import main
from moee.experiments.callbacks import TrainingInterruptedError, capture_random_states, restore_random_states
from moee.experiments.training import emulated_precision
from moee.monitoring.loggers import read_metrics
from moee.weights.runs import newest_checkpoint

HEAD = "model.init_args.head"


def state_of(run):
    return torch.load(newest_checkpoint(run.directory), weights_only=True)


def test_a_run_directory_tells_what_was_run(trained, tmp_path):
    run = trained(f"{HEAD}.init_args.width=3")
    config = OmegaConf.load(run.directory / "config.yaml")
    assert config.model.init_args.optimizer.init_args.weight_decay == 0.01, (
        "constructor defaults are written out"
    )
    sources = json.loads((run.directory / "sources.json").read_text())
    assert sources["overrides"] == [f"{HEAD}.init_args.width=3"]
    assert [path.rsplit("/")[-1] for path in sources["files"]] == ["base.yaml", "toy.yaml"]
    assert sources["signature"] == run.signature
    assert sources["data_digest"] == "toy-2"
    environment = json.loads((run.directory / "environment.json").read_text())
    assert environment["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert environment["hardware"]["cores"] == os.cpu_count()
    rows = read_metrics(run.directory)
    assert sum("train/loss" in row for row in rows) == 10
    assert sorted(path.name for path in (run.directory / "checkpoints").iterdir()) == ["step=00000010.ckpt"]


@pytest.mark.parametrize(
    ("precision", "instructions", "told"),
    [("bf16-mixed", False, True), ("bf16-mixed", True, False), ("32-true", False, False)],
)
def test_a_precision_that_is_only_emulated_is_said(monkeypatch, precision, instructions, told):
    monkeypatch.setattr("lightning_modules.optim.precision.multiplies_bfloat16", lambda device: instructions)
    advice = emulated_precision(precision)
    assert (advice is not None and "trainer.precision=32-true" in advice) == told


def test_a_run_directory_is_written_once(trained):
    trained()
    with pytest.raises(FileExistsError, match="--resume"):
        trained()


def test_resume_does_not_quietly_start_anew(toy_experiment, trained, own_folder, capsys):
    words = ["train", str(toy_experiment), "--root", str(own_folder / "runs")]
    assert main([*words, "--resume", "trainer.max_steps=2"]) == 0, "nothing is there to mistake it for"
    capsys.readouterr()
    assert main([*words, "--resume", "trainer.max_steps=3", f"{HEAD}.init_args.width=4"]) == 1
    said = capsys.readouterr().err.strip()
    assert f"differs in {HEAD}.init_args.width (3, now 4), trainer.max_steps (2, now 3)" in said
    assert "drop --resume" in said
    assert "\n" not in said
    assert len(list((own_folder / "runs").iterdir())) == 1
    assert main([*words, "trainer.max_steps=3"]) == 0
    assert main([*words, "--resume", "trainer.max_steps=3"]) == 0


def test_other_loggers_write_below_the_run(trained):
    run = trained("logger=tensorboard", "trainer.max_steps=1")
    assert list(run.directory.glob("tensorboard/events*"))
    assert read_metrics(run.directory)


def test_random_states_return_exactly():
    import random

    import numpy as np

    def draws():
        return (
            random.random(),
            random.gauss(0, 1),
            np.random.rand(),
            np.random.randn(),
            torch.rand(2).tolist(),
        )

    draws()
    states = capture_random_states()
    first = draws()
    restore_random_states(states)
    assert draws() == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop_at", "signal_number"), [(2, signal.SIGINT), (6, signal.SIGINT), (7, signal.SIGTERM)]
)
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(trained, monkeypatch, stop_at, signal_number):
    before = signal.getsignal(signal_number)
    whole = trained("trainer.val_check_interval=3", "trainer.check_val_every_n_epoch=null", root="whole")
    assert signal.getsignal(signal_number) is before, "whoever trains from Python can still be stopped"
    plain_step = toys.ToyModel.training_step

    def stopping_step(self, batch, batch_idx):
        if self.global_step == stop_at - 1:
            os.kill(os.getpid(), signal_number)
        return plain_step(self, batch, batch_idx)

    monkeypatch.setattr(toys.ToyModel, "training_step", stopping_step)
    with pytest.raises(TrainingInterruptedError, match=f"step {stop_at}"):
        trained("trainer.val_check_interval=3", "trainer.check_val_every_n_epoch=null")
    assert signal.getsignal(signal_number) is before
    monkeypatch.setattr(toys.ToyModel, "training_step", plain_step)
    resumed = trained("trainer.val_check_interval=3", "trainer.check_val_every_n_epoch=null", resume=True)

    one, other = state_of(whole), state_of(resumed)
    assert one["global_step"] == other["global_step"] == 10
    for name, tensor in one["state_dict"].items():
        assert torch.equal(tensor, other["state_dict"][name]), name
    for slot, moments in one["optimizer_states"][0]["state"].items():
        for name, tensor in moments.items():
            assert torch.equal(tensor, other["optimizer_states"][0]["state"][slot][name])
    losses = [
        [row["train/loss"] for row in read_metrics(run.directory) if "train/loss" in row]
        for run in (whole, resumed)
    ]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_validation_does_not_change_training(trained):
    often = trained("trainer.val_check_interval=1", "trainer.check_val_every_n_epoch=null", root="often")
    never = trained("trainer.limit_val_batches=0", root="never")
    assert torch.equal(
        state_of(often)["state_dict"]["head.layer.weight"], state_of(never)["state_dict"]["head.layer.weight"]
    )


def test_a_crash_leaves_the_last_checkpoint(trained, checked):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="told to fail"):
        trained("model.init_args.fail_at=9")
    assert signal.getsignal(signal.SIGINT) is before
    assert newest_checkpoint(checked("model.init_args.fail_at=9").directory).stem == "step=00000008"
