"""Pictures to latents and back: the embedded patch codec, and the published autoencoders through diffusers.

N picture, C channel, H row, W column, P pixel of a patch.
"""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from lightning_modules.interfaces import LatentCodec, Portrait
from lightning_modules.video.attention import without_weight


def principal_patches(image_NCHW: Tensor, factor: int, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """PCA of the non-overlapping `factor` x `factor` patches of pictures of any channels.

    Returns:
        mean (P,), the first `channels` orthonormal components (channels, P), their standard deviations
        (channels,).
    """
    patches = nn.functional.unfold(image_NCHW, factor, stride=factor).transpose(1, 2).flatten(0, 1)
    mean_P = patches.mean(0)
    covariance = torch.cov((patches - mean_P).double().T)
    energy, vectors = torch.linalg.eigh(covariance)
    order = energy.argsort(descending=True)[:channels]
    return mean_P, vectors[:, order].T.float(), energy[order].clamp(min=1e-12).sqrt().float()


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.SiLU())


class PatchCodec(LatentCodec):
    """Linear patch transform plus a learned convolutional residual on both sides.

    The linear part starts at the principal components of the training pictures (`start_from`), the residuals
    start at zero: the codec begins as plain PCA and improves from there. Latent channels are divided by the
    square root of their standard deviation: whitening fully would make the diffusion spend its effort on
    texture.

    Args:
        channels: latent channels.
        factor: pixels per latent cell and side; pictures must be multiples of it. Must be 8 here.
        width: channels of the residual networks.
    """

    def __init__(self, channels: int = 16, factor: int = 8, width: int = 96) -> None:
        super().__init__()
        if factor != 8:
            raise ValueError(f"factor={factor}, but the embedded codec upsamples 8 times")
        self.channels, self.factor = channels, factor
        self.analysis = nn.Conv2d(3, channels, factor, factor)
        self.synthesis = nn.ConvTranspose2d(channels, 3, factor, factor)
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(channels, 1, 1))
        half, quarter = width // 2, width // 4
        self.analysis_residual = nn.Sequential(
            nn.PixelUnshuffle(4),
            _conv(48, half),
            _conv(half, width, 2),
            _conv(width, width),
            nn.Conv2d(width, channels, 1),
        )
        self.synthesis_residual = nn.Sequential(
            _conv(channels, width), _conv(width, width), _conv(width, 2 * width),
            nn.PixelShuffle(2), _conv(half, half), _conv(half, 2 * half),
            nn.PixelShuffle(2), _conv(quarter, quarter), nn.Conv2d(quarter, 12, 3, 1, 1), nn.PixelShuffle(2),
        )  # fmt: skip
        for last in (self.analysis_residual[-1], self.synthesis_residual[-2]):
            without_weight(last)

    @torch.no_grad()
    def start_from(self, image_NCHW: Tensor) -> None:
        """Set the linear part to the principal components of pictures (N, 3, H, W) in [-1, 1]."""
        mean_P, vectors, std = principal_patches(image_NCHW, self.factor, self.channels)
        shape = (self.channels, 3, self.factor, self.factor)
        self.analysis.weight.copy_(vectors.view(shape))
        analysis_bias, synthesis_bias = cast(Tensor, self.analysis.bias), cast(Tensor, self.synthesis.bias)
        analysis_bias.copy_(-vectors @ mean_P)
        self.synthesis.weight.copy_(vectors.view(shape))
        # A transposed convolution has one bias a channel: the mean patch is nearly flat, the residual learns
        # the rest.
        synthesis_bias.copy_(mean_P.view(3, -1).mean(1))
        self.scale.copy_(std.sqrt()[:, None, None])

    def encode(self, image_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """Latent (B, channels, H / 8, W / 8) of RGB in [-1, 1]."""
        height, width = image_BCHW.shape[-2:]
        if height % self.factor or width % self.factor:
            raise ValueError(f"picture {height}x{width} is no multiple of {self.factor}")
        return (self.analysis(image_BCHW) + self.analysis_residual(image_BCHW)) / self.scale

    def decode(self, z_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """RGB (B, 3, H * 8, W * 8), about [-1, 1]."""
        z_BCHW = z_BCHW * self.scale
        return self.synthesis(z_BCHW) + self.synthesis_residual(z_BCHW)


class AutoencoderCodec(LatentCodec):
    """A published autoencoder in diffusers format, read from a folder: `AutoencoderKL` or `AutoencoderTiny`.

    Args:
        folder: what `save_pretrained` wrote.
        tiny: the folder holds an `AutoencoderTiny` (TAESD).
    """

    def __init__(self, folder: str, tiny: bool = False) -> None:
        super().__init__()
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

        if not Path(folder, "config.json").is_file():
            raise FileNotFoundError(
                f"no autoencoder in {folder!r}: expected config.json and its weights there"
            )
        kind = AutoencoderTiny if tiny else AutoencoderKL
        # the two kinds share their calls, but not a class that declares them
        self.vae: Any = kind.from_pretrained(folder, local_files_only=True).requires_grad_(False)
        self.tiny = tiny
        self.channels = self.vae.config["latent_channels"]
        self.factor = 2 ** (
            len(self.vae.config["encoder_block_out_channels" if tiny else "block_out_channels"]) - 1
        )

    def encode(self, image_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """Posterior mean, scaled as the autoencoder's config says."""
        if self.tiny:
            return self.vae.encode(image_BCHW).latents
        return self.vae.encode(image_BCHW).latent_dist.mean * self.vae.config["scaling_factor"]

    def decode(self, z_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """RGB in [-1, 1]."""
        return self.vae.decode(z_BCHW if self.tiny else z_BCHW / self.vae.config["scaling_factor"]).sample


def keep_detail(
    decoded_BCHW: Tensor, z_BCHW: Tensor, z_ref: Tensor, detail_ref: Tensor, softness: float
) -> Tensor:
    """Give back what the codec lost of the portrait, wherever a frame's latent agrees with the portrait's.

    Args:
        decoded_BCHW: decoded frames.
        z_BCHW: latents of the frames.
        z_ref: latent of the portrait (1 or B, C, H, W).
        detail_ref: portrait minus its own decoding (1 or B, 3, H, W).
        softness: latent distance (root mean square over channels) at which the weight falls to 1/e.
    """
    if softness <= 0:
        return decoded_BCHW
    distance = (z_BCHW - z_ref).square().mean(1, keepdim=True) / softness**2
    weight = nn.functional.interpolate((-distance).exp(), decoded_BCHW.shape[-2:], mode="bilinear")
    return decoded_BCHW + weight * detail_ref
