"""How encoders train and are scored alone.

B clip, F frame, S sample, T token, D width, E expert, K class, L lip track.
"""

from typing import Any, cast

import lightning as L
import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

from datamodules.batch import ACTION_UNITS, CLASSES, EMOTIONS
from lightning_modules.interfaces import EmotionEncoder
from lightning_modules.optim.rates import training_steps, with_warm_cosine
from lightning_modules.speech.features import TRACKS, MelSpeechFeatures

CLEAR = 0.6  # of one emotion, from where a clip has a clear class


class EmotionRecognition(L.LightningModule):
    """One encoder and linear heads on its tokens: which class, how much of each emotion, which units.

    A batch holds `cue` (what the encoder takes) and `blend` (B, E), with `units_weight` also `action_units`
    (B, A); a blend of NaN is not known and teaches nothing. Scored on clips with a clear class by
    accuracy and unweighted accuracy (mean recall over classes), on all by the mean absolute error of the
    blend.

    Args:
        encoder: what is trained; has `tokens`, the number of its tokens per frame or clip.
        classes_weight: of the cross-entropy.
        blend_weight: of the squared error of the blend; 0 where a corpus does not state the intensity.
        smoothing: share of the target that is spread over all classes.
        mixup: parameter of the Beta distribution by which pairs of clips are mixed, tokens and targets alike
            (Verma et al. 2019, eq. 1-2); 0 is off.
        clear: only neutral clips and those with one emotion above this are scored by class.
        warm_share: share of the steps over which the rate rises.
        optimizer: built on the trainable parameters.
        units_weight: of the cross-entropy of the action units, each against its intensity; 0 is without them.
    """

    def __init__(
        self,
        encoder: EmotionEncoder,
        classes_weight: float = 1.0,
        blend_weight: float = 5.0,
        smoothing: float = 0.0,
        mixup: float = 0.0,
        clear: float = CLEAR,
        warm_share: float = 0.05,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        units_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing={smoothing}, expected 0 up to below 1")
        self.save_hyperparameters(ignore=["encoder"])
        self.encoder, self.optimizer = encoder, optimizer
        self.classes_weight, self.blend_weight = classes_weight, blend_weight
        self.smoothing, self.mixup, self.clear, self.warm_share = smoothing, mixup, clear, warm_share
        features = encoder.tokens * encoder.width
        self.class_head = nn.Linear(features, len(CLASSES))
        self.blend_head = nn.Linear(features, len(EMOTIONS))
        self.units_weight = units_weight
        self.units_head = nn.Linear(features, len(ACTION_UNITS)) if units_weight else None
        self.scores = nn.ModuleDict({stage: recognition_scores() for stage in ("validation", "testing")})

    def forward(self, cue: Tensor | list[str]) -> tuple[Tensor, Tensor]:
        """Class logits (B, K) in the order of `CLASSES`, and the blend as estimated (B, E), not clamped."""
        return self.read(self.encoder(cue))

    def read(self, token_BFTD: Tensor) -> tuple[Tensor, Tensor]:
        """Both heads on the tokens, averaged over frames."""
        x_BD = token_BFTD.flatten(2).mean(dim=1)
        return self.class_head(x_BD), self.blend_head(x_BD)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        token_BFTD, blend_BE = self.encoder(batch["cue"]), batch["blend"]
        units = self._units_loss(token_BFTD, batch)
        known_B = ~blend_BE.isnan().any(dim=1)
        token_BFTD, blend_BE = token_BFTD[known_B], blend_BE[known_B]
        if self.mixup:
            share = torch.distributions.Beta(self.mixup, self.mixup).sample().to(blend_BE)
            other = torch.randperm(len(blend_BE), device=blend_BE.device)
            token_BFTD = torch.lerp(token_BFTD[other], token_BFTD, share)
            blend_BE = torch.lerp(blend_BE[other], blend_BE, share)
        logit_BK, guess_BE = self.read(token_BFTD)
        classes = functional.cross_entropy(logit_BK, class_shares(blend_BE), label_smoothing=self.smoothing)
        amounts = functional.mse_loss(guess_BE, blend_BE)
        self.log_dict({"train/classes": classes, "train/blend": amounts}, batch_size=len(blend_BE))
        return self.classes_weight * classes + self.blend_weight * amounts + self.units_weight * units

    def _units_loss(self, token_BFTD: Tensor, batch: dict[str, Any]) -> Tensor:
        if self.units_head is None:
            return token_BFTD.new_zeros(())
        logit_BA = self.units_head(token_BFTD.flatten(2).mean(dim=1))
        loss = functional.binary_cross_entropy_with_logits(logit_BA, batch["action_units"])
        self.log("train/units", loss, batch_size=len(logit_BA))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self._score("validation", "val", batch)

    def test_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self._score("testing", "test", batch)

    def _score(self, stage: str, prefix: str, batch: dict[str, Any]) -> None:
        scores, blend_BE = cast(nn.ModuleDict, self.scores[stage]), batch["blend"]
        token_BFTD = self.encoder(batch["cue"])
        if self.units_head is not None:
            guess_BA = self.units_head(token_BFTD.flatten(2).mean(dim=1)).sigmoid()
            error = (guess_BA - batch["action_units"]).abs().mean()
            self.log(f"{prefix}/units_error", error, on_epoch=True, batch_size=len(blend_BE))
        known_B = ~blend_BE.isnan().any(dim=1)
        if not known_B.any():
            return
        blend_BE = blend_BE[known_B]
        logit_BK, guess_BE = self.read(token_BFTD[known_B])
        share_BK = class_shares(blend_BE)
        clear_B = (blend_BE.amax(dim=1) > self.clear) | (blend_BE.sum(dim=1) == 0)
        size = len(blend_BE)
        if clear_B.any():
            for name in ("accuracy", "unweighted_accuracy"):
                score = cast(Metric, scores[name])
                score.update(logit_BK[clear_B], share_BK[clear_B].argmax(dim=1))
                self.log(f"{prefix}/{name}", score, on_epoch=True, batch_size=size)
        error = cast(Metric, scores["blend_error"])
        error.update((guess_BE.clamp(0, 1) - blend_BE).abs())
        self.log(f"{prefix}/blend_error", error, on_epoch=True, batch_size=size)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        return risen_and_fallen(self, self.optimizer, self.warm_share)


class SpeechFeatureTraining(L.LightningModule):
    """Speech features learn to tell from the sound what the lips do and which kind of sound it is.

    A batch holds `waveform` (B, S), `lips` (B, F, L) in the order of `TRACKS`, and `phone` (B, F) class
    numbers. Scored by the correlation of every lip track per clip, averaged over clips, and the accuracy of
    the phone class.

    Args:
        features: what is trained.
        lips_weight: of the squared error of the lip tracks.
        phone_weight: of the cross-entropy of the phone class.
        correlation_weight: of what the opening's correlation within each clip lacks to 1.
        warm_share: share of the steps over which the rate rises.
        optimizer: built on the trainable parameters.
    """

    def __init__(
        self,
        features: MelSpeechFeatures,
        lips_weight: float = 20.0,
        phone_weight: float = 0.5,
        correlation_weight: float = 0.0,
        warm_share: float = 0.05,
        optimizer: OptimizerCallable = torch.optim.AdamW,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["features"])
        self.features, self.optimizer = features, optimizer
        self.lips_weight, self.phone_weight, self.warm_share = lips_weight, phone_weight, warm_share
        self.correlation_weight = correlation_weight
        names = (*TRACKS, "phone_accuracy")
        stages = ("validation", "testing")
        self.scores = nn.ModuleDict({s: nn.ModuleDict({n: MeanMetric() for n in names}) for s in stages})

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        lips_BFL, logit_BFK = self.features.read(self.features(batch["waveform"]))
        lips = functional.mse_loss(lips_BFL, batch["lips"])
        phone = functional.cross_entropy(logit_BFK.flatten(0, 1), batch["phone"].flatten())
        self.log_dict({"train/lips": lips, "train/phone": phone}, batch_size=len(lips_BFL))
        loss = self.lips_weight * lips + self.phone_weight * phone
        if self.correlation_weight:
            opening = TRACKS.index("opening")
            r_B = correlation(lips_BFL[..., opening], batch["lips"][..., opening])
            loss = loss + self.correlation_weight * (1 - r_B.mean())
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._score("validation", "val", batch)

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._score("testing", "test", batch)

    def _score(self, stage: str, prefix: str, batch: dict[str, Tensor]) -> None:
        scores, size = cast(nn.ModuleDict, self.scores[stage]), len(batch["waveform"])
        lips_BFL, logit_BFK = self.features.read(self.features(batch["waveform"]))
        right = (logit_BFK.argmax(-1) == batch["phone"]).float()
        values = {"phone_accuracy": right}
        values |= {
            name: correlation(lips_BFL[..., i], batch["lips"][..., i]) for i, name in enumerate(TRACKS)
        }
        for name, value in values.items():
            cast(Metric, scores[name]).update(value)
            self.log(f"{prefix}/{name}", cast(Metric, scores[name]), on_epoch=True, batch_size=size)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        return risen_and_fallen(self, self.optimizer, self.warm_share)


def class_shares(blend_BE: Tensor) -> Tensor:
    """Shares of the seven classes (B, K), which sum to 1: the blend, and neutral as what is left of it."""
    return torch.cat([blend_BE, (1 - blend_BE.sum(-1, keepdim=True)).clamp(0, 1)], dim=-1)


def correlation(x_BF: Tensor, y_BF: Tensor) -> Tensor:
    """Pearson's r over frames for each clip (B,); 0 where one of the two does not move."""
    x_BF, y_BF = x_BF - x_BF.mean(1, keepdim=True), y_BF - y_BF.mean(1, keepdim=True)
    return (x_BF * y_BF).sum(1) / (x_BF.norm(dim=1) * y_BF.norm(dim=1)).clamp_min(1e-6)


def recognition_scores() -> nn.ModuleDict:
    """Fresh metrics of one stage."""
    return nn.ModuleDict(
        {
            "accuracy": MulticlassAccuracy(len(CLASSES), average="micro"),
            "unweighted_accuracy": MulticlassAccuracy(len(CLASSES), average="macro"),
            "blend_error": MeanMetric(),
        }
    )


def risen_and_fallen(
    module: L.LightningModule, build: OptimizerCallable, warm_share: float
) -> OptimizerLRSchedulerConfig:
    """Optimizer of a module whose rate rises over a share of the steps, then falls to zero."""
    optimizer = build(p for p in module.parameters() if p.requires_grad)
    total = training_steps(module)
    warmup = max(int(warm_share * total), 1)
    return with_warm_cosine(optimizer, total, warmup, hold=warmup / total)
