"""Training of the embedded codec alone."""

import lightning as L
import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from datamodules.batch import TalkingHeadBatch
from lightning_modules.optim.rates import training_steps, with_warm_cosine
from lightning_modules.video.codecs import PatchCodec


def pictures(batch: TalkingHeadBatch) -> Tensor:
    """All frames and references of a batch as (N, 3, H, W) in [-1, 1]."""
    frames = batch["frames"].flatten(0, 1)
    return torch.cat([frames, batch["reference"]]).float() / 127.5 - 1


class CodecTraining(L.LightningModule):
    """Reconstruction of frames: squared error plus the error of finite differences, which keeps edges.

    Args:
        codec: what is trained; starts as the PCA of the first batch.
        latent_noise: standard deviation of noise added to latents in training, so that the decoder forgives
            the sampler.
        edge_weight: weight of the finite-difference term.
    """

    def __init__(
        self,
        codec: PatchCodec,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        latent_noise: float = 0.02,
        edge_weight: float = 2.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["codec", "optimizer"])
        self.codec, self.optimizer = codec, optimizer
        self.latent_noise, self.edge_weight = latent_noise, edge_weight
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))
        self.started: Tensor

    def training_step(self, batch: TalkingHeadBatch, batch_idx: int) -> Tensor:
        image = pictures(batch)
        if not self.started:
            self.codec.start_from(image)
            self.started.fill_(True)
        z = self.codec.encode(image)
        decoded = self.codec.decode(z + self.latent_noise * torch.randn_like(z))
        error = decoded - image
        edges = error.diff(dim=-1).square().mean() + error.diff(dim=-2).square().mean()
        loss = error.square().mean() + self.edge_weight * edges
        psnr = 10 * (4 / error.detach().square().mean()).log10()
        self.log_dict({"train/loss": loss, "train/psnr": psnr}, prog_bar=True, batch_size=len(image))
        return loss

    def validation_step(self, batch: TalkingHeadBatch, batch_idx: int) -> None:
        image = pictures(batch)
        error = self.codec.decode(self.codec.encode(image)).clamp(-1, 1) - image
        psnr_N = 10 * (4 / error.square().mean((1, 2, 3))).log10()
        self.log("val/psnr", psnr_N.mean(), prog_bar=True, batch_size=len(image))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        return with_warm_cosine(self.optimizer(self.codec.parameters()), training_steps(self))
