"""The chain behind the shipped generator, from nothing to a video: what one run exports the next takes up."""

import os
import signal

import pytest
import torch
import toys
from media_files import sine, write_sound
from PIL import Image

from evaluation.runtime.devices import choose_device
from lightning_modules.optim.precision import multiplies_bfloat16
from moee.cli import main
from moee.experiments.callbacks import TrainingInterruptedError
from moee.experiments.chain import plan_chain, train_chain
from moee.weights.modules import read_metadata
from moee.weights.runs import newest_checkpoint, read_run

LINKS = {
    *("speech-features", "emotion-text", "emotion-speech"),
    *("embedded-codec", "embedded-joint", "embedded-faces", "embedded-cues"),
}
SHARED = ("trainer.accelerator=cpu",) + (
    () if multiplies_bfloat16(choose_device()) else ("trainer.precision=32-true",)
)


@pytest.mark.slow
def test_the_shipped_generator_can_be_made_from_nothing(own_folder, capsys):
    assert main(["train", "--chain", "embedded-cues", *SHARED, "--smoke"]) == 0, capsys.readouterr().err
    assert not (own_folder / "weights").exists(), "a trial's files are nothing to start from"
    made: set[str] = set()
    for link in plan_chain("embedded-cues", SHARED):
        (directory,) = (own_folder / "runs").glob(f"{link.experiment}-*")
        taken = set((read_run(directory).get("initial_weights") or {}).values()) - {None}
        assert taken <= made, f"{link.experiment} takes up what the chain did not make"
        made |= {f"runs/smoke-weights/{name}" for name in link.exports}
    checkpoint = own_folder / "runs" / "smoke-weights" / "generator.safetensors"
    assert read_metadata(checkpoint)["experiment"] == "embedded-cues"

    again = train_chain("embedded-cues", SHARED, smoke=True)
    assert {link.experiment for link in again} == LINKS
    assert not any(link.trained for link in again)

    Image.fromarray(torch.randint(256, (96, 96, 3), dtype=torch.uint8).numpy()).save("face.png")
    write_sound(own_folder / "line.wav", sine(0.2), 48_000, "pcm_s16le")
    words = ["--portrait", "face.png", "--audio", "line.wav", "--face-box", "20 15 50 60"]
    for given in (checkpoint, again[-1].directory, newest_checkpoint(again[-1].directory)):
        out = ["--checkpoint", str(given), "--emotion", "happy", "--out", "happy.mp4"]
        assert main(["animate", *words, *out]) == 0, capsys.readouterr().err
        assert (own_folder / "happy.mp4").is_file()
        (own_folder / "happy.mp4").unlink()
    codec = next(link.directory for link in again if link.experiment == "embedded-codec")
    assert main(["animate", *words, "--checkpoint", str(codec), "--out", "x.mp4"]) == 1
    assert "holds a CodecTraining, not a talking head" in capsys.readouterr().err


def test_a_chain_has_its_links_in_order(capsys):
    names = [link.experiment for link in plan_chain("embedded-cues", ["trainer.max_steps=7", "logger=wandb"])]
    assert set(names) == LINKS
    assert names[-3:] == ["embedded-joint", "embedded-faces", "embedded-cues"] or names.index(
        "embedded-joint"
    ) < names.index("embedded-faces")
    *first, last = plan_chain("embedded-cues", ["trainer.max_steps=7", "logger=wandb"])
    assert last.overrides == ("trainer.max_steps=7", "logger=wandb")
    assert last.steps == 7
    assert {link.overrides for link in first} == {("logger=wandb",)}


@pytest.fixture
def two_links(toy_experiment, own_folder, monkeypatch):
    """An experiment that starts from the head that the toy experiment exports, and both names."""
    second = own_folder / "second.yaml"
    second.write_text(
        f"extends: {toy_experiment.name}\nname: second\ninitial_weights: {{head: head}}\n"
        "export: {second.safetensors: ''}\n"
    )
    monkeypatch.setattr("moee.experiments.compose.exporters", lambda: {"head": str(toy_experiment)})
    return second


def test_each_link_starts_from_the_one_before_and_is_not_trained_twice(two_links, own_folder):
    first, second = train_chain(two_links, ["trainer.max_steps=3"])
    assert (first.trained, second.trained) == (True, True)
    assert [path.as_posix() for path in first.files] == [
        "weights/toy.safetensors",
        "weights/head.safetensors",
    ]
    assert read_run(second.directory)["initial_weights"] == {"head": "weights/head.safetensors"}
    assert newest_checkpoint(first.directory).stem == "step=00000010", "changed keys are the last link's"
    assert newest_checkpoint(second.directory).stem == "step=00000003"
    second.files[0].unlink()  # trained, and stopped before it was exported
    told: list[str] = []
    again = train_chain(two_links, ["trainer.max_steps=3"], tell=told.append)
    assert [link.trained for link in again] == [False, False]
    assert again[1].files[0].is_file()
    assert "link 1 of 2" in told[0]
    assert "finished before: weights/toy.safetensors" in told[1]


@pytest.mark.slow
def test_an_interrupted_link_goes_on(two_links, own_folder, monkeypatch):
    plain_step = toys.ToyModel.training_step

    def stopping_step(self, batch, batch_idx):
        if self.global_step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain_step(self, batch, batch_idx)

    monkeypatch.setattr(toys.ToyModel, "training_step", stopping_step)
    with pytest.raises(TrainingInterruptedError, match="step 6"):
        train_chain(two_links)
    monkeypatch.setattr(toys.ToyModel, "training_step", plain_step)
    told: list[str] = []
    assert all(link.trained for link in train_chain(two_links, tell=told.append))
    assert any("continuing from step=00000006" in line for line in told)


def test_another_runs_files_are_not_written_over(two_links, own_folder, capsys):
    words = ["train", "--chain", str(two_links)]
    assert main([*words, "trainer.max_steps=2"]) == 0
    assert main([*words, "trainer.max_steps=3"]) == 1
    said = capsys.readouterr().err.strip()
    assert "weights/second.safetensors was made by second-" in said
    assert "this run is second-" in said
    assert "--force" in said
    assert len(list((own_folder / "runs").glob("second-*"))) == 1, "refused before it is trained"
    assert main([*words, "trainer.max_steps=3", "--force"]) == 0
    assert read_metadata(own_folder / "weights" / "second.safetensors")["step"] == 3


def test_a_circle_and_several_devices_are_refused(two_links, toy_experiment, monkeypatch):
    with pytest.raises(ValueError, match="one by one"):
        train_chain(two_links, ["trainer.devices=2"])
    with toy_experiment.open("a") as file:
        file.write("initial_weights: {head: second}\n")
    makers = {"head": str(toy_experiment), "second": str(two_links)}
    monkeypatch.setattr("moee.experiments.compose.exporters", lambda: makers)
    with pytest.raises(ValueError, match="nothing comes first"):
        plan_chain(two_links)
