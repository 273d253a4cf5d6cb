"""The terms of the training loss, from what the network said and what is true.

B clip, F frame, C channel, H row, W column, E expert.
"""

import torch
from torch import Tensor

from lightning_modules.diffusion.objective import Losses, Noise
from lightning_modules.diffusion.process import min_snr_weight


def latent_loss(
    error_BFCHW: Tensor, weight_BF1HW: Tensor, alpha_B: Tensor, noise: Noise, losses: Losses
) -> Tensor:
    """Squared error of the prediction: cells weighed by region, clips by their noise level (min-SNR).

    Args:
        error_BFCHW: prediction minus target.
        weight_BF1HW: of each cell.
        alpha_B: cumulative alpha of each clip's noise level.
        noise: tells the parametrisation.
        losses: tell gamma and floor of min-SNR.
    """
    weighted = error_BFCHW.square() * weight_BF1HW
    snr_B = min_snr_weight(alpha_B, noise.prediction, losses.gamma, losses.floor)
    return (weighted.mean((1, 2, 3, 4)) * snr_B).mean()


def spatial_loss(
    decoded_B3HW: Tensor,
    truth_B3HW: Tensor,
    weight_B: Tensor,
    perceptual: torch.nn.Module | None,
    hidden_B1HW: Tensor | None = None,
) -> Tensor:
    """L_spatial of MoEE: L1 and, where there is one, a perceptual distance of pictures in [-1, 1].

    Args:
        decoded_B3HW: what the network said.
        truth_B3HW: what is true.
        weight_B: of each picture.
        perceptual: (picture, picture) to (B,).
        hidden_B1HW: places (bool) that count as true whatever the network said.
    """
    if hidden_B1HW is not None:
        decoded_B3HW = torch.where(hidden_B1HW, truth_B3HW, decoded_B3HW)
    distance_B = (decoded_B3HW - truth_B3HW).abs().mean((1, 2, 3))
    if perceptual is not None:
        distance_B = distance_B + perceptual(decoded_B3HW, truth_B3HW)
    return (weight_B * distance_B).mean()


def gate_terms(
    gates: dict[str, Tensor], blend_BE: Tensor, known_B: Tensor, least: float
) -> dict[str, Tensor]:
    """Mean entropy of the learnt global gates, and their cross-entropy to the blend where one is known.

    Each location has its own cross-entropy: of a compound every location has to mix, where a mean over
    locations before the logarithm would be content with one emotion here and the other there.

    Args:
        gates: location -> learnt global gate (B, F or 1, E).
        blend_BE: the clips' emotions as the network was told of them.
        known_B: clips whose blend is known.
        least: clips with less emotion than this in all tie no gate.
    """
    log_gates = [gate.mean(1).clamp(min=1e-6).log() for gate in gates.values()]
    log_gate_NBE = torch.stack(log_gates)
    entropy = -(log_gate_NBE.exp() * log_gate_NBE).sum(-1).mean()
    asked_B = known_B & (blend_BE.sum(-1) > least)
    wanted_BE = blend_BE / blend_BE.sum(-1, keepdim=True).clamp(min=1e-3)
    if log_gate_NBE.shape[-1] != wanted_BE.shape[-1] or not asked_B.any():
        return {"gate_entropy": entropy, "gate": entropy.new_zeros(())}
    return {"gate_entropy": entropy, "gate": -(wanted_BE * log_gate_NBE).sum(-1)[:, asked_B].mean()}
