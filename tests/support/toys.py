"""A model and data small enough for tests of composition and training."""

from typing import Annotated, Literal

import lightning as L
import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from datamodules.loading.resume import starting_where_training_stands


class ToyHead(L.LightningModule):
    """One layer."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width={width}, but at least 1 is needed")
        self.layer = nn.Linear(width, width)

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.layer(x_BD)


class ToyModel(L.LightningModule):
    """Denoises with the global generator, as real training does."""

    def __init__(
        self,
        head: ToyHead,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        fail_at: int = -1,
        layer: Annotated[dict, nn.Linear] | None = None,
        shares: dict[Literal["loud", "quiet"], float] | None = None,
    ) -> None:
        super().__init__()
        self.head, self.optimizer, self.fail_at = head, optimizer, fail_at
        self.drop = nn.Dropout(0.2)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        if self.global_step == self.fail_at:
            raise ValueError(f"told to fail at step {self.fail_at}")
        loss = (self.head(self.drop(batch + torch.randn_like(batch))) - batch).square().mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        torch.rand(3)  # draws from the global generator, which must not change training
        self.log("val/loss", self.head(batch).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.optimizer(self.parameters())


class Rows(Dataset[Tensor]):
    """Row k is decided by k."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: int) -> Tensor:
        return torch.randn(3, generator=torch.Generator().manual_seed(item))


class ToyData(L.LightningDataModule):
    """Rows for as many steps as the trainer takes."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.batch = batch

    def digest(self) -> str:
        return f"toy-{self.batch}"

    def train_dataloader(self) -> DataLoader:
        rows = Rows(4 * self.batch + 1)  # less than three passes make ten steps
        sampler = starting_where_training_stands(len(rows), self.batch, self.trainer)
        return DataLoader(rows, self.batch, sampler=sampler, drop_last=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(Rows(4), batch_size=2)
