"""The shipped network on one's own shards: from the prepared folder to a checkpoint that animates."""

from pathlib import Path

import pytest
import torch
from tiny_shards import write_tiny_shards

from datamodules.loading.talking_heads import TalkingHeadShards
from moee.cli import main
from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.monitoring.loggers import read_metrics
from moee.weights import registry
from moee.weights.modules import load_module

SMALL = ("trainer.accelerator=cpu", "trainer.precision=32-true", "trainer.limit_val_batches=1")


def test_its_shards_can_lie_anywhere():
    assert compose("finetune-folder").config.data.init_args.folder == "data/folder"
    assert compose("finetune-folder", "vars.shards=mine").config.data.init_args.folder == "mine"


@pytest.mark.slow
def test_the_shipped_network_is_taken_further_on_own_shards(own_folder, capsys):
    write_tiny_shards(own_folder / "mine", label="amused")
    words = ["vars.shards=mine", "data.init_args.workers=2", *SMALL]
    assert main(["train", "finetune-folder", *words, "--smoke"]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "emotions that are none of ours: amused (2 clips)" in out
    assert "1 worker per device instead of data.init_args.workers=2" in out
    (directory,) = (own_folder / "runs").iterdir()
    assert any("train/loss" in row for row in read_metrics(directory)), "shorter than log_every_n_steps"
    assert main(["export", str(directory)]) == 0
    assert hasattr(load_module("finetuned"), "animate")


@pytest.mark.slow
def test_an_encoder_of_ones_own_gets_into_the_talking_head(own_folder):
    write_tiny_shards(own_folder / "data" / "folder")
    assert main(["train", "emotion-text", *SMALL, "--smoke"]) == 0
    (directory,) = (own_folder / "runs").iterdir()
    assert main(["export", str(directory)]) == 0
    taken = "initial_weights.emotion_encoders.text=text-encoder"
    run = Run(compose("finetune-folder", taken, *SMALL, smoke=True), own_folder / "runs")
    assert run.weights == {
        "": registry.find("generator"),
        "emotion_encoders.text": Path("weights/text-encoder.safetensors"),
    }
    own, shipped = load_module("weights/text-encoder.safetensors"), load_module(registry.find("text-encoder"))
    for name, tensor in own.state_dict().items():
        assert torch.equal(run.model.get_submodule("emotion_encoders.text").state_dict()[name], tensor), name
    assert any(not torch.equal(x, y) for x, y in zip(own.parameters(), shipped.parameters(), strict=True))


def test_workers_that_have_no_shard_are_not_started(tmp_path):
    write_tiny_shards(tmp_path)
    data = TalkingHeadShards(str(tmp_path), global_batch=1, window=2, workers=2)
    (line,) = data.notices(1)
    assert "1 shards to train on for 1 devices: 1 worker per device" in line
    assert data.loader("train").stream.plan.workers == 1
    assert TalkingHeadShards(str(tmp_path), global_batch=1, window=2, workers=0).notices(1) == []


def test_people_and_clips_that_are_too_few_name_the_key(tmp_path):
    write_tiny_shards(tmp_path, people=1)
    with pytest.raises(ValueError, match=r"data\.init_args\.validation_share"):
        TalkingHeadShards(str(tmp_path), global_batch=1).loader("train")
    with pytest.raises(ValueError, match=r"data\.init_args\.global_batch"):
        TalkingHeadShards(str(tmp_path), global_batch=4, validation_share=0).loader("train")
