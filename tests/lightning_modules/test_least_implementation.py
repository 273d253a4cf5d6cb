"""Roles tell the truth: parts that do what `interfaces.py` says, and no more, make a working talking head."""

from math import isfinite
from pathlib import Path

import least_parts
import pytest
import torch

from lightning_modules import TalkingHead
from lightning_modules.interfaces import EmotionCue
from moee import config_errors
from moee.experiments.compose import compose
from moee.experiments.export import export
from moee.experiments.run import Run
from moee.experiments.training import train
from moee.monitoring.loggers import read_metrics
from moee.weights.modules import load_module

EXPERIMENT = """
extends: base.yaml
name: least
trainer: {max_steps: 2, accelerator: cpu, log_every_n_steps: 1}
model:
  class_path: lightning_modules.TalkingHead
  init_args:
    codec: {class_path: least_parts.LeastCodec}
    speech_features: {class_path: least_parts.LeastSpeech}
    emotion_encoders: {label: {class_path: least_parts.LeastEncoder}}
    latent_generator: {class_path: least_parts.LeastLatents}
    mixture: {class_path: least_parts.LeastMixture}
    reference_net: {class_path: least_parts.LeastReference}
    denoiser: {class_path: least_parts.LeastDenoiser}
    stage: joint
    onehot_steps: 1
    losses: {gate: 0.1}
    size: 16
    chunk: 4
data: {class_path: least_parts.LeastData}
export: {least.safetensors: "", denoiser.safetensors: denoiser}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A talking head of least parts that took two steps."""
    folder = tmp_path_factory.mktemp("least")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_errors, "ALLOWED_PACKAGES", (*config_errors.ALLOWED_PACKAGES, "least_parts"))
        (folder / "least.yaml").write_text(EXPERIMENT)
        run = Run(compose(folder / "least.yaml"), folder / "runs")
        train(run)
        export(run.directory, folder / "weights")
    return run


def frames(model: TalkingHead, **options: float) -> torch.Tensor:
    """Seven frames of an angry portrait."""
    portrait, sound = least_parts.clip(9)["reference"], least_parts.clip(9, frames=7)["waveform"]
    cue = EmotionCue(label=torch.tensor([[0.0, 0, 1, 0, 0, 0]]))
    return torch.cat(list(model.animate(portrait, sound, cue, steps=2, **options)))  # type: ignore[arg-type]


def test_it_takes_two_steps(run: Run) -> None:
    assert run.trainer.global_step == 2
    losses = [float(row["train/loss"]) for row in read_metrics(run.directory) if "train/loss" in row]
    assert len(losses) == 2
    assert all(map(isfinite, losses))
    assert any(parameter.grad is not None for parameter in run.model.mixture.parameters())


def test_it_animates(run: Run) -> None:
    video = frames(run.model.eval())
    assert video.shape == (7, 3, least_parts.SIDE, least_parts.SIDE)
    assert video.dtype == torch.uint8
    guided = frames(run.model, emotion_guidance=2.0, audio_guidance=2.0, emotion_strength=2.0)
    assert not torch.equal(guided, video)


def test_it_is_exported_and_loaded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = (*config_errors.ALLOWED_PACKAGES, "least_parts")
    monkeypatch.setattr(config_errors, "ALLOWED_PACKAGES", allowed)
    weights = Path(run.root).parent / "weights"
    again = load_module(weights / "least.safetensors")
    assert isinstance(again, TalkingHead)
    assert torch.equal(frames(again), frames(run.model.eval()))
    assert isinstance(load_module(weights / "denoiser.safetensors"), least_parts.LeastDenoiser)


def test_parts_are_written_from_the_roles_alone() -> None:
    lines = Path(least_parts.__file__).read_text().splitlines()
    imported = {line.split()[1] for line in lines if line.startswith("from lightning_modules")}
    assert imported == {"lightning_modules.interfaces"}
