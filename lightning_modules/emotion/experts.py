"""Mixture of emotion experts: one cross-attention per basic emotion and location, weighed by two gates.

B clip, F frame, T token, L latent token, D width, E expert, H head, K width of a head, P value of a place.

MoEE (CVPR 2025), section "mixture of emotion experts":

    s = sigmoid(G(X; phi))           per token
    g = softmax(G(Pool(X); omega))   per clip
    X' = X + sum_i g_i E_i(X * s_i)

The experts of a location are kept side by side in wide linear layers: one attention with E groups of heads
computes them all, and leaving experts out is a slice of the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from datamodules.batch import EMOTIONS
from lightning_modules.emotion.gates import blend_gates, choose_hardest
from lightning_modules.interfaces import ExpertAnswer, ExpertMixture, Hints, Sizes
from lightning_modules.sizes import agreed
from lightning_modules.video.attention import attention_or_rest, without_weight
from lightning_modules.video.head_warp import PLACE_CHANNELS

LocalGate = Literal["query", "output", "none"]
GlobalGate = Literal["learned", "manual", "blended", "hard", "none"]


@dataclass(frozen=True)
class _Shape:
    """What all locations have in common; see `EmotionExperts`."""

    latent_width: int
    experts: int
    inner: int
    heads: int
    gate_hidden: int
    global_sees_latent: bool
    local_sees_latent: bool
    places: bool
    rest: bool


class _Location(nn.Module):
    """Experts and gates of one place in the UNet."""

    def __init__(self, width: int, shape: _Shape) -> None:
        super().__init__()
        all_experts = shape.experts * shape.inner
        self.norm = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, all_experts, bias=False)
        self.to_k = nn.Linear(shape.latent_width, all_experts, bias=False)
        self.to_v = nn.Linear(shape.latent_width, all_experts, bias=False)
        self.to_out = without_weight(nn.Linear(all_experts, width, bias=False))
        self.local_gate: nn.Module = nn.Linear(width, shape.experts)
        if shape.local_sees_latent:
            self.local_gate = _gate(width + shape.latent_width, shape)
        self.global_gate = _gate(width + shape.global_sees_latent * shape.latent_width, shape)
        self.to_place = nn.Linear(PLACE_CHANNELS, width, bias=False) if shape.places else None
        self.rest = nn.Parameter(torch.zeros(shape.experts * shape.heads)) if shape.rest else None

    def tokens(self, x_BFTD: Tensor, places_BFTP: Tensor | None) -> Tensor:
        """Normalised tokens that experts and gates look at; they know where in the face they lie."""
        normed = self.norm(x_BFTD)
        if self.to_place is None:
            return normed
        if places_BFTP is None:
            raise ValueError(
                "mixture.places=true needs a denoiser that tells places: set its face_places to true"
            )
        return normed + self.to_place(places_BFTP.to(normed.dtype))


def _gate(inputs: int, shape: _Shape) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, shape.gate_hidden), nn.SiLU(), nn.Linear(shape.gate_hidden, shape.experts)
    )


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
        global_gate: `learned` (paper), `manual` (the palette), `blended` (both), `hard` (best expert only,
            with the gradient of the soft gate), `none`.
        pool: the global gate looks at the whole `clip` or at each `frame`.
        gate_sees_latent: the global gate also sees the pooled emotion latent. Not stated by the paper, where
            the condition reaches the gate only through earlier blocks.
        local_sees_latent: the local gate does, too: otherwise it cannot tell a face that is angry above and
            happy below from the opposite. Not stated by the paper.
        places: tokens are told where in the face they lie before experts and gates look at them; needs a
            denoiser with `face_places`. Not stated by the paper.
        rest: each head of an expert may attend to nothing, with a learnt weight. Without it a query of zero
            brings the mean of all values, so that a local gate in the `query` cannot close. Not stated by the
            paper.
        palette_share: exponent of the palette in mode `blended`; not stated by the paper.
        gate_hidden: hidden units of a gate with more than one layer; not stated by the paper.
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
        local_sees_latent: bool = False,
        places: bool = False,
        rest: bool = False,
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
        self.gate_sees_latent, self.local_sees_latent = gate_sees_latent, local_sees_latent
        self.has_places, self.has_rest = places, rest
        self.palette_share, self.gate_hidden = palette_share, gate_hidden
        self.places = nn.ModuleDict()
        if locations and latent_width:
            self._make_places()

    def _make_places(self) -> None:
        shape = _Shape(
            self.latent_width,
            self.experts,
            self.inner,
            self.heads,
            self.gate_hidden,
            self.gate_sees_latent,
            self.local_sees_latent,
            self.has_places,
            self.has_rest,
        )
        for name, width in self.locations.items():
            self.places[name] = _Location(width, shape)

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

    def forward(self, location: str, x_BFTD: Tensor, latent_BFLD: Tensor, hints: Hints) -> ExpertAnswer:
        """What the experts add to the tokens, and the global gate that weighed them."""
        place = self._place(location)
        tokens = place.tokens(x_BFTD, hints.places)
        learned_BFE = self._learned_gate(place, tokens, latent_BFLD)
        weight_BFE = self._weight(learned_BFE, hints)
        active = self._active(weight_BFE)
        if not active:
            return ExpertAnswer(torch.zeros_like(x_BFTD), weight_BFE, learned_BFE)
        local_BFTE = self._local_gate(place, tokens, latent_BFLD)
        mixed = self._attend(place, tokens, latent_BFLD, local_BFTE, weight_BFE, active)
        return ExpertAnswer(mixed, weight_BFE, learned_BFE)

    def contributions(
        self,
        location: str,
        x_BFTD: Tensor,
        latent_BFLD: Tensor,
        weight_BFE: Tensor,
        experts: Sequence[int] | None = None,
        places_BFTP: Tensor | None = None,
    ) -> Tensor:
        """What each expert alone adds, already weighed, (E, B, F, T, D): `forward` adds their sum.

        Only of the named ones if `experts` are given.
        """
        place = self._place(location)
        tokens = place.tokens(x_BFTD, places_BFTP)
        local = self._local_gate(place, tokens, latent_BFLD)
        wanted = range(self.experts) if experts is None else experts
        alone = [self._attend(place, tokens, latent_BFLD, local, weight_BFE, [i]) for i in wanted]
        return torch.stack(alone)

    def local_gates(
        self, location: str, x_BFTD: Tensor, latent_BFLD: Tensor, places_BFTP: Tensor | None = None
    ) -> Tensor:
        """The local gate of each token (B, F, T, E) in (0, 1); ones where the mixture has none."""
        place = self._place(location)
        local = self._local_gate(place, place.tokens(x_BFTD, places_BFTP), latent_BFLD)
        return x_BFTD.new_ones(*x_BFTD.shape[:3], self.experts) if local is None else local

    def _place(self, location: str) -> _Location:
        if location not in self.places:
            raise ValueError(f"no experts at {location!r}; this mixture has {list(self.places)}")
        return cast(_Location, self.places[location])

    def _local_gate(self, place: _Location, tokens: Tensor, latent: Tensor) -> Tensor | None:
        """The local gate (B, F, T, E), or None where the mixture has none."""
        if self.local_gate == "none":
            return None
        if self.local_sees_latent:
            cue = latent.mean(2, keepdim=True).expand(-1, tokens.shape[1], tokens.shape[2], -1)
            tokens = torch.cat([tokens, cue], -1)
        return place.local_gate(tokens).sigmoid()

    def _learned_gate(self, place: _Location, tokens: Tensor, latent: Tensor) -> Tensor:
        """What the global gate says by itself (B, F or 1, E): even where nothing is learnt."""
        if self.experts == 1 or self.global_gate in ("none", "manual"):
            return tokens.new_full((len(tokens), 1, self.experts), 1 / self.experts)
        pooled = tokens.mean(2) if self.pool == "frame" else tokens.mean((1, 2))[:, None]
        if self.gate_sees_latent:
            cue = latent.mean(2) if self.pool == "frame" else latent.mean((1, 2))[:, None]
            pooled = torch.cat([pooled, cue.expand(-1, pooled.shape[1], -1)], -1)
        return place.global_gate(pooled).softmax(-1)

    def _weight(self, learned_BFE: Tensor, hints: Hints) -> Tensor:
        """The global gate (B, F or 1, E) that is used: learnt, told, or of both, clip by clip."""
        own = choose_hardest(learned_BFE) if self.global_gate == "hard" else learned_BFE
        if hints.palette is None or self.experts == 1 or self.global_gate == "none":
            return own
        palette = hints.palette.to(own.dtype)
        if self.global_gate == "blended":
            palette = blend_gates(learned_BFE, palette, self.palette_share)
        if hints.told is None:
            return palette
        return torch.where(hints.told[:, None, None], palette, own)

    def _active(self, weight_BFE: Tensor) -> list[int]:
        """Experts with a weight somewhere; all of them in training, so that shapes and gradients stay put."""
        if self.training or torch.compiler.is_compiling():
            return list(range(self.experts))
        return weight_BFE.flatten(0, -2).gt(0).any(0).nonzero().flatten().tolist()

    def _attend(
        self,
        place: _Location,
        tokens: Tensor,
        latent: Tensor,
        local: Tensor | None,
        weight: Tensor,
        active: list[int],
    ) -> Tensor:
        """Sum over the active experts of g_i E_i(X * s_i): (B, F, T, D)."""
        batch, frames, number, _ = tokens.shape
        rows = self._rows(active, tokens.device)
        query = nn.functional.linear(tokens, place.to_q.weight[rows])
        query = query.view(batch * frames, number, len(active), self.inner)
        if local is not None:
            local = local[..., active].flatten(0, 1)[..., None]
            query = query * local if self.local_gate == "query" else query
        key, value = (nn.functional.linear(latent, p.weight[rows]) for p in (place.to_k, place.to_v))
        key, value = (x.expand(-1, frames, -1, -1).flatten(0, 1) for x in (key, value))
        rest = None if place.rest is None else place.rest.view(self.experts, self.heads)[active].flatten()
        answer = self._heads_attend(query.flatten(2), key, value, len(active) * self.heads, rest)
        answer = answer.view(batch * frames, number, len(active), self.inner)
        if local is not None and self.local_gate == "output":
            answer = answer * local
        weight = weight[..., active].expand(-1, frames, -1).flatten(0, 1)[:, None, :, None]
        out = nn.functional.linear((answer * weight).flatten(2), place.to_out.weight[:, rows])
        return out.view(tokens.shape)

    @staticmethod
    def _heads_attend(query: Tensor, key: Tensor, value: Tensor, heads: int, rest_H: Tensor | None) -> Tensor:
        query, key, value = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
        return attention_or_rest(query, key, value, rest_H).transpose(1, 2).flatten(2)

    def _rows(self, active: list[int], device: torch.device) -> Tensor | slice:
        if len(active) == self.experts:
            return slice(None)
        return torch.cat([torch.arange(i * self.inner, (i + 1) * self.inner, device=device) for i in active])
