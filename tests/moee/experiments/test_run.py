"""Compose, check, sign: what is wrong is one line, and nothing is built."""

import re
import sys
from pathlib import Path

import pytest
import toys
from omegaconf import OmegaConf
from tiny_shards import write_tiny_shards

from moee.cli import main
from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.experiments.run_directory import differences

HEAD = "model.init_args.head"


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


def test_the_content_of_the_data_decides_the_signature(checked, monkeypatch):
    first = checked()
    assert first.data_digest == "toy-2"
    monkeypatch.setattr(toys.ToyData, "digest", lambda self: "other clips")
    assert checked().signature != first.signature


def test_where_the_data_lie_is_not_in_the_signature(checked, monkeypatch):
    elsewhere = "data.init_args.batch=3"
    assert checked(elsewhere).signature != checked().signature
    monkeypatch.setattr(toys.ToyData, "digest", lambda self: "the same clips")
    monkeypatch.setattr(toys.ToyData, "places", ("batch",), raising=False)
    assert checked(elsewhere).signature == checked().signature
    monkeypatch.setattr(toys.ToyData, "digest", lambda self: None)
    assert checked(elsewhere).signature != checked().signature


def test_a_folder_of_shards_may_move(toy_experiment, tmp_path):
    folder = write_tiny_shards(tmp_path / "shards")
    words = (toy_experiment, "data.class_path=datamodules.TalkingHeadShards")
    before = Run(compose(*words, f"data.init_args.folder={folder}"), build=False)
    moved = folder.rename(tmp_path / "elsewhere")
    after = Run(compose(*words, f"data.init_args.folder={moved}"), build=False)
    assert before.data_digest is not None
    assert before.signature == after.signature
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(before.settings | before.parsed))
    assert differences(tmp_path, after.settings | after.parsed).startswith("the content of its data")


def test_without_its_data_a_run_is_checked_and_not_built(toy_experiment, own_folder, capsys):
    compose_words = ["data.class_path=datamodules.TalkingHeadShards", "data.init_args.folder=nowhere"]
    run = Run(compose(toy_experiment, *compose_words), build=False)
    assert run.directory.name == "toy-without-data"
    with pytest.raises(FileNotFoundError, match="no shards here"):
        run.make()
    assert main(["train", str(toy_experiment), *compose_words, "--print-config"]) == 0
    assert "no shards here" in capsys.readouterr().out
    assert main(["train", str(toy_experiment), *compose_words]) == 1
    assert "no shards here" in capsys.readouterr().err
    assert not Path("runs").exists()


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
        (
            "model.init_args.layer={out_featurse: 3}",
            "model.init_args.layer.out_featurse: did you mean 'out_features'? known are bias, device,",
        ),
        (
            "model.init_args.layer.bias=perhaps",
            "model.init_args.layer.bias: 'perhaps' does not fit, expected bool",
        ),
        (
            "model.init_args.shares={quite: 0.5}",
            "model.init_args.shares.quite: did you mean 'quiet'? known are loud, quiet",
        ),
        (f"{HEAD}.init_arg=3", f"{HEAD}.init_arg: did you mean 'init_args'?"),
        ("data.init_args.batch=[1]", "data.init_args.batch: [1] does not fit, expected int"),
        ("modle.x=1", "modle: did you mean 'model'?"),
        ("vars.setps=1", "vars.setps: did you mean 'steps'? known are steps"),
        ("logger=wnadb", "logger: unknown 'wnadb': did you mean 'wandb'?"),
        ("data=null", "data must be `key: value` pairs, got None"),
        ("checkpoint_every=0", "checkpoint_every must be greater than or equal to 1, got 0"),
        ("export={weights: head}", "export: 'weights' is no file name"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_path(checked, override, line):
    with pytest.raises(ValueError, match=r".") as caught:
        checked(override)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["reference_net", "denoiser"])
def test_a_misspelt_key_of_the_unet_names_its_path(part):
    path = f"model.init_args.{part}.init_args.unet"
    with pytest.raises(ValueError, match=rf"{path}\.norm_num_group: did you mean 'norm_num_groups'\?"):
        Run(compose("embedded-joint", f"{path}.norm_num_group=8", "initial_weights={}"), build=False)


def test_a_variable_that_nobody_reads_is_refused(toy_experiment):
    toy_experiment.write_text(
        toy_experiment.read_text().replace("vars: {steps: 10}", "vars: {steps: 10, setps: 3}")
    )
    with pytest.raises(
        ValueError, match=r"vars\.setps: no value is \$\{vars\.setps\}: did you mean 'steps'\?"
    ):
        compose(toy_experiment)


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
        ("model.init_args.emotion_encoders.smell.class_path=lightning_modules.LabelEncoder",
         "emotion_encoders.smell: no such modality, known are label, text, speech, action_units"),
        ("vars.emotion=30", "width=30 does not divide into 4 heads"),
    ],
)  # fmt: skip
def test_a_size_that_contradicts_another_part_is_one_line(override, line, tmp_path, capsys):
    with pytest.raises(ValueError, match=re.escape(line)) as refused:
        Run(compose("embedded-portrait", override, smoke=True), tmp_path)
    assert len(str(refused.value)) < 200
    assert main(["train", "embedded-portrait", override, "--root", str(tmp_path), "--print-config"]) == 1
    assert capsys.readouterr().err.strip() == f"moee: {refused.value}"


def test_sizes_follow_from_one_number(tmp_path):
    sizes = ("vars.latent=8", "vars.speech=48", "vars.emotion=32")
    model = Run(compose("embedded-portrait", *sizes, smoke=True), tmp_path).model
    assert model.denoiser.unet.config["in_channels"] == 8 + 8 + 8
    assert model.denoiser.unet.config["out_channels"] == model.reference_net.channels == 8
    assert model.denoiser.unet.config["cross_attention_dim"] == model.denoiser.speech_width == 48
    assert model.mixture.latent_width == model.latent_generator.width == 32
    assert model.mixture.locations == model.denoiser.locations
