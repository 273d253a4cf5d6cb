"""What many tests share: one thread for each worker, and an experiment small enough to train in a test."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What needs a GPU is skipped where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


@pytest.fixture
def toy_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment of ten steps on the toy model and data of `toys.py`, a checkpoint every four."""
    from moee import config_errors

    monkeypatch.setattr(config_errors, "ALLOWED_PACKAGES", (*config_errors.ALLOWED_PACKAGES, "toys"))
    path = tmp_path / "toy.yaml"
    path.write_text(
        "extends: base.yaml\n"
        "vars: {steps: 10}\n"
        "checkpoint_every: 4\n"
        'trainer: {max_steps: "${vars.steps}", accelerator: cpu, log_every_n_steps: 1}\n'
        "model:\n"
        "  class_path: toys.ToyModel\n"
        "  init_args:\n"
        "    head: {class_path: toys.ToyHead, init_args: {width: 3}}\n"
        "data: {class_path: toys.ToyData, init_args: {batch: 2}}\n"
        "export: {toy.safetensors: '', head.safetensors: head}\n"
    )
    return path


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """Caches that experiments write go here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
