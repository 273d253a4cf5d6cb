"""The denoising video UNet: diffusers' blocks, joined by reference, speech, emotion and time.

B clip, F frame, C channel, H row, W column, T token, D width, M motion value; N = B * F.
"""

from typing import Annotated

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn

from datamodules.batch import HEAD_MOTION
from lightning_modules.interfaces import Denoiser, EmotionPass
from lightning_modules.video.attention import (
    attention_locations,
    spatial_transformer,
    time_embedding,
    to_map,
    to_tokens,
    use_short_attention,
    walk,
    without_weight,
)
from lightning_modules.video.head_warp import face_places


class VideoUNet(Denoiser):
    """At each attention location: the portrait, speech, emotion experts, attention over time.

    The plain path is `UNet2DConditionModel` under its own key names (`unet.*`), so SD 1.5 weights load as
    they are. Speech reaches the network through the blocks' cross-attention (`speech_modules=False`, the
    embedded size) or, as in Hallo, through a transformer of its own after each spatial one. Everything added
    starts at zero.

    Args:
        unet: arguments of `UNet2DConditionModel`; `in_channels` counts the portrait's latent when that is
            concatenated.
        speech_width: size of a speech token.
        speech_tokens: speech tokens a frame.
        motion_locations: where frames attend to each other; names as in `attention_locations`.
        motion_heads: heads of that attention.
        max_frames: longest clip, motion frames included.
        speech_modules: give speech its own transformers.
        concat_reference: the portrait's latent is concatenated to the noisy one, and the clip is predicted as
            the difference to it.
        face_places: each cell is told where in the face it lies (`face_places`), as further input channels.
    """

    def __init__(
        self,
        unet: Annotated[dict, UNet2DConditionModel],
        speech_width: int,
        speech_tokens: int,
        motion_locations: list[str],
        motion_heads: int = 4,
        max_frames: int = 32,
        speech_modules: bool = False,
        concat_reference: bool = True,
        face_places: bool = False,
    ) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel(**unet)
        self.locations = attention_locations(self.unet)
        self.speech_width, self.speech_tokens = speech_width, speech_tokens
        self.max_frames, self.concat_reference, self.face_places = max_frames, concat_reference, face_places
        if unknown := set(motion_locations) - set(self.locations):
            raise ValueError(
                f"motion_locations {sorted(unknown)} do not exist; this UNet has {list(self.locations)}"
            )
        groups = self.unet.config["norm_num_groups"]
        self.motion_modules = nn.ModuleDict(
            {
                name: self._motion_module(self.locations[name], motion_heads, groups)
                for name in motion_locations
            }
        )
        self.speech_modules = nn.ModuleDict(
            {name: self._speech_module(width, groups) for name, width in self.locations.items()}
            if speech_modules
            else {}
        )
        hidden = self.unet.time_embedding.linear_2.out_features
        inputs = speech_width * speech_tokens + len(HEAD_MOTION) + 1
        self.frame_embedding = nn.Sequential(
            nn.Linear(inputs, hidden), nn.SiLU(), without_weight(nn.Linear(hidden, hidden))
        )
        use_short_attention(self)

    def _motion_module(self, width: int, heads: int, groups: int) -> AnimateDiffTransformer3D:
        module = AnimateDiffTransformer3D(
            num_attention_heads=heads,
            attention_head_dim=width // heads,
            in_channels=width,
            norm_num_groups=groups,
            positional_embeddings="sinusoidal",
            num_positional_embeddings=self.max_frames,
        )
        without_weight(module.proj_out)
        return module

    def _speech_module(self, width: int, groups: int) -> Transformer2DModel:
        module = Transformer2DModel(
            num_attention_heads=8,
            attention_head_dim=width // 8,
            in_channels=width,
            norm_num_groups=groups,
            cross_attention_dim=self.speech_width,
        )
        without_weight(module.proj_out)
        return module

    def _embedding(self, timestep_BF: Tensor, speech_BFTD: Tensor, motion_BFM: Tensor | None) -> Tensor:
        known = speech_BFTD.new_full((*timestep_BF.shape, 1), float(motion_BFM is not None))
        if motion_BFM is None:
            motion_BFM = speech_BFTD.new_zeros(*timestep_BF.shape, len(HEAD_MOTION))
        per_frame = torch.cat([speech_BFTD.flatten(2), motion_BFM, known], -1)
        return time_embedding(self.unet, timestep_BF.flatten()) + self.frame_embedding(per_frame).flatten(
            0, 1
        )

    def forward(
        self,
        z_BFCHW: Tensor,
        timestep_BF: Tensor,
        reference: dict[str, Tensor],
        base_BFCHW: Tensor,
        speech_BFTD: Tensor,
        motion_BFM: Tensor | None,
        mixture: EmotionPass | None = None,
    ) -> Tensor:
        """Prediction (B, F, C, H, W).

        Args:
            z_BFCHW: noisy latents; motion frames are clean and have timestep 0.
            timestep_BF: timestep of each frame.
            reference: the reference network's tokens, by location; an empty dict leaves plain self-attention.
            base_BFCHW: latent of the portrait, one for all frames (F = 1) or moved with the head.
            speech_BFTD: speech tokens; zeros mean no speech.
            motion_BFM: head motion, or None where it is not given.
            mixture: the emotion experts; None is exactly the stage-1 network.
        """
        frames = z_BFCHW.shape[1]
        if frames > self.max_frames:
            raise ValueError(f"{frames} frames in a clip, at most {self.max_frames} are allowed")
        if self.concat_reference:
            z_BFCHW = torch.cat([z_BFCHW, base_BFCHW.expand(-1, frames, -1, -1, -1)], 2)
        if self.face_places:
            moved = z_BFCHW.new_zeros(len(z_BFCHW), 1, len(HEAD_MOTION)) if motion_BFM is None else motion_BFM
            places = face_places(moved, z_BFCHW.shape[-1]).to(z_BFCHW.dtype)
            z_BFCHW = torch.cat([z_BFCHW, places.expand(-1, frames, -1, -1, -1)], 2)
        x_NCHW = z_BFCHW.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        context_NTD = speech_BFTD.flatten(0, 1)

        def attend(location: str, transformer: Transformer2DModel, x: Tensor) -> Tensor:
            x, _ = spatial_transformer(transformer, x, context_NTD, reference.get(location))
            if location in self.speech_modules:
                x = self.speech_modules[location](x, encoder_hidden_states=context_NTD).sample
            if mixture is not None:
                x = x + to_map(self._emotion(location, x, mixture, frames), x)
            if location in self.motion_modules:
                x = self.motion_modules[location](x, num_frames=frames)
            return x

        x_NCHW = walk(self.unet, x_NCHW, self._embedding(timestep_BF, speech_BFTD, motion_BFM), attend)
        out = self.unet.conv_out(self.unet.conv_act(self.unet.conv_norm_out(x_NCHW)))
        return out.unflatten(0, (-1, frames))

    @staticmethod
    def _emotion(location: str, x_NCHW: Tensor, emotion: EmotionPass, frames: int) -> Tensor:
        tokens_BFTD = to_tokens(x_NCHW).unflatten(0, (-1, frames))
        return emotion.added(location, tokens_BFTD).flatten(0, 1)
