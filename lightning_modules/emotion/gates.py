"""How weights of experts are combined: pure functions of gates. B clip, F frame, E expert."""

import torch
from torch import Tensor


def blend_gates(learned: Tensor, palette: Tensor, share: float) -> Tensor:
    """Geometric mixture g ~ learned^(1 - share) * palette^share; zeros in the palette stay zero."""
    mixed = learned.clamp(min=1e-8) ** (1 - share) * palette**share
    return mixed / mixed.sum(-1, keepdim=True).clamp(min=1e-8) * palette.sum(-1, keepdim=True).clamp(max=1)


def choose_hardest(gate_BFE: Tensor) -> Tensor:
    """One for the strongest expert and zero for the others; the gradient is that of the soft gate.

    The straight-through estimator of Bengio et al. 2013, section 3.
    """
    chosen = torch.nn.functional.one_hot(gate_BFE.argmax(-1), gate_BFE.shape[-1]).to(gate_BFE)
    return chosen + gate_BFE - gate_BFE.detach()
