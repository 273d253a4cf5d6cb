"""Compose, check, sign, build, train, resume, export, load."""

import json
import os
import re
import signal
import sys

import pytest
import torch
import toys
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file

from moee.experiments.callbacks import TrainingInterruptedError, capture_random_states, restore_random_states
from moee.experiments.composition import Run, compose
from moee.experiments.export import export, without_optimizer
from moee.experiments.loggers import read_metrics
from moee.experiments.run_directory import newest_checkpoint
from moee.experiments.training import emulated_precision, train
from moee.weights.modules import build_module, load_module, load_strictly, read_metadata

HEAD = "model.init_args.head"


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


def state_of(run):
    return torch.load(newest_checkpoint(run.directory), weights_only=True)


# compose and sign


def test_overrides_come_before_interpolation(toy_experiment):
    assert compose(toy_experiment, "vars.steps=3").config.trainer.max_steps == 3


def test_an_experiment_is_named_by_its_file(toy_experiment):
    assert compose(toy_experiment).config.name == "toy"


def test_smoke_shrinks_and_overrides_win(tmp_path, toy_experiment):
    with toy_experiment.open("a") as file:
        file.write("smoke: {trainer.max_steps: 2, data.init_args.batch: 1}\n")
    assert compose(toy_experiment).config.trainer.max_steps == 10
    small = compose(toy_experiment, "trainer.max_steps=3", smoke=True).config
    assert (small.trainer.max_steps, small.data.init_args.batch) == (3, 1)


@pytest.mark.slow
def test_the_signature_stands_for_what_decides_the_result(checked):
    signature = checked().signature
    for same in ("trainer.devices=1", "logger=wandb", "model.init_args.fail_at=-1", "checkpoint_every=7"):
        assert checked(same).signature == signature, same
    for other in (
        "seed_everything=1",
        "trainer.max_steps=11",
        f"{HEAD}.init_args.width=4",
        "trainer.precision=bf16-mixed",
    ):
        assert checked(other).signature != signature, other
    assert checked().directory.name == f"toy-{signature}"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("trainer.max_step=3", "trainer.max_step: did you mean 'max_steps'?"),
        ("trainer.max_steps=many", "trainer.max_steps: 'many' does not fit, expected int"),
        (f"{HEAD}.init_args.widht=3", f"{HEAD}.init_args.widht: did you mean 'width'? known are width"),
        (f"{HEAD}.init_args.width=wide", f"{HEAD}.init_args.width: 'wide' does not fit, expected int"),
        (
            f"{HEAD}.class_path=toys.ToyHaed",
            f"{HEAD}.class_path: no 'ToyHaed' in toys: did you mean 'ToyHead'?",
        ),
        (
            f"{HEAD}.class_path=toys.ToyData",
            f"{HEAD}.class_path: toys.ToyData does not fit, expected a ToyHead",
        ),
        (
            "model.init_args.optimizer={class_path: torch.optim.AdamW, init_args: {lrr: 1}}",
            "init_args.lrr: did you",
        ),
        (
            "model.init_args={optimizer: {class_path: torch.optim.SGD}, head: {class_path: toys.ToyHead, init_args: {w: 1}}}",  # noqa: E501
            "head.init_args.w: ",
        ),
        (
            "trainer.callbacks=[{class_path: lightning.pytorch.callbacks.Timer, init_args: {x: 1}}]",
            "trainer.callbacks.0.init_args.x: ",
        ),
        (f"{HEAD}.init_arg=3", f"{HEAD}.init_arg: did you mean 'init_args'?"),
        ("data.init_args.batch=[1]", "data.init_args.batch: [1] does not fit, expected int"),
        ("modle.x=1", "modle: did you mean 'model'?"),
        ("vars.setps=1", "vars.setps: did you mean 'steps'? known are steps"),
        ("logger=wnadb", "logger: unknown 'wnadb': did you mean 'wandb'?"),
        ("data=null", "data: missing"),
        ("checkpoint_every=0", "checkpoint_every: 0 is not a positive whole number"),
        ("export={weights: head}", "export: 'weights' is no file name"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_path(checked, override, line):
    with pytest.raises(ValueError, match=r".") as caught:
        checked(override)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_built_when_something_is_wrong(checked, monkeypatch):
    monkeypatch.setattr(toys.ToyData, "__init__", lambda self, batch: pytest.fail("data was touched"))
    with pytest.raises(ValueError, match="widht"):
        checked(f"{HEAD}.init_args.widht=3")


@pytest.mark.parametrize("where", ["model", HEAD])
def test_a_class_from_elsewhere_is_refused_before_import(checked, tmp_path, monkeypatch, where):
    (tmp_path / "hostile.py").write_text("raise SystemExit('was imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"hostile\.Part' is not allowed"):
        checked(f"{where}.class_path=hostile.Part")
    assert "hostile" not in sys.modules
    with pytest.raises(ValueError, match=r"not allowed|cannot be imported"):
        checked(f"{where}.class_path=toys.torch.hub.load")


def test_unknown_experiments_name_the_known():
    with pytest.raises(FileNotFoundError, match="known are"):
        compose("no-such-experiment")


# the run directory


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


def test_other_loggers_write_below_the_run(trained):
    run = trained("logger=tensorboard", "trainer.max_steps=1")
    assert list(run.directory.glob("tensorboard/events*"))
    assert read_metrics(run.directory)


# exact continuation


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
    whole = trained("trainer.val_check_interval=3", "trainer.check_val_every_n_epoch=null", root="whole")
    plain_step = toys.ToyModel.training_step

    def stopping_step(self, batch, batch_idx):
        if self.global_step == stop_at - 1:
            os.kill(os.getpid(), signal_number)
        return plain_step(self, batch, batch_idx)

    monkeypatch.setattr(toys.ToyModel, "training_step", stopping_step)
    before = signal.getsignal(signal_number)
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
    with pytest.raises(ValueError, match="told to fail"):
        trained("model.init_args.fail_at=9")
    assert newest_checkpoint(checked("model.init_args.fail_at=9").directory).stem == "step=00000008"


# weights


@pytest.mark.slow
def test_exported_parts_build_and_load_by_themselves(trained, tmp_path):
    run = trained()
    files = export(run.directory, tmp_path / "out")
    assert [file.name for file in files] == ["toy.safetensors", "head.safetensors"]
    head = load_module(files[1])
    assert isinstance(head, toys.ToyHead)
    assert not head.training
    assert torch.equal(head.layer.weight, run.model.head.layer.weight)
    header = read_metadata(files[1])
    assert (header["experiment"], header["signature"], header["step"]) == ("toy", run.signature, 10)
    half = export(run.directory, tmp_path / "half", dtype="float16")
    assert load_file(half[1])["layer.weight"].dtype == torch.float16
    assert load_module(half[1]).layer.weight.dtype == torch.float32


def test_an_exported_part_needs_no_optimizer():
    config = {
        "class_path": "A",
        "init_args": {"width": 3, "optimizer": {"class_path": "lightning_modules.optim.muon.Muon"}},
    }
    assert without_optimizer(config) == {"class_path": "A", "init_args": {"width": 3}}
    assert "optimizer" in config["init_args"]
    assert without_optimizer({"class_path": "A"})["class_path"] == "A"


def test_a_checkpoint_that_is_cut_off_is_refused(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    assert newest_checkpoint(tmp_path) is None
    path = tmp_path / "checkpoints" / "step=00000010.ckpt"
    torch.save({"state_dict": {}}, path)
    assert newest_checkpoint(tmp_path) == path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged or cut off"):
        newest_checkpoint(tmp_path)


def test_weights_that_are_no_numbers_are_refused():
    module = torch.nn.Linear(2, 2)
    broken = module.state_dict() | {"bias": torch.tensor([0.0, torch.nan])}
    with pytest.raises(ValueError, match=r"does not fit Linear: 1 with values that are no numbers \(bias\)"):
        load_strictly(module, broken, "x.safetensors")


@pytest.mark.slow
def test_a_run_can_start_from_anothers_parts(trained, checked, tmp_path):
    first = trained(root="first")
    file = export(first.directory, tmp_path / "out")[1]
    run = Run(checked(f"initial_weights.head={file}").composition, tmp_path / "runs")
    assert torch.equal(run.model.head.layer.weight, first.model.head.layer.weight)
    assert run.signature != first.signature
    with pytest.raises(
        ValueError, match=r"does not fit ToyHead: 2 of another shape \(layer.bias \(3,\) for \(4,\)"
    ):
        trained(f"initial_weights.head={file}", f"{HEAD}.init_args.width=4")
    with pytest.raises(ValueError, match="did you mean 'head'"):
        trained(f"initial_weights.haed={file}")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        checked("initial_weights.head=nowhere.safetensors")


def test_bad_weight_files_are_one_line(toy_experiment, tmp_path):
    (tmp_path / "noise.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0notjson!" * 3)
    save_file({"x": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    config = {"class_path": "toys.ToyHead", "init_args": {"width": 2}}
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors", metadata={"config": json.dumps(config)})
    hostile = {"class_path": "os.system", "init_args": {}}
    save_file(
        {"x": torch.zeros(1)}, tmp_path / "hostile.safetensors", metadata={"config": json.dumps(hostile)}
    )
    for name, what in {
        "noise": "damaged",
        "foreign": "no `config`",
        "other": "2 missing .*1 unexpected",
        "hostile": "not allowed",
    }.items():
        with pytest.raises(ValueError, match=what) as caught:
            load_module(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_module(tmp_path / "absent.safetensors")


def test_a_module_config_is_checked_like_an_experiment(toy_experiment):
    with pytest.raises(ValueError, match=r"config\.init_args\.widht: did you mean 'width'"):
        build_module({"class_path": "toys.ToyHead", "init_args": {"widht": 2}})
    assert build_module({"class_path": "toys.ToyHead", "init_args": {"width": 2}}).layer.in_features == 2


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("model.init_args.mixture.init_args.latent_width=32",
         "mixture.latent_width=32, but latent_generator.width=64"),
        ("model.init_args.denoiser.init_args.speech_width=48",
         "denoiser.speech_width=48, but speech_features.width=64"),
        ("vars.unet.in_channels=30",
         "denoiser.unet.in_channels=30, but the channels that are concatenated=40"),
        ("vars.unet.out_channels=4", "denoiser.unet.out_channels=4, but codec.channels=16"),
        ("model.init_args.reference_net.init_args.channels=4",
         "reference_net.channels=4, but codec.channels=16"),
        ("vars.emotion=30", "width=30 does not divide into 4 heads"),
    ],
)  # fmt: skip
def test_a_size_that_contradicts_another_part_is_one_line(override, line, tmp_path):
    with pytest.raises(ValueError, match=re.escape(line)) as refused:
        Run(compose("embedded-portrait", override, smoke=True), tmp_path)
    assert len(str(refused.value)) < 200


def test_sizes_follow_from_one_number(tmp_path):
    sizes = ("vars.latent=8", "vars.speech=48", "vars.emotion=32")
    model = Run(compose("embedded-portrait", *sizes, smoke=True), tmp_path).model
    assert model.denoiser.unet.config["in_channels"] == 8 + 8 + 8
    assert model.denoiser.unet.config["out_channels"] == model.reference_net.channels == 8
    assert model.denoiser.unet.config["cross_attention_dim"] == model.denoiser.speech_width == 48
    assert model.mixture.latent_width == model.latent_generator.width == 32
    assert model.mixture.locations == model.denoiser.locations
