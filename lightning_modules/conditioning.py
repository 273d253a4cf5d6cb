"""What a training batch tells the model: which cues each clip gets, and the masked noisy emotion sample.

B clip, F frame, E expert, A action unit, N modality.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from datamodules.batch import MODALITIES, REGIONS, TalkingHeadBatch


@dataclass
class Dropout:
    """Chances in training; none of them is stated by the paper.

    Args:
        emotion: a clip gets no emotion cue at all and learns the null latent.
        second: a clip gets a second modality beside the first.
        speech: the sound is left out, for guidance on audio.
        motion: the head motion is left out.
        motion_frames: a clip starts without the frames of the clip before, as the first one of a video does.
    """

    emotion: float = 0.1
    second: float = 0.15
    speech: float = 0.05
    motion: float = 0.1
    motion_frames: float = 0.3


@dataclass
class NoisySampling:
    """Masked noisy emotion sampling (MoEE): now and then an expert sees another emotion, without its mouth.

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
    whole_face = present["blend"] & ~present["regions"]
    columns = {
        "label": present["blend"],
        "text": present["text"],
        # The tone of a voice is a cue only where it is known to carry the emotion of the whole face.
        "speech": whole_face,
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


def label_cue(batch: TalkingHeadBatch, blend_BE: Tensor) -> Tensor:
    """Blends (B, 1, E) for a label encoder, or (B, 1, 2, E) if a clip of the batch shows two by region."""
    regional_B = batch["present"]["regions"]
    if not regional_B.any():
        return blend_BE[:, None]
    same_B2E = blend_BE[:, None].expand(-1, len(REGIONS), -1)
    return torch.where(regional_B[:, None, None], batch["regions"], same_B2E)[:, None]


def expert_palette(blend_BE: Tensor) -> Tensor:
    """Gate weights (B, 1, E) for `onehot` training: the blend's shares, evenly spread where it is neutral."""
    total = blend_BE.sum(-1, keepdim=True)
    shares = torch.where(
        total > 1e-3, blend_BE / total.clamp(min=1e-3), torch.full_like(blend_BE, 1 / blend_BE.shape[-1])
    )
    return shares[:, None]


def experts_palette(blend_BE: Tensor) -> Tensor:
    """Gate weights (B, 1, E) while gates are tied: the blend's shares, or any one expert if it is neutral.

    So each expert learns by itself to say nothing to a neutral cue.
    """
    shares_B1E = expert_palette(blend_BE)
    any_B = torch.randint(blend_BE.shape[-1], (len(blend_BE),), device=blend_BE.device)
    one_B1E = torch.nn.functional.one_hot(any_B, blend_BE.shape[-1]).to(shares_B1E)[:, None]
    return torch.where(blend_BE.sum(-1)[:, None, None] > 1e-3, shares_B1E, one_B1E)


def tied_clips(known_B: Tensor, in_first_steps: bool, share: float) -> Tensor:
    """Clips (B,) whose global gate is their own blend: all with a blend at first, later a share of them."""
    if in_first_steps:
        return known_B
    return known_B & (torch.rand(len(known_B), device=known_B.device) < share)


def swapped_cues(blend_BE: Tensor, tied_B: Tensor, chance: float) -> tuple[Tensor, Tensor]:
    """Blends to tell the network, and which clips (B,) are told another emotion than they show.

    A chosen clip of one emotion keeps its intensity and its tied gate, but the latent speaks of another
    emotion: so an expert learns that the gate decides which emotion it is, and the latent how much of it.
    """
    single_B = (blend_BE > 0).sum(-1) == 1
    chosen_B = tied_B & single_B & (torch.rand(len(blend_BE), device=blend_BE.device) < chance)
    other = torch.randint(1, blend_BE.shape[-1], (), device=blend_BE.device).item()
    return torch.where(chosen_B[:, None], blend_BE.roll(int(other), 1), blend_BE), chosen_B


def noisy_clips(blend_BE: Tensor, known_B: Tensor, sampling: NoisySampling) -> tuple[Tensor, Tensor]:
    """Blends after noisy sampling, and which clips (B,) show another emotion than their label says.

    A chosen clip keeps its pictures and gets the label of its neighbour in the batch, so that the neighbour's
    expert meets one more face. Neither clip may be without a blend: it would be told as neutral.

    Args:
        blend_BE: of the clips.
        known_B: clips that have a blend, of the whole face.
        sampling: chance of each clip.
    """
    chosen_B = torch.rand(len(blend_BE), device=blend_BE.device) < sampling.chance
    chosen_B = chosen_B & known_B & known_B.roll(1, 0)
    return torch.where(chosen_B[:, None], blend_BE.roll(1, 0), blend_BE), chosen_B


def latent_mouth(mask_BFHW: Tensor, factor: int) -> Tensor:
    """Mouth mask in latent cells (B, F, 1, h, w) float: any pixel counts."""
    return torch.nn.functional.max_pool2d(mask_BFHW.float(), factor)[:, :, None]


def latent_features(landmarks_BFK2: Tensor, factor: int, side: int, reach: int = 1) -> Tensor:
    """Cells (B, F, 1, h, w) float in or beside which brows, eyes, nose or mouth lie; none where all are zero.

    Args:
        landmarks_BFK2: 68 points in pixels, x then y.
        factor: pixels a cell and side.
        side: cells a side of the latent.
        reach: cells to every side that count as beside.
    """
    inner = landmarks_BFK2[:, :, 17:]
    known = inner.flatten(2).abs().sum(-1) > 0
    x, y = (inner.nan_to_num() / factor).long().clamp(0, side - 1).unbind(-1)
    cells = torch.zeros(*known.shape, side * side, device=inner.device)
    cells = cells.scatter(-1, y * side + x, 1.0) * known[..., None]
    return torch.nn.functional.max_pool2d(cells.unflatten(-1, (side, side)), 2 * reach + 1, 1, reach)[
        :, :, None
    ]
