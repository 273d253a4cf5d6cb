"""What training minimises, as plain values: the diffusion process and the weights of the losses."""

from dataclasses import dataclass

from lightning_modules.diffusion.process import Prediction


@dataclass
class Noise:
    """The diffusion process.

    Args:
        prediction: `v` or `epsilon`.
        zero_terminal_snr: rescale the schedule; needs `v`.
        schedule: betas, `scaled_linear` or `linear`.
        steps: timesteps T; not stated by the paper, 1000 in Stable Diffusion.
        beta_start, beta_end: first and last beta; not stated by the paper, these are Stable Diffusion's.
        shared: share of the noise's variance that all frames of a clip have in common in training; not stated
            by the paper.
        shared_in_animation: the same share when a video is made: at 1 all its frames start from one noise, so
            that clips differ in what they are told and not in their dice. Not stated by the paper.
        sampler_share: share of training timesteps taken from those of a `sampler_steps`-step sampler; not
            stated by the paper.
        sampler_steps: see there.
        start_share: share of training timesteps at the sampler's first one, which is the last of all, beside
            its turn above. With shares of 0.9 and 0.35 and four steps half of all draws, 0.35 + 0.65 * 0.9 /
            4, are there. Not stated by the paper.
    """

    prediction: Prediction = "v"
    zero_terminal_snr: bool = True
    schedule: str = "scaled_linear"
    steps: int = 1000
    beta_start: float = 0.00085
    beta_end: float = 0.012
    shared: float = 0.0
    shared_in_animation: float = 1.0
    sampler_share: float = 0.0
    sampler_steps: int = 4
    start_share: float = 0.0


@dataclass
class Losses:
    """Weights of the training loss.

    Args:
        gamma: of min-SNR; not stated by the paper, 5 in Hallo.
        floor: least min-SNR weight with v-prediction; few-step samplers live at high noise and want more. Not
            stated by the paper.
        mouth: extra weight of the mouth region in latent space (KeyFace weighs the lower face 3 times); not
            stated by the paper.
        features: extra weight of the cells around brows, eyes, nose and mouth; not stated by the paper.
        features_reach: how many cells beside those of the landmarks count as around them.
        spatial: lambda of L_spatial; not stated by the paper.
        gate: weight of the cross-entropy that ties the global gates to a known blend; 0 in the paper.
        gate_least: a blend whose sum is at most this is near neutral, and ties no gate; not stated by the
            paper.
    """

    gamma: float = 5.0
    floor: float = 0.1 / 1.1
    mouth: float = 1.0
    features: float = 0.0
    features_reach: int = 1
    spatial: float = 0.1
    gate: float = 0.0
    gate_least: float = 0.05
