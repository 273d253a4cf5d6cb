"""What every run does besides training: exact checkpoints, a clean stop."""

import os
import random
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch import Tensor

from moee.console import warn

RandomStates = dict[str, Tensor | list[Tensor]]


class TrainingInterruptedError(Exception):
    """Somebody asked the run to stop; a checkpoint was written first."""


def capture_random_states() -> RandomStates:
    """States of the global generators (Python, NumPy, torch, every CUDA device) as tensors."""
    _, words, gauss = random.getstate()
    _, key, position, has_gauss, cached_gauss = np.random.get_state()  # type: ignore[misc]
    return {
        "python": torch.tensor(words, dtype=torch.int64),
        "python_gauss": torch.tensor([] if gauss is None else [gauss], dtype=torch.float64),
        "numpy": torch.from_numpy(np.asarray(key).astype(np.int64)),
        "numpy_position": torch.tensor([int(position), int(has_gauss)], dtype=torch.int64),
        "numpy_gauss": torch.tensor([float(cached_gauss)], dtype=torch.float64),
        "torch": torch.get_rng_state(),
        "cuda": list(torch.cuda.get_rng_state_all()) if torch.cuda.is_initialized() else [],
    }


def restore_random_states(states: RandomStates) -> None:
    """Undo whatever drew from the global generators since `capture_random_states`."""
    gauss = states["python_gauss"].tolist()  # type: ignore[union-attr]
    random.setstate((3, tuple(states["python"].tolist()), gauss[0] if gauss else None))  # type: ignore[union-attr]
    position, has_gauss = states["numpy_position"].tolist()  # type: ignore[union-attr]
    key = states["numpy"].numpy().astype(np.uint32)  # type: ignore[union-attr]
    np.random.set_state(("MT19937", key, position, has_gauss, float(states["numpy_gauss"][0])))
    torch.set_rng_state(states["torch"])  # type: ignore[arg-type]
    if len(states["cuda"]) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all(states["cuda"])


class TrainingNoise(Callback):
    """Training steps alone draw from the global generators; a resumed run draws on where it stopped.

    The states at the end of a step return at the start of the next one, so validation, sampling and new
    iterators in between change nothing; a checkpoint holds them as tensors, one set for each process.
    """

    def __init__(self) -> None:
        self.states: RandomStates | None = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self.states is not None:
            restore_random_states(self.states)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.states = capture_random_states()

    def state_dict(self) -> dict[str, Any]:
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return {"ranks": [self.states]}
        ranks: list[RandomStates | None] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(ranks, self.states)
        return {"ranks": ranks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        ranks = state_dict["ranks"]
        rank = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))
        self.states = ranks[rank] if rank < len(ranks) else None


class Checkpoints(Checkpoint):
    """A checkpoint every so many optimizer steps, at the end, and when Ctrl-C or SIGTERM asks for a stop.

    Args:
        folder: where `step=00000500.ckpt` and the like go.
        every: optimizer steps between two checkpoints.
        keep: how many of the newest to keep.
    """

    def __init__(self, folder: Path, every: int, keep: int = 1) -> None:
        if every < 1 or keep < 1:
            raise ValueError(f"checkpoint_every={every}, keep_checkpoints={keep}: both must be at least 1")
        self.folder, self.every, self.keep = folder, every, keep
        self._stop_asked = self._stopping = False
        self._last_step = self._saved_step = -1
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_step = self._saved_step = trainer.global_step
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._ask_to_stop)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step == self._last_step:  # gradients are still being accumulated: not a point to resume from
            return
        self._last_step = step
        stop = trainer.strategy.reduce_boolean_decision(self._stop_asked, all=False)
        if stop or step % self.every == 0:
            self._save(trainer)
        self._stopping = stop  # leaves at the next hook: this step's numbers are logged after this one

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._leave_if_asked()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._leave_if_asked()

    def _leave_if_asked(self) -> None:
        if self._stopping:
            raise TrainingInterruptedError(f"stopped at step {self._saved_step}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step > self._saved_step:
            self._save(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._restore_handlers()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore_handlers()

    def _restore_handlers(self) -> None:
        """What was there before; not where Lightning has put back what was there before itself."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._ask_to_stop:
                signal.signal(number, handler)
        self._handlers = {}

    def _save(self, trainer: Trainer) -> None:
        self._saved_step = trainer.global_step
        trainer.save_checkpoint(self.folder / f"step={trainer.global_step:08d}.ckpt", weights_only=False)
        if trainer.is_global_zero:
            for old in sorted(self.folder.glob("step=*.ckpt"))[: -self.keep]:
                old.unlink()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        if self._stop_asked:
            raise KeyboardInterrupt
        self._stop_asked = True
        warn("stopping after this step; once more stops at once, without a checkpoint")
