"""The short training of the demo: both stages, from the shipped experiments, on a handful of clips."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from moee.demo.stages import Plan
from moee.demo.steps import Outcome

if TYPE_CHECKING:
    from moee.generation.generator import LoadedGenerator


@dataclass(frozen=True)
class Stage:
    """One short training: the experiment it shortens, the frozen parts it takes, the stage it continues."""

    title: str
    experiment: str
    parts: tuple[str, ...]
    continues: str = ""


FROZEN = ("codec", "speech_features")  # the experiments name files of their own for these
STAGES = {
    "demo-stage1": Stage("stage 1: portrait, speech and motion", "embedded-portrait-still", FROZEN),
    "demo-stage2": Stage(
        "stage 2: emotion experts and gates",
        "embedded-emotion",
        (*FROZEN, "emotion_encoders.text", "emotion_encoders.speech"),
        "demo-stage1",
    ),
}


def train_a_little(name: str, generator: "LoadedGenerator", plan: Plan, out: Path) -> Outcome:
    """A few steps of one stage, to see that it learns; real training takes far more."""
    from moee.experiments.callbacks import TrainingInterruptedError
    from moee.experiments.compose import compose
    from moee.experiments.export import export
    from moee.experiments.run import Run
    from moee.experiments.training import train
    from moee.monitoring.loggers import METRICS_FILE, read_metrics

    experiment = write_experiment(name, generator, plan, out)
    run = Run(compose(experiment), out / "runs", build=False)
    if run.directory.is_dir():  # left over from a demo that was stopped
        shutil.rmtree(run.directory)
    run.make()
    try:
        train(run)
    except TrainingInterruptedError as stop:
        raise KeyboardInterrupt from stop
    parameters = [(p.numel(), p.requires_grad) for p in run.model.parameters()]
    facts = {
        "steps": run.trainer.global_step,
        "trained parameters": sum(count for count, learns in parameters if learns),
        "all parameters": sum(count for count, _ in parameters),
        "loss": [float(row["train/loss"]) for row in read_metrics(run.directory) if "train/loss" in row],
    }
    weights = export(run.directory, out / "experiments" / name)
    return facts, [experiment, run.directory / METRICS_FILE, *weights]


def write_experiment(name: str, generator: "LoadedGenerator", plan: Plan, out: Path) -> Path:
    """The YAML of a short training: the shipped experiment with few clips and steps."""
    from omegaconf import OmegaConf

    from moee.files import write_text

    stage = STAGES[name]
    folder = out.resolve() / "experiments"
    weights = {part: str(write_part(generator, part, folder / "parts")) for part in stage.parts}
    if stage.continues:
        weights[""] = str(next((folder / stage.continues).glob("*.safetensors")))
    clips = {"clips": plan.train_clips, "frames": 16}
    data = {"window": 8, "global_batch": 4, "cache": str(folder / "clips"), "train": clips}
    trainer = {"max_steps": plan.train_steps, "max_time": plan.train_time, "log_every_n_steps": 1}
    content = {
        "extends": [f"experiment/{stage.experiment}.yaml"],
        "name": name,
        "initial_weights": weights,
        "data": {"init_args": data | {"val": {"clips": 1, "frames": 16}}},
        "trainer": trainer | {"limit_val_batches": 0},
        "checkpoint_every": plan.train_steps,
    }
    path = folder / f"{name}.yaml"
    write_text(path, OmegaConf.to_yaml(OmegaConf.create(content)))
    return path


def write_part(generator: "LoadedGenerator", part: str, folder: Path) -> Path:
    """One part of the shipped network as a file of its own."""
    import torch
    from safetensors.torch import save_file

    from moee.experiments.export import part_state
    from moee.files import replacing

    path = folder / f"{part}.safetensors"
    whole = cast("torch.nn.Module", generator.network).state_dict()
    state = part_state(whole, part, torch.float32)
    with replacing(path) as partial:
        save_file(state, partial)
    return path
