"""What training minimises, as plain values: the diffusion process and the weights of the losses."""

import math
from dataclasses import dataclass

from lightning_modules.diffusion.process import Prediction


@dataclass
class Noise:
    """The diffusion process.

    Args:
        prediction: `v` or `epsilon`.
        zero_terminal_snr: rescale the schedule; needs `v`.
        schedule: betas, `scaled_linear` or `linear`.
        shared: share of the noise's variance that all frames of a clip have in common.
        sampler_share: share of training timesteps taken from those of a `sampler_steps`-step sampler.
        sampler_steps: see there.
        start_share: share of training timesteps at the sampler's first one, beside its turn above.
    """

    prediction: Prediction = "v"
    zero_terminal_snr: bool = True
    schedule: str = "scaled_linear"
    shared: float = 0.0
    sampler_share: float = 0.0
    sampler_steps: int = 4
    start_share: float = 0.0


@dataclass
class Losses:
    """Weights of the training loss.

    Args:
        gamma: of min-SNR; not stated by the paper, 5 in Hallo.
        floor: least min-SNR weight with v-prediction; few-step samplers live at high noise and want more.
        mouth: extra weight of the mouth region in latent space (KeyFace weighs the lower face 3 times).
        features: extra weight of the cells around brows, eyes, nose and mouth.
        spatial: lambda of L_spatial; not stated by the paper.
        gate: weight of the cross-entropy that ties the global gates to a known blend; 0 in the paper.
    """

    gamma: float = 5.0
    floor: float = 0.1 / 1.1
    mouth: float = 1.0
    features: float = 0.0
    spatial: float = 0.1
    gate: float = 0.0


def warm_cosine(step: int, warmup: int, total: int, hold: float = 0.0, least: float = 0.02) -> float:
    """Factor of the rate: a linear warm-up, then `hold` of all steps at 1, then half a cosine to `least`."""
    warm = min((step + 1) / max(warmup, 1), 1.0)
    past = min(max(step / total - hold, 0.0) / max(1 - hold, 1e-9), 1.0)
    return warm * (least + (1 - least) * (1 + math.cos(math.pi * past)) / 2)
