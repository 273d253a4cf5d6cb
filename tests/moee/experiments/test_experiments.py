"""Every shipped experiment composes, builds, takes two steps, and starts its data where training stands."""

import subprocess
import sys
from math import isfinite
from pathlib import Path

import pytest
import torch
from tiny_shards import write_tiny_shards

from evaluation.runtime.devices import choose_device
from lightning_modules.optim.precision import multiplies_bfloat16
from moee.experiments.compose import compose, experiment_names
from moee.experiments.merge import load
from moee.experiments.run import Run
from moee.experiments.training import train
from moee.monitoring.loggers import read_metrics
from moee.shipped_configs import CONFIGS
from moee.weights.modules import locate_weights
from moee.weights.runs import newest_checkpoint

LINES = 30
# Where bfloat16 is emulated two steps of a large experiment take a minute.
PRECISION = () if multiplies_bfloat16(choose_device()) else ("trainer.precision=32-true",)


def shrunk(name, root, *overrides, accelerator="cpu"):
    """A checked run of two steps, without initial weights that are not here."""
    composition = compose(name, *PRECISION, *overrides, smoke=True)
    for part, weights in list((composition.config.get("initial_weights") or {}).items()):
        if weights is None:
            continue
        try:
            locate_weights(weights)
        except FileNotFoundError:
            composition.config.initial_weights.pop(part)
    if composition.config.data.class_path.endswith("TalkingHeadShards"):
        write_tiny_shards(Path(composition.config.data.init_args.folder))
    composition.config.trainer.accelerator = accelerator
    composition.config.trainer.limit_val_batches = 1
    composition.config.trainer.log_every_n_steps = 1
    return Run(composition, root)


def test_there_are_experiments():
    assert experiment_names()


@pytest.mark.parametrize("name", experiment_names())
def test_an_experiment_is_short_and_named_by_its_file(name):
    path = CONFIGS / "experiment" / f"{name}.yaml"
    assert len(path.read_text().splitlines()) <= LINES
    assert load(path, CONFIGS).name == name
    assert "smoke" in load(path, CONFIGS), "say how to shrink it, or extend one that does"


@pytest.mark.slow
@pytest.mark.parametrize("name", experiment_names())
@pytest.mark.parametrize("accelerator", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_it_takes_two_steps(name, accelerator, own_folder):
    run = shrunk(name, own_folder / "runs", accelerator=accelerator)
    assert run.trainer.max_steps == 2, "smoke: {trainer.max_steps: 2}"
    train(run)
    assert newest_checkpoint(run.directory).stem == "step=00000002"
    rows = read_metrics(run.directory)
    losses = [float(value) for row in rows for name, value in row.items() if name.startswith("train/")]
    assert losses, "training logged nothing"
    assert all(map(isfinite, losses))
    checkpoint = torch.load(newest_checkpoint(run.directory), weights_only=True)
    assert all(
        torch.isfinite(value).all()
        for value in checkpoint["state_dict"].values()
        if value.is_floating_point()
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", experiment_names())
def test_data_start_where_training_stands(name, own_folder):
    """The loader of a run that stands at step 1 begins with the second batch and is as long as the whole."""
    run = shrunk(name, own_folder / "runs", "trainer.max_steps=3")
    run.datamodule.trainer = run.trainer
    run.datamodule.prepare_data()
    run.datamodule.setup("fit")
    whole = run.datamodule.train_dataloader()
    if hasattr(whole, "load_state_dict"):
        pytest.skip("a loader with a state of its own is tested by its own tests")
    batches = [batch for _, batch in zip(range(2), whole, strict=False)]
    if len(batches) < 2:
        pytest.skip("its smoke size has one batch only")
    run.trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed = 1
    assert run.trainer.global_step == 1
    rest = run.datamodule.train_dataloader()
    assert len(rest) == len(whole)
    assert_equal(next(iter(rest)), batches[1])


def assert_equal(one, other, place="batch"):
    assert type(one) is type(other), place
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            assert_equal(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list | tuple):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{place}.{index}")
    else:
        assert one == other, place


@pytest.mark.slow
def test_the_whole_method_resumes_bit_by_bit(own_folder):
    options = ("trainer.max_steps=3", "checkpoint_every=1", "keep_checkpoints=3")
    whole = shrunk("embedded-joint", own_folder / "runs", *options)
    train(whole)
    first, *others = sorted((whole.directory / "checkpoints").glob("*.ckpt"))
    uninterrupted = torch.load(others[-1], weights_only=True)["state_dict"]
    for checkpoint in others:
        checkpoint.unlink()
    assert newest_checkpoint(whole.directory) == first
    train(shrunk("embedded-joint", own_folder / "runs", *options), resume=True)
    assert_equal(torch.load(others[-1], weights_only=True)["state_dict"], uninterrupted)


@pytest.mark.slow
def test_the_whole_method_trains_in_two_processes(own_folder):
    words = ["train", "embedded-joint", "initial_weights={}", "trainer.devices=2", "trainer.accelerator=cpu"]
    words += [
        "trainer.strategy=ddp_find_unused_parameters_true",
        "trainer.limit_val_batches=1",
        *PRECISION,
        "--smoke",
    ]
    done = subprocess.run([sys.executable, "-m", "moee", *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    (directory,) = (own_folder / "runs").iterdir()
    assert newest_checkpoint(directory).stem == "step=00000002"
