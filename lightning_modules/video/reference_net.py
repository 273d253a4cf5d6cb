"""The reference network: it reads the portrait once and hands its attention inputs to the denoiser."""

from typing import Annotated, Any

import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from lightning_modules.interfaces import ReferenceNetwork, Sizes
from lightning_modules.sizes import agreed
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
        channels: of the portrait's latent, in place of `in_channels`; the codec's if not given.
    """

    def __init__(self, unet: Annotated[dict, UNet2DConditionModel], channels: int | None = None) -> None:
        super().__init__()
        self.arguments, self.channels = dict(unet), channels or 0
        self.has_network = bool(channels) and "cross_attention_dim" in unet
        if self.has_network:
            self._make_network()

    def _make_network(self) -> None:
        self.has_network = True
        self.unet = UNet2DConditionModel(**{**self.arguments, "in_channels": self.channels})
        self.locations = attention_locations(self.unet)
        self._discard_what_is_never_used()
        use_short_attention(self)

    def connect(self, sizes: Sizes) -> None:
        self.channels = agreed(
            "reference_net.channels", self.channels, "codec.channels", sizes.latent_channels
        )
        if not self.has_network:
            # it hears nothing and predicts nothing, but has the denoiser's shape
            self.arguments.setdefault("cross_attention_dim", sizes.speech_width)
            self.arguments.setdefault("out_channels", self.channels)
            self._make_network()

    def derived_arguments(self) -> dict[str, Any]:
        return {"unet": self.arguments, "channels": self.channels}

    def _discard_what_is_never_used(self) -> None:
        # SD 1.5 reference networks carry 682 of the 686 keys: the picture itself is never predicted.
        for name in ("conv_norm_out", "conv_act", "conv_out"):
            setattr(self.unet, name, nn.Identity())
        # Blocks after the last attention hand nothing over.
        while len(self.unet.up_blocks) and not hasattr(self.unet.up_blocks[-1], "attentions"):
            del self.unet.up_blocks[-1]
            if len(self.unet.up_blocks):
                setattr(self.unet.up_blocks[-1], "upsamplers", None)  # noqa: B010 - a module's attribute may be None

    def forward(self, reference_BCHW: Tensor) -> dict[str, Tensor]:
        """Location -> normalised tokens (B, T, D) of the portrait's latent."""
        features: dict[str, Tensor] = {}
        batch = len(reference_BCHW)
        context = reference_BCHW.new_zeros(batch, 1, self.unet.config["cross_attention_dim"])
        temb = time_embedding(self.unet, torch.zeros(batch, device=reference_BCHW.device))

        def attend(location: str, transformer: Transformer2DModel | None, x: Tensor) -> Tensor:
            if transformer is None:
                return x
            x, features[location] = spatial_transformer(transformer, x, context)
            return x

        walk(self.unet, reference_BCHW, temb, attend)
        return features
