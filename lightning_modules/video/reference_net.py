"""The reference network: it reads the portrait once and hands its attention inputs to the denoiser."""

from typing import Annotated

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from lightning_modules.interfaces import ReferenceNetwork
from lightning_modules.video.attention import (
    attention_locations,
    spatial_transformer,
    time_embedding,
    use_short_attention,
    walk,
)


class ReferenceNet(ReferenceNetwork):
    """A UNet of the denoiser's shape at timestep 0 (Hu et al. 2024, AnimateAnyone; MoEE by way of Hallo).

    Args:
        unet: arguments of diffusers' `UNet2DConditionModel`, as the denoiser has them.
        channels: of the portrait's latent; takes the place of `in_channels`.
    """

    def __init__(self, unet: Annotated[dict, UNet2DConditionModel], channels: int = 4) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel(**{**unet, "in_channels": channels})
        self.locations = attention_locations(self.unet)
        self._discard_what_is_never_used()
        use_short_attention(self)

    def _discard_what_is_never_used(self) -> None:
        # SD 1.5 reference networks carry 682 of the 686 keys: the picture itself is never predicted.
        for name in ("conv_norm_out", "conv_act", "conv_out"):
            setattr(self.unet, name, nn.Identity())
        # Blocks after the last attention hand nothing over.
        while len(self.unet.up_blocks) and not hasattr(self.unet.up_blocks[-1], "attentions"):
            del self.unet.up_blocks[-1]
            if len(self.unet.up_blocks):
                self.unet.up_blocks[-1].upsamplers = None

    def forward(self, reference_BCHW: Tensor) -> dict[str, Tensor]:
        """Location -> normalised tokens (B, T, D) of the portrait's latent."""
        features: dict[str, Tensor] = {}
        batch = len(reference_BCHW)
        context = reference_BCHW.new_zeros(batch, 1, self.unet.config["cross_attention_dim"])
        temb = time_embedding(self.unet, torch.zeros(batch, device=reference_BCHW.device))

        def attend(location: str, transformer: nn.Module, x: Tensor) -> Tensor:
            x, features[location] = spatial_transformer(transformer, x, context)  # type: ignore[arg-type]
            return x

        walk(self.unet, reference_BCHW, temb, attend)
        return features
