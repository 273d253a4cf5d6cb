"""A blend of basic emotions to emotion tokens. B clip, F frame, E expert, R region, T token, D width."""

import torch
from torch import Tensor, nn

from datamodules.batch import EMOTIONS, REGIONS
from lightning_modules.emotion.cue_shapes import expect_blends
from lightning_modules.interfaces import EmotionEncoder


class LabelEncoder(EmotionEncoder):
    """A blend to tokens; continuous in every intensity, so half a smile lies between none and a whole one.

    Of two blends by region it takes the mean: it knows whole faces only.

    Args:
        width: size of a token.
        tokens: tokens per frame or clip.
        hidden: channels inside.
    """

    modality = "label"

    def __init__(self, width: int = 96, tokens: int = 2, hidden: int = 128) -> None:
        super().__init__()
        self.width, self.tokens = width, tokens
        self.net = nn.Sequential(
            nn.Linear(len(EMOTIONS), hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, tokens * width),
            nn.Unflatten(-1, (tokens, width)),
        )

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        blend = expect_blends(cue)
        return self.net(blend.mean(2) if blend.ndim == 4 else blend)


class RegionalLabelEncoder(EmotionEncoder):
    """Blends of the upper and the lower face to one token each: brows may differ from the mouth.

    A single blend is that of both regions. Not in the paper, whose labels are of whole faces.

    Args:
        width: size of a token.
        hidden: channels inside.
    """

    modality, regional = "label", True

    def __init__(self, width: int = 96, hidden: int = 128) -> None:
        super().__init__()
        self.width, self.tokens = width, len(REGIONS)
        self.net = nn.Sequential(
            nn.Linear(len(EMOTIONS) + len(REGIONS), hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, width),
        )

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        blend = expect_blends(cue)
        blend_BFRE = blend if blend.ndim == 4 else blend[:, :, None].expand(-1, -1, len(REGIONS), -1)
        which_RR = torch.eye(len(REGIONS), dtype=blend.dtype, device=blend.device)
        which_BFRR = which_RR.expand(*blend_BFRE.shape[:2], -1, -1)
        return self.net(torch.cat([blend_BFRE, which_BFRR], -1))
