"""Mixture of emotion experts: one cross-attention per basic emotion and location, weighed by two gates.

B clip, F frame, T token, L latent token, D width, E expert, H head, K width of a head.

MoEE (CVPR 2025), section "mixture of emotion experts":

    s = sigmoid(G(X; phi))           per token
    g = softmax(G(Pool(X); omega))   per clip
    X' = X + sum_i g_i E_i(X * s_i)

The experts of a location are kept side by side in wide linear layers: one attention with E groups of heads
computes them all, and leaving experts out is a slice of the weights.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from datamodules.batch import EMOTIONS
from lightning_modules.interfaces import ExpertMixture, Sizes
from lightning_modules.sizes import agreed
from lightning_modules.video.attention import attention, without_weight

LocalGate = Literal["query", "output", "none"]
GlobalGate = Literal["learned", "manual", "blended", "hard", "none"]


def blend_gates(learned: Tensor, palette: Tensor, share: float) -> Tensor:
    """Geometric mixture g ~ learned^(1 - share) * palette^share; zeros in the palette stay zero."""
    mixed = learned.clamp(min=1e-8) ** (1 - share) * palette**share
    return mixed / mixed.sum(-1, keepdim=True).clamp(min=1e-8) * palette.sum(-1, keepdim=True).clamp(max=1)


class _Location(nn.Module):
    """Experts and gates of one place in the UNet."""

    def __init__(
        self, width: int, latent_width: int, experts: int, inner: int, gate: tuple[int, int]
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, experts * inner, bias=False)
        self.to_k = nn.Linear(latent_width, experts * inner, bias=False)
        self.to_v = nn.Linear(latent_width, experts * inner, bias=False)
        self.to_out = without_weight(nn.Linear(experts * inner, width, bias=False))
        self.local_gate = nn.Linear(width, experts)
        inputs, hidden = gate
        self.global_gate = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, experts))


class EmotionExperts(ExpertMixture):
    """The mixture of the paper, with its ablations.

    Args:
        locations: name -> token width of each place in the UNet; the denoiser's if not given.
        latent_width: width of the emotion latent; the latent generator's if not given.
        experts: how many; the basic emotions in the order of `EMOTIONS`, or 1 for the ablation without a
            mixture.
        inner: width of one expert.
        heads: heads of one expert.
        local_gate: `query` scales the normalised queries (paper), `output` what the expert says, `none`
            leaves it out.
        global_gate: `learned` (paper), `manual` (the palette), `blended` (both), `hard` (best expert only),
            `none`.
        pool: the global gate looks at the whole `clip` or at each `frame`.
        gate_sees_latent: the global gate also sees the pooled emotion latent. Not stated by the paper, where
            the condition reaches the gate only through earlier blocks.
        palette_share: exponent of the palette in mode `blended`; not stated by the paper.
        gate_hidden: hidden units of the global gate; not stated by the paper.
    """

    def __init__(
        self,
        locations: dict[str, int] | None = None,
        latent_width: int | None = None,
        experts: int = len(EMOTIONS),
        inner: int = 32,
        heads: int = 1,
        local_gate: LocalGate = "query",
        global_gate: GlobalGate = "learned",
        pool: Literal["clip", "frame"] = "clip",
        gate_sees_latent: bool = True,
        palette_share: float = 0.5,
        gate_hidden: int = 64,
    ) -> None:
        super().__init__()
        if inner % heads:
            raise ValueError(f"inner={inner} does not divide into {heads} heads")
        if experts not in (1, len(EMOTIONS)):
            raise ValueError(f"experts={experts}: {len(EMOTIONS)} (one per basic emotion) or 1 is allowed")
        self.locations: dict[str, int] = dict(locations or {})
        self.latent_width = latent_width or 0
        self.experts, self.inner, self.heads, self.pool = experts, inner, heads, pool
        self.local_gate: LocalGate = local_gate
        self.global_gate: GlobalGate = global_gate
        self.gate_sees_latent, self.palette_share = gate_sees_latent, palette_share
        self.gate_hidden = gate_hidden
        self.places = nn.ModuleDict()
        if locations and latent_width:
            self._make_places()

    def _make_places(self) -> None:
        for name, width in self.locations.items():
            gate_inputs = width + self.gate_sees_latent * self.latent_width
            gate = (gate_inputs, self.gate_hidden)
            self.places[name] = _Location(width, self.latent_width, self.experts, self.inner, gate)

    def connect(self, sizes: Sizes) -> None:
        self.locations = agreed("mixture.locations", self.locations, "denoiser.locations", sizes.locations)
        self.latent_width = agreed(
            "mixture.latent_width", self.latent_width, "latent_generator.width", sizes.emotion_width
        )
        if not self.places:
            self._make_places()

    def derived_arguments(self) -> dict[str, Any]:
        return {"locations": self.locations, "latent_width": self.latent_width}

    @property
    def uses_palette(self) -> bool:
        """Whether the global gate is, or is mixed with, weights that it is told."""
        return self.experts > 1 and self.global_gate in ("manual", "blended")

    def forward(
        self, location: str, x_BFTD: Tensor, latent_BFLD: Tensor, palette_BFE: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the experts add to the tokens (B, F, T, D), and the global gate (B, F or 1, E)."""
        place = self._place(location)
        normed = place.norm(x_BFTD)
        weight_BFE = self._global(place, normed, latent_BFLD, palette_BFE)
        active = self._active(weight_BFE)
        if not active:
            return torch.zeros_like(x_BFTD), weight_BFE
        local_BFTE = place.local_gate(normed).sigmoid() if self.local_gate != "none" else None
        mixed = self._attend(place, normed, latent_BFLD, local_BFTE, weight_BFE, active)
        return mixed, weight_BFE

    def contributions(
        self,
        location: str,
        x_BFTD: Tensor,
        latent_BFLD: Tensor,
        weight_BFE: Tensor,
        experts: Sequence[int] | None = None,
    ) -> Tensor:
        """What each expert alone adds, already weighed, (E, B, F, T, D): `forward` returns their sum.

        Only of the named ones if `experts` are given.
        """
        place = self._place(location)
        normed = place.norm(x_BFTD)
        local = place.local_gate(normed).sigmoid() if self.local_gate != "none" else None
        wanted = range(self.experts) if experts is None else experts
        alone = [self._attend(place, normed, latent_BFLD, local, weight_BFE, [i]) for i in wanted]
        return torch.stack(alone)

    def local_gates(self, location: str, x_BFTD: Tensor) -> Tensor:
        """The local gate of each token (B, F, T, E) in (0, 1); ones where the mixture has none."""
        place = self._place(location)
        if self.local_gate == "none":
            return x_BFTD.new_ones(*x_BFTD.shape[:3], self.experts)
        return place.local_gate(place.norm(x_BFTD)).sigmoid()

    def _place(self, location: str) -> _Location:
        if location not in self.places:
            raise ValueError(f"no experts at {location!r}; this mixture has {list(self.places)}")
        return cast(_Location, self.places[location])

    def _global(self, place: _Location, normed: Tensor, latent: Tensor, palette: Tensor | None) -> Tensor:
        """The global gate (B, F or 1, E)."""
        if self.experts == 1 or self.global_gate == "none":
            return normed.new_full((len(normed), 1, self.experts), 1 / self.experts)
        palette = None if palette is None else palette.to(normed.dtype)
        if palette is not None and self.global_gate != "blended":
            return palette
        if self.global_gate == "manual":
            raise ValueError("global_gate='manual' needs a palette: give the experts' weights")
        pooled = normed.mean(2) if self.pool == "frame" else normed.mean((1, 2))[:, None]
        if self.gate_sees_latent:
            cue = latent.mean(2) if self.pool == "frame" else latent.mean((1, 2))[:, None]
            pooled = torch.cat([pooled, cue.expand(-1, pooled.shape[1], -1)], -1)
        learned = place.global_gate(pooled).softmax(-1)
        if self.global_gate == "hard":
            return nn.functional.one_hot(learned.argmax(-1), self.experts).to(learned)
        if palette is not None:
            return blend_gates(learned, palette, self.palette_share)
        return learned

    def _active(self, weight_BFE: Tensor) -> list[int]:
        """Experts with a weight somewhere; all of them in training, so that shapes and gradients stay put."""
        if self.training or torch.compiler.is_compiling():
            return list(range(self.experts))
        return weight_BFE.flatten(0, -2).gt(0).any(0).nonzero().flatten().tolist()

    def _attend(
        self,
        place: _Location,
        normed: Tensor,
        latent: Tensor,
        local: Tensor | None,
        weight: Tensor,
        active: list[int],
    ) -> Tensor:
        """Sum over the active experts of g_i E_i(X * s_i): (B, F, T, D)."""
        batch, frames, tokens, _ = normed.shape
        rows = self._rows(active, normed.device)
        query = nn.functional.linear(normed, place.to_q.weight[rows])
        query = query.view(batch * frames, tokens, len(active), self.inner)
        if local is not None:
            local = local[..., active].flatten(0, 1)[..., None]
            query = query * local if self.local_gate == "query" else query
        key, value = (nn.functional.linear(latent, p.weight[rows]) for p in (place.to_k, place.to_v))
        key, value = (x.expand(-1, frames, -1, -1).flatten(0, 1) for x in (key, value))
        answer = self._heads_attend(query.flatten(2), key, value, len(active) * self.heads)
        answer = answer.view(batch * frames, tokens, len(active), self.inner)
        if local is not None and self.local_gate == "output":
            answer = answer * local
        weight = weight[..., active].expand(-1, frames, -1).flatten(0, 1)[:, None, :, None]
        out = nn.functional.linear((answer * weight).flatten(2), place.to_out.weight[:, rows])
        return out.view(normed.shape)

    @staticmethod
    def _heads_attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
        split = [x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value)]
        return attention(*split).transpose(1, 2).flatten(2)

    def _rows(self, active: list[int], device: torch.device) -> Tensor | slice:
        if len(active) == self.experts:
            return slice(None)
        return torch.cat([torch.arange(i * self.inner, (i + 1) * self.inner, device=device) for i in active])
