"""How the embedded judge learns, from clips whose truth is known.

N picture, B clip, F frame, A action unit, L class, K landmark.
"""

from dataclasses import dataclass

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.nn import functional as F

from datamodules.batch import TalkingHeadBatch
from datamodules.head_motion import lip_opening
from evaluation.extractors.embedded.judge import Judge
from evaluation.extractors.network import SIZE, preprocess
from evaluation.metrics.correlation import moment_sums, pearson
from evaluation.metrics.emotion.scores import class_target
from evaluation.training.augment import Faults, Placement, shift, spoil
from evaluation.training.judge_training import EmbeddedTraining


@dataclass
class HuberScales:
    """Errors beyond which a Huber loss grows in a straight line; choices of this suite.

    Args:
        lips: in inter-ocular distances.
        landmarks: in pixels of a 128 x 128 picture.
    """

    lips: float = 0.1
    landmarks: float = 2.0


def judge_losses(
    heads: dict[str, Tensor], target: dict[str, Tensor], present: dict[str, Tensor], scales: HuberScales
) -> dict[str, Tensor]:
    """Loss of each head over the pictures whose truth is `present` (N,) bool.

    Cross-entropy against the intensity itself, so that a unit's output is its expected intensity; soft
    cross-entropy on emotion; Huber losses on lips and landmarks.
    """
    errors = {
        "action_units": F.binary_cross_entropy_with_logits(
            heads["action_units"], target["action_units"], reduction="none"
        ).mean(1),
        "emotion": F.cross_entropy(heads["emotion"], target["emotion"], reduction="none"),
        "lip_opening": F.smooth_l1_loss(
            heads["lip_opening"] / scales.lips, target["lip_opening"] / scales.lips, reduction="none"
        ),
        "landmarks": F.smooth_l1_loss(
            heads["landmarks"] / scales.landmarks, target["landmarks"] / scales.landmarks, reduction="none"
        ).mean((1, 2)),
    }
    return {
        name: (error * present[name]).sum() / present[name].sum().clamp(min=1)
        for name, error in errors.items()
    }


def picture_targets(batch: TalkingHeadBatch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Pictures (N, 3, 128, 128), their targets, and which of them have each, of all frames of a batch."""
    frames = batch["frames"]
    clips, length = frames.shape[:2]
    landmarks_NK2 = batch["landmarks"].flatten(0, 1).float()
    scale = landmarks_NK2.new_tensor([SIZE / frames.shape[-1], SIZE / frames.shape[-2]])
    target = {
        "action_units": batch["action_units"].flatten(0, 1).float(),
        "emotion": class_target(batch["blend"].float()).repeat_interleave(length, 0),
        "lip_opening": lip_opening(landmarks_NK2),
        "landmarks": (landmarks_NK2 + 0.5) * scale - 0.5,
    }
    known = batch["present"] | {
        "emotion": batch["present"]["blend"],
        "lip_opening": batch["present"]["landmarks"],
    }
    present = {name: known[name].float().to(frames.device).repeat_interleave(length, 0) for name in target}
    return preprocess(frames.reshape(clips * length, *frames.shape[2:])), target, present


class JudgeTraining(EmbeddedTraining[Judge]):
    """Trains a `Judge` on clips whose truth is known; writes `judge.safetensors` when it ends.

    Args:
        optimizer: builds the optimizer; the rate falls to zero along a cosine.
        weights: of the heads' losses.
        out: where the weights go; default is the run's own folder.
        placement: how far a face may lie from its usual place.
        faults: what spoils the pictures.
        huber: of the losses on lips and landmarks.
    """

    def __init__(
        self,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        weights: dict[str, float] | None = None,
        out: str | None = None,
        placement: Placement = Placement(),  # noqa: B008 - dataclasses of plain values
        faults: Faults = Faults(),  # noqa: B008
        huber: HuberScales = HuberScales(),  # noqa: B008
    ) -> None:
        super().__init__(Judge(), optimizer, out)
        self.weights = weights or {"action_units": 4.0, "emotion": 0.5, "lip_opening": 0.5, "landmarks": 0.5}
        self.placement, self.faults, self.huber = placement, faults, huber

    def training_step(self, batch: TalkingHeadBatch, batch_idx: int) -> Tensor:
        x, target, present = picture_targets(batch)
        with torch.autocast(x.device.type, enabled=False):  # pictures are altered in full precision
            x, target["landmarks"] = shift(x, target["landmarks"], self.placement)
            x = spoil(x, self.faults)
        losses = judge_losses(self.judge(x), target, present, self.huber)
        loss = torch.stack([self.weights[name] * value for name, value in losses.items()]).sum()
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, batch_size=len(x))
        self.log("train/loss", loss, prog_bar=True, batch_size=len(x))
        return loss

    def validation_step(self, batch: TalkingHeadBatch, batch_idx: int) -> None:
        x, target, _ = picture_targets(batch)
        heads = self.judge(x)
        clips, length = batch["frames"].shape[:2]
        probability = heads["emotion"].softmax(-1).view(clips, length, -1).mean(1)
        hit = probability.argmax(-1) == target["emotion"][::length].argmax(-1)
        pixels = (heads["landmarks"] - target["landmarks"]).norm(dim=-1).mean()
        units = pearson(moment_sums(heads["action_units"].sigmoid(), target["action_units"])).nanmean()
        lips = pearson(moment_sums(heads["lip_opening"], target["lip_opening"]))
        scores = {
            "emotion_accuracy": hit.float().mean(),
            "landmark_pixels": pixels,
            "au_r": units,
            "lip_r": lips,
        }
        self.log_dict(
            {f"val/{name}": value.float() for name, value in scores.items()}, batch_size=clips, sync_dist=True
        )
