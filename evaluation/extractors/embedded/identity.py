"""The embedded identity judge: who is in the picture, whatever the face does.

N picture, D width, C channel, H row, W column.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.network import EmbeddedJudge, Trunk, preprocess

WIDTHS = (16, 24, 48, 96)
EMBEDDING = 64
CHUNK = 64  # pictures at a time


class IdentityJudge(EmbeddedJudge):
    """A convolutional embedder; an `Extractor` marked embedded, never a published measure."""

    kind = "judge-identity"
    version = "1"
    name = "embedded-identity"
    provides = ("identity",)

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTHS)
        self.squeeze = nn.Sequential(nn.Conv2d(WIDTHS[3], 24, 1), nn.ReLU(inplace=True))
        self.embed = nn.Linear(WIDTHS[3] + 24 * 64, EMBEDDING)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Unit embeddings (N, 64) of pictures in [-1, 1]."""
        _, late = self.trunk(x_NCHW)
        pooled = torch.cat([late.mean((2, 3)), self.squeeze(late).flatten(1)], dim=1)
        return F.normalize(self.embed(pooled), dim=-1)

    @torch.inference_mode()
    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`identity` (F, 64), float32 unit vectors."""
        parts = [self(preprocess(chunk)).float() for chunk in frames_F3HW.split(CHUNK)]
        return {"identity": torch.cat(parts)}
