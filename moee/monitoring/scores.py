"""A look at what a network in training makes: a few held-out people, in numbers and pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn

from evaluation.clips.pair import pairs_of
from evaluation.evaluate import evaluate_pairs
from evaluation.protocol import load_protocol
from evaluation.runtime.distributed import current_world
from moee.clips.sources import Animated, synthetic_clips
from moee.generation.generator import LoadedGenerator
from moee.judging.protocols import DEFAULT_PROTOCOL, find_protocol, load_extractors
from moee.monitoring.samples import log_samples

if TYPE_CHECKING:
    from evaluation.results.result import Result


@dataclass(frozen=True)
class ScorePlan:
    """The `score:` section of an experiment.

    Args:
        every: optimizer steps between two looks.
        clips: held-out synthetic people, at least 2; the emotions in turn.
        frames: of each, at least 5.
        steps: of the sampler.
        protocol: a name or a YAML file.

    Raises:
        ValueError: for numbers out of range.
    """

    every: int
    clips: int = 7
    frames: int = 10
    steps: int = 4
    protocol: str = DEFAULT_PROTOCOL

    def __post_init__(self) -> None:
        for name, least in (("every", 1), ("clips", 2), ("frames", 5), ("steps", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"score.{name}: {value!r} is not a whole number of at least {least}")


class Scores(Callback):
    """Scores the network as it stands, every so many steps; training itself goes on as if nothing had been.

    Numbers go to every logger as `score/<metric>`; a row for each clip and a video, true above made, to W&B
    and TensorBoard, and as files to the run directory's `samples/`. All processes take part.

    Args:
        plan: how often and how much.
        directory: of the run.
    """

    def __init__(self, plan: ScorePlan, directory: Path) -> None:
        self.plan, self.folder = plan, directory / "samples"
        self.protocol = load_protocol(find_protocol(plan.protocol))
        self.extractors = load_extractors(self.protocol)
        self.clips = synthetic_clips(plan.clips, plan.frames, int(self.protocol.preprocessing["size"]))
        self._scored = -1

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if not hasattr(pl_module, "animate"):
            raise ValueError(f"score: {type(pl_module).__name__} makes no videos, remove the section")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step == self._scored or step % self.plan.every:
            return
        self._scored = step
        network = LoadedGenerator(pl_module, Path("training"), "")  # type: ignore[arg-type]
        (system, make), *_ = Animated(network, self.clips, self.plan.steps).entries("training", [0], False)
        with evaluating(pl_module):
            pairs = pairs_of(self.clips, make, share=current_world().share)
            result = evaluate_pairs(pairs, self.protocol, None, self.extractors, system)
            if trainer.is_global_zero:
                made = [make(index, self.clips.load(index), 0) for index in range(2)]
                self._report(trainer.loggers, result, made, step)

    def _report(self, loggers: list[Logger], result: "Result", made: list[Tensor], step: int) -> None:
        found = {name: record["value"] for name, record in result.metrics.items()}
        scores = {f"score/{name}": value for name, value in found.items() if value is not None}
        for logger in loggers:
            logger.log_metrics(scores, step)
        log_samples(loggers, self.folder, result, self._beside(made), step)

    def _beside(self, made: list[Tensor]) -> Tensor:
        """The true clips in a row above the made ones, (F, 3, 2 H, n W)."""
        true = [self.clips.load(index)["frames"] for index in range(len(made))]
        sized = [nn.functional.interpolate(m.float(), true[0].shape[-2:]).to(torch.uint8) for m in made]
        return torch.cat([torch.cat(true, -1), torch.cat(sized, -1)], -2)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each part is in the mode it was in, frozen ones too."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training
