"""Noise schedules, prediction types, losses and guidance as pure functions.

B clip, F frame, C channel, H row, W column, S step.

z_t = sqrt(a_t) x + sqrt(1 - a_t) eps, with a_t the cumulative product of alphas (Ho et al. 2020, eq. 4).
"""

import math
from typing import Literal

import torch
from torch import Tensor

Prediction = Literal["v", "epsilon"]


def alphas_cumprod(
    steps: int = 1000,
    zero_terminal_snr: bool = True,
    schedule: str = "scaled_linear",
    beta_start: float = 0.00085,
    beta_end: float = 0.012,
) -> Tensor:
    """Cumulative alphas (S,), by default of Stable Diffusion's betas, with zero terminal SNR.

    The rescaling is Lin et al. 2024 ("Common diffusion noise schedules and sample steps are flawed"),
    algorithm 1.

    Raises:
        ValueError: for a schedule that is neither `scaled_linear` nor `linear`.
    """
    if schedule == "scaled_linear":
        betas = torch.linspace(beta_start**0.5, beta_end**0.5, steps, dtype=torch.float64).square()
    elif schedule == "linear":
        betas = torch.linspace(beta_start, beta_end, steps, dtype=torch.float64)
    else:
        raise ValueError(f"schedule {schedule!r} is not known: allowed are scaled_linear, linear")
    root = (1 - betas).cumprod(0).sqrt()
    if zero_terminal_snr:
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return root.square().float()


def _wide(level: Tensor, like: Tensor) -> Tensor:
    return level.view(*level.shape, *[1] * (like.ndim - level.ndim))


def add_noise(x: Tensor, noise: Tensor, alpha: Tensor) -> Tensor:
    """z_t at cumulative alpha (B,) or (B, F) of clips (B, F, C, H, W)."""
    a = _wide(alpha, x)
    return a.sqrt() * x + (1 - a).sqrt() * noise


def target(x: Tensor, noise: Tensor, alpha: Tensor, prediction: Prediction) -> Tensor:
    """What the network has to say: eps, or v = sqrt(a) eps - sqrt(1 - a) x (Salimans & Ho 2022, app. D)."""
    a = _wide(alpha, x)
    return noise if prediction == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * x


def to_x0(z: Tensor, output: Tensor, alpha: Tensor, prediction: Prediction) -> Tensor:
    """Clean estimate from the output; with epsilon alpha is clamped, since a = 0 tells nothing of x."""
    a = _wide(alpha, z)
    if prediction == "epsilon":
        return (z - (1 - a).sqrt() * output) / a.clamp(min=1e-4).sqrt()
    return a.sqrt() * z - (1 - a).sqrt() * output


def to_noise(z: Tensor, output: Tensor, alpha: Tensor, prediction: Prediction) -> Tensor:
    """Noise estimate from the network's output."""
    a = _wide(alpha, z)
    return output if prediction == "epsilon" else (1 - a).sqrt() * z + a.sqrt() * output


def min_snr_weight(
    alpha: Tensor, prediction: Prediction, gamma: float = 5.0, floor: float = 0.1 / 1.1
) -> Tensor:
    """Weight of each sample's squared error: min(SNR, gamma) / (SNR + 1) for v, / SNR for epsilon.

    Hang et al. 2023, eq. 7. For v the weight vanishes where only noise is left, and with it the step that a
    few-step sampler starts from, where what was asked for has to be decided: it never falls below `floor`
    (default: its value at an SNR of 0.1).
    """
    snr = alpha / (1 - alpha).clamp(min=1e-8)
    clipped = snr.clamp(max=gamma)
    if prediction == "epsilon":
        return clipped / snr.clamp(min=1e-8)
    return (clipped / (snr + 1)).clamp(min=floor)


def spatial_weight(timestep: Tensor, steps: int = 1000) -> Tensor:
    """w(t) = cos(pi t / 2T) of MoEE's L_spatial: pictures count most where little noise is left."""
    return torch.cos(timestep.float() * math.pi / (2 * steps))


def clip_noise(like_BFCHW: Tensor, shared: float, generator: torch.Generator | None = None) -> Tensor:
    """Gaussian noise whose frames share a fraction of their variance (Ge et al. 2023, PYoCo's mixed noise).

    Args:
        like_BFCHW: gives shape, device and type.
        shared: 0 independent frames, 1 one noise for the whole clip.
        generator: the source of randomness; the global one if not given.
    """
    if not 0 <= shared <= 1:
        raise ValueError(f"shared={shared} is outside 0..1")
    batch, _, *rest = like_BFCHW.shape
    options = {"dtype": like_BFCHW.dtype, "device": like_BFCHW.device, "generator": generator}
    common = torch.randn(batch, 1, *rest, **options)
    own = torch.randn(like_BFCHW.shape, **options)
    return shared**0.5 * common + (1 - shared) ** 0.5 * own


def trailing_timesteps(count: int, steps: int = 1000) -> list[int]:
    """`count` even timesteps from T - 1 downwards, the last one not 0 (Lin et al. 2024, table 2: trailing).

    Raises:
        ValueError: if `count` is not within 1..steps.
    """
    if not 1 <= count <= steps:
        raise ValueError(f"{count} sampling steps: 1 to {steps} are allowed")
    return [round(steps - i * steps / count) - 1 for i in range(count)]


def guide(outputs: dict[str, Tensor], audio_scale: float, emotion_scale: float) -> Tensor:
    """Classifier-free guidance with separate scales for audio and emotion (after Brooks et al. 2023, eq. 3).

    Args:
        outputs: predictions `full`, and where the scale differs from 1 also `no_emotion` and, for audio,
            `none`.
        audio_scale: 1 is off; pushes from nothing towards the speech.
        emotion_scale: 1 is off; pushes from speech alone towards speech and emotion.
    """
    result = outputs["full"]
    if emotion_scale != 1:
        result = result + (emotion_scale - 1) * (outputs["full"] - outputs["no_emotion"])
    if audio_scale != 1:
        result = result + (audio_scale - 1) * (outputs["no_emotion"] - outputs["none"])
    return result


def ddim_step(z: Tensor, output: Tensor, alpha: Tensor, alpha_next: Tensor, prediction: Prediction) -> Tensor:
    """Deterministic DDIM update (Song et al. 2021, eq. 12 with sigma = 0) between two scalar alphas ()."""
    x0, noise = to_x0(z, output, alpha, prediction), to_noise(z, output, alpha, prediction)
    return alpha_next.sqrt() * x0 + (1 - alpha_next).sqrt() * noise
