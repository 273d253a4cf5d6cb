"""How the embedded lip-sync judge learns: windows of lips and sound that belong together find each other.

B clip, F frame, N window, D width.
"""

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.nn import functional as F

from datamodules.batch import SAMPLES_PER_FRAME, TalkingHeadBatch
from evaluation.extractors.embedded.sync_judge import SyncJudge, mel_power
from evaluation.metrics.sync.confidence import Sync, shifted_distances, sync_of
from evaluation.training.judge_training import EmbeddedTraining
from evaluation.training.sync_augment import spoiled_mouths, spoiled_sound

DELAYS = (-10, -5, -2, 0, 2, 5, 10)  # frames by which a sound comes later, as the judge is tried
CLOSE = 1  # windows this near are neither right nor wrong


def sync_loss(lips_BND: Tensor, sound_BND: Tensor, temperature: float = 0.07) -> Tensor:
    """Both directions of InfoNCE (van den Oord et al. 2018, eq. 4) over all windows of a batch.

    The hard negatives are other moments of the same clip; windows one frame away do not count, since a viewer
    would not see the difference either.
    """
    clips, windows, _ = lips_BND.shape
    logits = lips_BND.flatten(0, 1) @ sound_BND.flatten(0, 1).mT / temperature
    place = torch.arange(clips * windows, device=logits.device)
    away = (place[:, None] - place).abs()
    same_clip = place[:, None] // windows == place // windows
    logits = logits.masked_fill((away > 0) & (away <= CLOSE) & same_clip, float("-inf"))
    return (F.cross_entropy(logits, place) + F.cross_entropy(logits.mT, place)) / 2


def delayed(sound_S: Tensor, frames: int) -> Tensor:
    """The sound so many frames later (negative: earlier), zeros where there is none."""
    samples = frames * SAMPLES_PER_FRAME
    return F.pad(sound_S, (samples, -samples))


class SyncTraining(EmbeddedTraining[SyncJudge]):
    """Trains a `SyncJudge`; writes `judge-sync.safetensors` when it ends.

    Args:
        optimizer: builds the optimizer; the rate falls to zero along a cosine.
        temperature: of the contrastive loss.
        out: where the weights go; default is the run's own folder.
    """

    def __init__(
        self,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        temperature: float = 0.07,
        out: str | None = None,
    ) -> None:
        super().__init__(SyncJudge(), optimizer, out)
        self.temperature = temperature

    def training_step(self, batch: TalkingHeadBatch, batch_idx: int) -> Tensor:
        power = torch.stack([mel_power(sound) for sound in batch["waveform"]])
        lips = self.judge.watch(spoiled_mouths(batch["frames"]))
        sound = self.judge.hear(spoiled_sound(power))
        loss = sync_loss(lips.float(), sound.float(), self.temperature)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(lips))
        return loss

    def validation_step(self, batch: TalkingHeadBatch, batch_idx: int) -> None:
        """Share of delays found exactly and within a frame; confidence of own and of other clips' sound."""
        lips_of_clips = [self.judge.measure(frames)["embedded_sync_video"] for frames in batch["frames"]]
        exact, near, own, others = [], [], [], []
        for i, lips in enumerate(lips_of_clips):
            for delay in DELAYS:
                score = self.score(lips, delayed(batch["waveform"][i], delay))
                exact.append(score.offset == -delay)
                near.append((score.offset + delay).abs() <= 1)
            own.append(self.score(lips, batch["waveform"][i]).confidence)
            others.append(self.score(lips, batch["waveform"][i - 1]).confidence)
        scores = {"exact": exact, "within_one": near, "own_confidence": own, "other_confidence": others}
        means = {f"val/{name}": torch.stack(x).float().mean() for name, x in scores.items()}
        self.log_dict(means, batch_size=len(lips_of_clips), sync_dist=True)

    def score(self, lips_ND: Tensor, sound_S: Tensor) -> Sync:
        """Confidence, distance and offset of a clip."""
        sound_ND = self.judge.measure_sound(sound_S)["embedded_sync_audio"]
        return sync_of(shifted_distances(lips_ND, sound_ND, valid=True))
