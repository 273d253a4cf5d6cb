"""Emotion-to-Latents: any mix of label, text, speech and action units to one emotion latent.

B clip, F frame, T token, L latent token, D width, R row of the table.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.interfaces import EmotionFeatures, LatentGenerator, Sizes
from lightning_modules.sizes import agreed


class EmotionToLatents(LatentGenerator):
    """A projection per modality, then a soft look-up in a learnable table (MoEE, "emotion-to-latents").

    Features are pooled to L query tokens by attention, the table gives keys and values, as style tokens do
    (Wang et al. 2018): all that reaches the experts was read in the table. Present modalities are averaged;
    with none present a learned null latent answers. Table size, number of tokens and pooling are not stated
    by the paper.

    Args:
        widths: modality -> width of its encoder's tokens; of all encoders if not given.
        width: width of the latent.
        tokens: latent tokens L.
        table: rows of the table.
        heads: heads of both attentions.
        bypass: the pooled features are also added to what was read, past the table. Not in the paper;
            networks exported before this key was there have it, and then the table hardly counts.
    """

    def __init__(
        self,
        widths: dict[str, int] | None = None,
        width: int = 64,
        tokens: int = 8,
        table: int = 64,
        heads: int = 4,
        bypass: bool = False,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width={width} does not divide into {heads} heads")
        self.widths: dict[str, int] = dict(widths or {})
        self.width, self.tokens, self.rows, self.heads = width, tokens, table, heads
        self.bypass = bypass
        self.project = nn.ModuleDict()
        if widths:
            self._make_layers()

    def _make_layers(self) -> None:
        width, tokens, heads = self.width, self.tokens, self.heads
        self.project = nn.ModuleDict({name: nn.Linear(size, width) for name, size in self.widths.items()})
        self.queries = nn.Parameter(torch.randn(tokens, width) * width**-0.5)
        self.pool = nn.MultiheadAttention(width, heads, batch_first=True)
        self.table = nn.Parameter(torch.randn(self.rows, width) * width**-0.5)
        self.look_up = nn.MultiheadAttention(width, heads, batch_first=True)
        self.direct = nn.Linear(width, width) if self.bypass else None
        self.norm = nn.LayerNorm(width)
        self.null = nn.Parameter(torch.randn(tokens, width) * width**-0.5)

    def connect(self, sizes: Sizes) -> None:
        unmade = not self.widths
        self.widths = agreed("latent_generator.widths", self.widths, "encoders", sizes.emotion_widths)
        if unmade:
            self._make_layers()

    def derived_arguments(self) -> dict[str, Any]:
        return {"widths": self.widths}

    def forward(self, features: EmotionFeatures, batch_size: int) -> Tensor:
        """Emotion latent (B, F or 1, L, width)."""
        total, count = self.null.new_zeros(()), self.null.new_zeros(batch_size, 1, 1, 1)
        for name, tokens_BFTD in features.tokens.items():
            if name not in self.project:
                raise ValueError(
                    f"modality {name!r} is not known to this latent generator: it has {list(self.widths)}"
                )
            here = features.present[name].view(-1, 1, 1, 1).to(tokens_BFTD.dtype)
            total = total + here * self._latent(name, tokens_BFTD)
            count = count + here
        return torch.where(count > 0, total / count.clamp(min=1), self.null)

    def _latent(self, name: str, tokens_BFTD: Tensor) -> Tensor:
        """One modality's latent (B, F or 1, L, width)."""
        frames = tokens_BFTD.shape[1]
        x = self.project[name](tokens_BFTD).flatten(0, 1)
        queries = self.queries.expand(len(x), -1, -1)
        pooled = queries + self.pool(queries, x, x, need_weights=False)[0]
        table = self.table.expand(len(x), -1, -1)
        looked_up = self.look_up(pooled, table, table, need_weights=False)[0]
        past_table = 0 if self.direct is None else self.direct(pooled)
        return self.norm(looked_up + past_table).unflatten(0, (-1, frames))
