"""How training tells how far it is: a bar in steps in a terminal, a line now and then anywhere else."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from moee.console import Tell, Watch, progress_bar, say

SECONDS_BETWEEN_LINES = 20.0


class StepBar(ProgressBar):
    """One bar of optimizer steps, with the newest numbers behind it; what is an epoch here says nothing.

    Args:
        console: where it is drawn; None for standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        columns = (
            *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps")),
            *(TimeRemainingColumn(), TextColumn("{task.fields[numbers]}")),
        )
        self.bar = Progress(*columns, console=console or Console(stderr=True))
        self.task: TaskID | None = None
        self.enabled = True

    def disable(self) -> None:
        """Lightning's word for the processes whose bar nobody sees."""
        self.enabled = False

    def enable(self) -> None:
        self.enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.enabled:
            total = trainer.max_steps if trainer.max_steps > 0 else None
            self.bar.start()
            self.task = self.bar.add_task("training", total=total, completed=trainer.global_step, numbers="")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._show("training", trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show("validating", trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show("training", trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.bar.stop()
        self.task = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.bar.stop()

    def _show(self, what: str, trainer: Trainer) -> None:
        if self.task is not None:
            numbers = "  ".join(newest_numbers(trainer))
            self.bar.update(self.task, description=what, completed=trainer.global_step, numbers=numbers)


class PlainProgress(Callback):
    """A line now and then for logs and pipes, where a progress bar would be noise."""

    def __init__(self) -> None:
        self._began = self._last = 0.0
        self._first_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began = self._last = time.monotonic()
        self._first_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES or not trainer.is_global_zero:
            return
        self._last = now
        rate = (trainer.global_step - self._first_step) / (now - self._began)
        parts = [f"step {trainer.global_step}/{trainer.max_steps}", f"{rate:.2f} steps/s"]
        if trainer.max_steps > 0 and rate > 0:
            parts.append(f"{(trainer.max_steps - trainer.global_step) / rate / 60:.1f} min left")
        say("  ".join([*parts, *newest_numbers(trainer)]))


def newest_numbers(trainer: Trainer) -> list[str]:
    """Name and newest value of everything that was logged."""
    return [f"{name} {float(value):.4g}" for name, value in sorted(trainer.callback_metrics.items())]


@contextmanager
def watched(what: str, tell: Tell) -> Iterator[Watch]:
    """A `Watch` for the block: a bar in a terminal, anywhere else a line now and then.

    Args:
        what: is counted, such as `clips`.
        tell: told the lines.
    """
    began = last = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES and 0 < done < total:
            last = now
            tell(f"{done:,} of {total:,} {what}, {(now - began) / done * (total - done) / 60:.1f} min left")

    if not sys.stderr.isatty():
        yield line
        return
    with progress_bar(what) as bar:
        yield bar
