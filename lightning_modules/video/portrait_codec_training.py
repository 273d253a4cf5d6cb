"""Training of the portrait-relative codec alone: principal components, then a little of gradient descent."""

import lightning as L
import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from datamodules.batch import TalkingHeadBatch
from datamodules.face_space.mesh import at_points
from lightning_modules.interfaces import Portrait
from lightning_modules.video.clip_latents import batch_portrait, frame_points, in_range
from lightning_modules.video.portrait_codec import PortraitCodec

POINTS_WEIGHT = 100.0  # a point's error is in eye distances, a colour's in half the range


class PortraitCodecTraining(L.LightningModule):
    """Reconstruction of points and colours of clips whose faces are laid out flat.

    Args:
        codec: what is trained; starts as the principal components of the first batch.
    """

    def __init__(self, codec: PortraitCodec, optimizer: OptimizerCallable = torch.optim.AdamW) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["codec", "optimizer"])
        self.codec, self.optimizer = codec, optimizer
        self.started: Tensor
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def training_step(self, batch: TalkingHeadBatch, batch_idx: int) -> Tensor:
        moved, colour, portrait = self._fields(batch)
        if not self.started:
            self.codec.start_from(moved, colour, self.codec.portrait_fields(portrait))
            self.started.fill_(True)
        loss, _ = self._errors(moved, colour, "train")
        return loss

    def validation_step(self, batch: TalkingHeadBatch, batch_idx: int) -> None:
        self._errors(*self._fields(batch)[:2], "val")

    def _fields(self, batch: TalkingHeadBatch) -> tuple[Tensor, Tensor, Portrait]:
        portrait = batch_portrait(self.codec, batch)
        assert portrait is not None
        each, frames = portrait.repeated(batch["frames"].shape[1]), in_range(batch["frames"].flatten(0, 1))
        return *self.codec.fields(frames, frame_points(batch), each), portrait

    def _errors(self, moved: Tensor, colour: Tensor, split: str) -> tuple[Tensor, Tensor]:
        again, painted = self.codec.synthesise(self.codec.analyse(moved, colour))
        points = (at_points(again) - at_points(moved)).square().mean()
        colours = (painted - colour).square().mean()
        loss = POINTS_WEIGHT * points + colours
        of = at_points(moved).square().mean(), colour.square().mean()
        lost = {"points_lost": points / of[0].clamp(min=1e-9), "colour_lost": colours / of[1].clamp(min=1e-9)}
        self.log_dict({f"{split}/{k}": v.detach() for k, v in lost.items()}, batch_size=len(moved))
        self.log(f"{split}/loss", loss.detach(), prog_bar=True, batch_size=len(moved))
        return loss, points

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.optimizer(self.codec.parameters())
