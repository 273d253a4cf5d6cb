"""How the embedded identity judge learns: pictures of one person lie near each other, all others far.

N picture, D width, B clip, F frame.
"""

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from datamodules.batch import TalkingHeadBatch
from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.network import preprocess
from evaluation.training.augment import Faults, Placement, shift, spoil
from evaluation.training.judge_training import EmbeddedTraining


def contrastive_loss(embedding_ND: Tensor, person_N: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, eq. 2): pictures of one person near, all others far.

    Args:
        embedding_ND: unit vectors.
        person_N: integer name of the person; one without a second picture is only a negative.
        temperature: divides the cosines.
    """
    itself = torch.eye(len(person_N), dtype=torch.bool, device=person_N.device)
    logits = (embedding_ND @ embedding_ND.mT / temperature).masked_fill(itself, float("-inf"))
    log_share = (logits - logits.logsumexp(1, keepdim=True)).masked_fill(itself, 0.0)
    same = (person_N[:, None] == person_N) & ~itself
    partners = same.sum(1)
    each = -(log_share * same).sum(1) / partners.clamp(min=1)
    return each[partners > 0].mean() if (partners > 0).any() else embedding_ND.sum() * 0


class IdentityTraining(EmbeddedTraining[IdentityJudge]):
    """Trains an `IdentityJudge`; writes `judge-identity.safetensors` when it ends.

    Of each clip it takes a few frames far apart and the reference picture: one person, other expressions and
    poses; light, softness and codec faults are added.

    Args:
        optimizer: builds the optimizer; the rate falls to zero along a cosine.
        pictures: frames taken of a clip, at least 1.
        temperature: of the contrastive loss.
        out: where the weights go; default is the run's own folder.
        placement: how far a face may lie from its usual place.
        faults: what spoils the pictures.
    """

    def __init__(
        self,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        pictures: int = 3,
        temperature: float = 0.1,
        out: str | None = None,
        placement: Placement = Placement(degrees=6, scale=0.08, move=0.05),  # noqa: B008 - plain values
        faults: Faults = Faults(),  # noqa: B008
    ) -> None:
        super().__init__(IdentityJudge(), optimizer, out)
        if pictures < 1:
            raise ValueError(f"pictures must be at least 1, got {pictures}")
        self.pictures, self.temperature = pictures, temperature
        self.placement, self.faults = placement, faults

    def pictures_of(self, batch: TalkingHeadBatch) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, 128, 128) in [-1, 1] and the person (N,) in each."""
        frames = batch["frames"]
        chosen = torch.linspace(0, frames.shape[1] - 1, min(self.pictures, frames.shape[1])).round().long()
        taken = torch.cat([frames[:, chosen], batch["reference"][:, None]], dim=1)
        names = {name: i for i, name in enumerate(dict.fromkeys(batch["identity"]))}
        person_B = torch.tensor([names[name] for name in batch["identity"]], device=frames.device)
        return preprocess(taken.flatten(0, 1)), person_B.repeat_interleave(taken.shape[1])

    def training_step(self, batch: TalkingHeadBatch, batch_idx: int) -> Tensor:
        x, person_N = self.pictures_of(batch)
        x, _ = shift(x, x.new_zeros(len(x), 1, 2), self.placement)
        loss = contrastive_loss(self.judge(spoil(x, self.faults)).float(), person_N, self.temperature)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(x))
        return loss

    def validation_step(self, batch: TalkingHeadBatch, batch_idx: int) -> None:
        x, person_N = self.pictures_of(batch)
        embedding = self.judge(x).float()
        cosine = embedding @ embedding.mT
        itself = torch.eye(len(x), dtype=torch.bool, device=x.device)
        same = (person_N[:, None] == person_N) & ~itself
        nearest = cosine.masked_fill(itself, -2).argmax(1)
        scores = {
            "same_cosine": cosine[same].mean(),
            "other_cosine": cosine[~same & ~itself].mean(),
            "nearest_is_same": (person_N[nearest] == person_N).float().mean(),
        }
        self.log_dict(
            {f"val/{name}": value for name, value in scores.items()}, batch_size=len(x), sync_dist=True
        )
