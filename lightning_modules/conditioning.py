"""What a training batch tells the model: which cues each clip gets, and the masked noisy emotion sample.

B clip, F frame, E expert, A action unit, N modality.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from datamodules.batch import MODALITIES, TalkingHeadBatch

MOUTH_UNITS = (13, 14)  # places of AU25 and AU26 in ACTION_UNITS: the speech moves them too


@dataclass
class Dropout:
    """Chances in training; none of them is stated by the paper.

    Args:
        emotion: a clip gets no emotion cue at all and learns the null latent.
        second: a clip gets a second modality beside the first.
        speech: the sound is left out, for guidance on audio.
        motion: the head motion is left out.
    """

    emotion: float = 0.1
    second: float = 0.15
    speech: float = 0.05
    motion: float = 0.1


@dataclass
class NoisySampling:
    """Masked noisy emotion sampling (MoEE): now and then an expert sees a clip of another emotion.

    Without its mouth.

    Args:
        chance: share of the clips; not stated by the paper.
        mask: hide the mouth from the `loss`, from the `input`, or `both`.
    """

    chance: float = 0.0
    mask: Literal["loss", "input", "both"] = "loss"


def choose_modalities(available_BN: Tensor, dropout: Dropout) -> Tensor:
    """Which modalities speak for each clip (B, N) bool: one at random, sometimes a second, sometimes none."""
    score = torch.rand(available_BN.shape, device=available_BN.device).masked_fill(~available_BN, -1)
    order_BN = score.argsort(dim=1, descending=True).argsort(dim=1)
    batch = len(available_BN)
    number = 1 + (torch.rand(batch, device=available_BN.device) < dropout.second).long()
    number = number * (torch.rand(batch, device=available_BN.device) >= dropout.emotion)
    return available_BN & (order_BN < number[:, None])


def available_modalities(batch: TalkingHeadBatch, known: list[str]) -> Tensor:
    """(B, N) bool over `MODALITIES`: what the clip has and the model understands."""
    present = batch["present"]
    size = len(batch["key"])
    columns = {
        "label": present["blend"],
        "text": present["text"],
        # The tone of a voice is a cue only where it is known to carry the emotion.
        "speech": present["blend"],
        "action_units": present["action_units"],
    }
    device = present["blend"].device
    return torch.stack(
        [
            columns[name].to(device) if name in known else torch.zeros(size, dtype=torch.bool, device=device)
            for name in MODALITIES
        ],
        1,
    )


def tonic_action_units(units_BFA: Tensor, share: float = 0.2) -> Tensor:
    """Intensities held under the speech (B, F, A): AU25 and AU26 become a low quantile over the clip.

    Others stay.

    The control that training feeds must not tell the mouth what the sound should tell it.
    """
    held = units_BFA.clone()
    for unit in MOUTH_UNITS:
        held[..., unit] = units_BFA[..., unit].quantile(share, dim=1, keepdim=True)
    return held


def expert_palette(blend_BE: Tensor) -> Tensor:
    """Gate weights (B, 1, E) for `onehot` training: the blend's shares.

    An even spread where nothing is asked for.
    """
    total = blend_BE.sum(-1, keepdim=True)
    shares = torch.where(
        total > 1e-3, blend_BE / total.clamp(min=1e-3), torch.full_like(blend_BE, 1 / blend_BE.shape[-1])
    )
    return shares[:, None]


def noisy_clips(blend_BE: Tensor, sampling: NoisySampling) -> tuple[Tensor, Tensor]:
    """Blends after noisy sampling, and which clips (B,) show another emotion than their label says.

    A chosen clip keeps its pictures and gets the label of its neighbour in the batch, so that the neighbour's
    expert
    meets one more face.
    """
    chosen_B = torch.rand(len(blend_BE), device=blend_BE.device) < sampling.chance
    return torch.where(chosen_B[:, None], blend_BE.roll(1, 0), blend_BE), chosen_B


def latent_mouth(mask_BFHW: Tensor, factor: int) -> Tensor:
    """Mouth mask in latent cells (B, F, 1, h, w) float: any pixel counts."""
    return torch.nn.functional.max_pool2d(mask_BFHW.float(), factor)[:, :, None]
