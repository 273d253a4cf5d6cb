"""A look at what a network in training makes: a few held-out people, in numbers and pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn

from evaluation.clips.pairing import generated_pairs
from evaluation.evaluate import evaluate_pairs
from evaluation.protocol import load_protocol
from evaluation.runtime.distributed import current_processes
from moee.clips.sources import Animated, synthetic_clips
from moee.generation.generator import Generator, LoadedGenerator
from moee.judging.protocols import DEFAULT_PROTOCOL, find_protocol, load_extractors
from moee.monitoring.samples import log_samples
from moee.monitoring.score_plan import ScorePlan

if TYPE_CHECKING:
    from evaluation.results.result import Result


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
        self.protocol = load_protocol(find_protocol(plan.protocol or DEFAULT_PROTOCOL))
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
        network = LoadedGenerator(cast("Generator", pl_module), Path("training"), "")
        (system, make), *_ = Animated(network, self.clips, self.plan.steps).entries("training", [0], False)
        with evaluating(pl_module):
            pairs = generated_pairs(self.clips, make, share=current_processes().share)
            result = evaluate_pairs(pairs, self.protocol, None, self.extractors, system)
            if trainer.is_global_zero:
                videos = [make(index, self.clips.load(index), 0) for index in range(2)]
                self._report(trainer.loggers, result, videos, step)

    def _report(self, loggers: list[Logger], result: "Result", videos: list[Tensor], step: int) -> None:
        values = {name: record["value"] for name, record in result.metrics.items()}
        scores = {f"score/{name}": value for name, value in values.items() if value is not None}
        for logger in loggers:
            logger.log_metrics(scores, step)
        log_samples(loggers, self.folder, result, self._beside(videos), step)

    def _beside(self, videos: list[Tensor]) -> Tensor:
        """The true clips in a row above the made ones, (F, 3, 2 H, n W)."""
        true = [self.clips.load(index)["frames"] for index in range(len(videos))]
        side = true[0].shape[-2:]
        sized = [nn.functional.interpolate(video.float(), side).to(torch.uint8) for video in videos]
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
