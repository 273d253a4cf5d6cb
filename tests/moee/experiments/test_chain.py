"""The chain behind the shipped generator, from nothing to a video: what one run exports the next takes up."""

from pathlib import Path

import pytest
import torch
from media_files import sine, write_sound
from PIL import Image

from evaluation.runtime.devices import choose_device
from lightning_modules.optim.precision import multiplies_bfloat16
from moee.cli import main
from moee.experiments.compose import compose
from moee.experiments.export import export
from moee.experiments.run import Run
from moee.experiments.training import train
from moee.weights.modules import read_metadata

CHAIN = (
    *("speech-features", "emotion-text", "emotion-speech"),
    *("embedded-codec", "embedded-joint", "embedded-faces", "embedded-cues"),
)
PRECISION = () if multiplies_bfloat16(choose_device()) else ("trainer.precision=32-true",)


def trained(name: str, root: Path) -> tuple[Run, list[Path]]:
    """A run of two steps that starts from the weights its configuration names, and its exported files."""
    composition = compose(name, *PRECISION, smoke=True)
    composition.config.initial_weights = compose(name).config.get("initial_weights") or {}
    composition.config.trainer.accelerator = "cpu"
    composition.config.trainer.limit_val_batches = 1
    composition.config.trainer.log_every_n_steps = 1
    run = Run(composition, root / "runs")
    train(run)
    return run, export(run.directory, root / "weights")


@pytest.mark.slow
def test_the_shipped_generator_can_be_made_from_nothing(own_folder, capsys):
    made: set[Path] = set()
    for name in CHAIN:
        run, files = trained(name, own_folder)
        taken = {path.resolve() for path in run.weights.values()}
        assert taken <= made, f"{name} takes up what the chain did not make"
        made |= {path.resolve() for path in files}
    checkpoint = own_folder / "weights" / "generator.safetensors"
    assert read_metadata(checkpoint)["experiment"] == CHAIN[-1]

    Image.fromarray(torch.randint(256, (96, 96, 3), dtype=torch.uint8).numpy()).save("face.png")
    write_sound(own_folder / "line.wav", sine(0.2), 48_000, "pcm_s16le")
    words = ["--portrait", "face.png", "--audio", "line.wav", "--face-box", "20 15 50 60"]
    words += ["--checkpoint", str(checkpoint), "--emotion", "happy", "--out", "happy.mp4"]
    assert main(["animate", *words]) == 0, capsys.readouterr().err
    assert (own_folder / "happy.mp4").is_file()
