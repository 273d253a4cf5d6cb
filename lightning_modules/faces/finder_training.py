"""How the face finder's two networks learn: one step on scenes for the one, on squares for the other.

N scene, M square, C channel, H row and W column of cells, P point of the mesh.
"""

from typing import Any, Protocol, cast

import lightning as L
import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.optim.rates import training_steps, with_warm_cosine

FOCUS = 2.0  # exponent of the focal loss (Lin et al. 2017, equation 4)
POINT_SCALE = 1.0  # pixels up to which a point's error counts with its square
PLACE_SCALE = 0.05  # of offsets (in heights of the face) and of the logarithm of the height
EYE_CORNERS = (33, 263)  # outer ones, of MediaPipe's mesh
WARM_UP = 50  # steps


class FindsFaces(Protocol):
    """What is trained: `forward` and a way to begin with the mean face."""

    @property
    def started(self) -> bool: ...

    def __call__(self, scenes_N3HW: Tensor, squares_M3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...

    def start_from(self, points_NP2: Tensor) -> None: ...


def middle_loss(logits_NHW: Tensor, truth_NHW: Tensor) -> Tensor:
    """Focal loss per face cell; cells of truth -1 do not count."""
    known = truth_NHW >= 0
    truth = truth_NHW.clamp(min=0)
    missed = (logits_NHW.sigmoid() - truth).abs()
    entropy = F.binary_cross_entropy_with_logits(logits_NHW, truth, reduction="none")
    return (missed**FOCUS * entropy * known).sum() / truth.sum().clamp(min=1)


def place_loss(places_N3HW: Tensor, truth_N3HW: Tensor, is_middle_NHW: Tensor) -> Tensor:
    """Huber loss on offset and size where a cell is a face's middle."""
    error = F.smooth_l1_loss(places_N3HW / PLACE_SCALE, truth_N3HW / PLACE_SCALE, reduction="none").mean(1)
    return (error * is_middle_NHW).sum() / is_middle_NHW.sum().clamp(min=1)


def point_loss(points_MP2: Tensor, truth_MP2: Tensor, face_M: Tensor) -> Tensor:
    """Huber loss in pixels over squares that show a face."""
    error = F.smooth_l1_loss(points_MP2, truth_MP2, reduction="none", beta=POINT_SCALE).mean((1, 2))
    return (error * face_M).sum() / face_M.sum().clamp(min=1)


def eye_distances(points_MP2: Tensor, truth_MP2: Tensor) -> Tensor:
    """Distance of each point from the truth in outer-eye-corner distances, (M, P)."""
    right, left = (truth_MP2[:, corner] for corner in EYE_CORNERS)
    return (points_MP2 - truth_MP2).norm(dim=-1) / (left - right).norm(dim=-1).clamp(min=1)[:, None]


# Of the four losses: `middle` and `place` of the detector, `points` and `face` of the reader.
LOSS_WEIGHTS = {"middle": 1.0, "place": 0.5, "points": 1.0, "face": 1.0}


class FaceFinderTraining(L.LightningModule):
    """Trains a detector and a reader of faces on pictures whose truth is known.

    Args:
        networks: what is trained, `datamodules.faces.networks.FaceNetworks`.
        optimizer: builds the optimizer; the rate falls to zero along a cosine.
    """

    def __init__(
        self,
        networks: nn.Module,
        optimizer: OptimizerCallable = torch.optim.AdamW,
    ) -> None:
        super().__init__()
        self.networks, self.optimizer = networks, optimizer

    def losses(self, batch: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The four losses, points (M, P, 2) and logits (M,) of a batch's squares."""
        squares = batch["squares"].flatten(0, 1)
        meshes, face = batch["meshes"].flatten(0, 1), batch["faces"].flatten()
        networks = cast(FindsFaces, self.networks)
        if not networks.started:
            networks.start_from(meshes[face > 0])
        cells, points, logits = networks(batch["scene"], squares)
        cells, truth = cells.float(), batch["cells"]
        return (
            {
                "middle": middle_loss(cells[:, 0], truth[:, 0]),
                "place": place_loss(cells[:, 1:], truth[:, 1:4], truth[:, 4]),
                "points": point_loss(points, meshes, face),
                "face": F.binary_cross_entropy_with_logits(logits, face),
            },
            points,
            logits,
        )

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        losses, _, _ = self.losses(batch)
        loss = torch.stack([LOSS_WEIGHTS[name] * value for name, value in losses.items()]).sum()
        self.log_dict({f"train/{name}": value for name, value in losses.items()})
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        losses, points, logits = self.losses(batch)
        meshes, face = batch["meshes"].flatten(0, 1), batch["faces"].flatten() > 0
        scores: dict[str, Any] = {f"val/{name}": value for name, value in losses.items()}
        if face.any():
            scores["val/eye_distances"] = eye_distances(points[face], meshes[face]).median()
        scores["val/told_apart"] = ((logits > 0) == face).float().mean()
        self.log_dict(scores, batch_size=len(logits), sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = self.optimizer(self.networks.parameters())
        return with_warm_cosine(optimizer, training_steps(self), warmup=WARM_UP, hold=0.3)
