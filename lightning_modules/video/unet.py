"""The denoising video UNet: diffusers' blocks, joined by reference, speech, emotion and time.

B clip, F frame, C channel, H row, W column, T token, D width, M motion value; N = B * F.
"""

from typing import Annotated, Any

import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn

from datamodules.batch import HEAD_MOTION
from lightning_modules.interfaces import Conditions, Denoiser, EmotionPass, Sizes
from lightning_modules.sizes import agreed
from lightning_modules.video.attention import (
    attention_locations,
    block_locations,
    predict,
    spatial_transformer,
    time_embedding,
    to_map,
    to_tokens,
    use_short_attention,
    walk,
    without_weight,
)
from lightning_modules.video.head_warp import PLACE_CHANNELS, face_places


class VideoUNet(Denoiser):
    """At each attention location: the portrait, speech, emotion experts, attention over time.

    The plain path is `UNet2DConditionModel` under its own key names (`unet.*`), so SD 1.5 weights load as
    they are. Speech reaches the network through the blocks' cross-attention (`speech_modules=False`, the
    embedded size) or, as in Hallo, through a transformer of its own after each spatial one. Everything added
    starts at zero.

    Sizes that are not given are those of the other parts, see `connect`.

    Args:
        unet: arguments of `UNet2DConditionModel`. Three of them follow from the other parts and need not be
            given: `out_channels` are the codec's, `in_channels` count all that is concatenated, and
            `cross_attention_dim` is the width of a speech token.
        motion_locations: where frames attend to each other; names as in `attention_locations`.
        expert_locations: where emotion experts speak; names as in `block_locations`, so that they may also
            stand where there is no attention, on finer grids. All of `attention_locations` if not given.
        motion_heads: heads of that attention.
        max_frames: longest clip, motion frames included.
        speech_modules: give speech its own transformers.
        speech_heads: heads of those.
        concat_reference: the portrait's latent is concatenated to the noisy one, and the clip is predicted as
            the difference to it.
        face_places: each cell is told where in the face it lies (`face_places`), as further input channels.
        speech_width: size of a speech token; that of the speech features if not given.
        speech_tokens: speech tokens a frame; those of the speech features if not given.

    Raises:
        ValueError: for a motion location that the UNet has not, or channels that contradict each other.
    """

    def __init__(
        self,
        unet: Annotated[dict, UNet2DConditionModel],
        motion_locations: list[str],
        motion_heads: int = 4,
        max_frames: int = 32,
        speech_modules: bool = False,
        speech_heads: int = 8,
        concat_reference: bool = True,
        face_places: bool = False,
        speech_width: int | None = None,
        speech_tokens: int | None = None,
        expert_locations: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.arguments = dict(unet)
        self.speech_width, self.speech_tokens = speech_width or 0, speech_tokens or 0
        self.max_frames, self.concat_reference, self.face_places = max_frames, concat_reference, face_places
        self.motion_locations, self.motion_heads = motion_locations, motion_heads
        self.speech_heads = speech_heads if speech_modules else 0
        with torch.device("meta"):  # the places are known before the sizes that a network needs
            outline = UNet2DConditionModel(**unet)
        self.attention_widths = attention_locations(outline)
        _check_names("motion_locations", motion_locations, self.attention_widths)
        places = self.attention_widths
        if expert_locations is not None:
            places = block_locations(outline)
            _check_names("expert_locations", expert_locations, places)
            places = {name: width for name, width in places.items() if name in expert_locations}
        self.locations = places
        self.has_network = bool(speech_width and speech_tokens and "out_channels" in unet)
        if self.has_network:
            self._make_network(unet["out_channels"])

    def connect(self, sizes: Sizes) -> None:
        channels = agreed(
            "denoiser.unet.out_channels",
            self.arguments.get("out_channels"),
            "codec.channels",
            sizes.latent_channels,
        )
        self.speech_width = agreed(
            "denoiser.speech_width", self.speech_width, "speech_features.width", sizes.speech_width
        )
        self.speech_tokens = agreed(
            "denoiser.speech_tokens", self.speech_tokens, "speech_features.tokens", sizes.speech_tokens
        )
        if not self.has_network:
            self._make_network(channels)

    def derived_arguments(self) -> dict[str, Any]:
        return {
            "unet": self.arguments,
            "speech_width": self.speech_width,
            "speech_tokens": self.speech_tokens,
        }

    def _complete_arguments(self, channels: int) -> dict[str, Any]:
        """Arguments of the UNet with all channels, for latents of so many."""
        concatenated = channels * (1 + self.concat_reference) + PLACE_CHANNELS * self.face_places
        wanted = {
            "in_channels": (concatenated, "the channels that are concatenated"),
            "out_channels": (channels, "codec.channels"),
            "cross_attention_dim": (self.speech_width, "the width of a speech token"),
        }
        sizes = {
            name: agreed(f"denoiser.unet.{name}", self.arguments.get(name), source, size)
            for name, (size, source) in wanted.items()
        }
        return self.arguments | sizes

    def _make_network(self, channels: int) -> None:
        self.has_network, self.arguments = True, self._complete_arguments(channels)
        self.unet = UNet2DConditionModel(**self.arguments)
        groups = self.unet.config["norm_num_groups"]
        self.motion_modules = nn.ModuleDict(
            {name: self._motion_module(self.attention_widths[name], groups) for name in self.motion_locations}
        )
        with_speech = self.attention_widths if self.speech_heads else {}
        self.speech_modules = nn.ModuleDict(
            {name: self._speech_module(width, groups) for name, width in with_speech.items()}
        )
        hidden = self.unet.time_embedding.linear_2.out_features
        inputs = self.speech_width * self.speech_tokens + len(HEAD_MOTION) + 1
        self.frame_embedding = nn.Sequential(
            nn.Linear(inputs, hidden), nn.SiLU(), without_weight(nn.Linear(hidden, hidden))
        )
        use_short_attention(self)

    def _motion_module(self, width: int, groups: int) -> AnimateDiffTransformer3D:
        module = AnimateDiffTransformer3D(
            num_attention_heads=self.motion_heads,
            attention_head_dim=width // self.motion_heads,
            in_channels=width,
            norm_num_groups=groups,
            positional_embeddings="sinusoidal",
            num_positional_embeddings=self.max_frames,
        )
        without_weight(module.proj_out)
        return module

    def _speech_module(self, width: int, groups: int) -> Transformer2DModel:
        module = Transformer2DModel(
            num_attention_heads=self.speech_heads,
            attention_head_dim=width // self.speech_heads,
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
        conditions: Conditions,
        emotion: EmotionPass | None = None,
    ) -> Tensor:
        """Prediction (B, F, C, H, W).

        Of the conditions it uses `speech`, which it needs, `reference`, `portrait` (with `concat_reference`),
        `head_motion`, and `places` (with `face_places`: by default those that the head motion tells).
        """
        frames = z_BFCHW.shape[1]
        if frames > self.max_frames:
            raise ValueError(f"{frames} frames in a clip, at most {self.max_frames} are allowed")
        if conditions.speech is None:
            raise ValueError("conditions.speech: missing, zeros stand for no speech")
        places = self._face_places(z_BFCHW, conditions)
        x_NCHW = self._inputs(z_BFCHW, conditions, places).flatten(0, 1)
        x_NCHW = x_NCHW.contiguous(memory_format=torch.channels_last)
        context_NTD = conditions.speech.flatten(0, 1)

        def attend(location: str, transformer: Transformer2DModel | None, x: Tensor) -> Tensor:
            if transformer is not None:
                x, _ = spatial_transformer(transformer, x, context_NTD, conditions.reference.get(location))
            if location in self.speech_modules:
                x = self.speech_modules[location](x, encoder_hidden_states=context_NTD).sample
            if emotion is not None and location in self.locations:
                x = x + to_map(self._emotion(location, x, emotion, frames, places), x)
            if location in self.motion_modules:
                x = self.motion_modules[location](x, num_frames=frames)
            return x

        embedding = self._embedding(timestep_BF, conditions.speech, conditions.head_motion)
        return predict(self.unet, walk(self.unet, x_NCHW, embedding, attend)).unflatten(0, (-1, frames))

    def _face_places(self, z_BFCHW: Tensor, conditions: Conditions) -> Tensor | None:
        """Where in the face each cell lies (B, F or 1, P, H, W), if this network is told."""
        if not self.face_places:
            return None
        if conditions.places is not None:
            return conditions.places.to(z_BFCHW.dtype).expand(len(z_BFCHW), -1, -1, -1, -1)
        still = z_BFCHW.new_zeros(len(z_BFCHW), 1, len(HEAD_MOTION))
        motion = still if conditions.head_motion is None else conditions.head_motion
        return face_places(motion, z_BFCHW.shape[-1]).to(z_BFCHW.dtype)

    def _inputs(self, z_BFCHW: Tensor, conditions: Conditions, places_BFPHW: Tensor | None) -> Tensor:
        """The noisy latent, and beside it the portrait's and the places of its cells, where they are used."""
        frames, inputs = z_BFCHW.shape[1], [z_BFCHW]
        if self.concat_reference:
            if conditions.portrait is None:
                raise ValueError("conditions.portrait: missing, this denoiser has concat_reference")
            inputs.append(conditions.portrait.expand(-1, frames, -1, -1, -1))
        if places_BFPHW is not None:
            inputs.append(places_BFPHW.expand(-1, frames, -1, -1, -1))
        return torch.cat(inputs, 2) if len(inputs) > 1 else z_BFCHW

    @staticmethod
    def _emotion(
        location: str, x_NCHW: Tensor, emotion: EmotionPass, frames: int, places_BFPHW: Tensor | None
    ) -> Tensor:
        tokens_BFTD = to_tokens(x_NCHW).unflatten(0, (-1, frames))
        if places_BFPHW is None:
            return emotion.added(location, tokens_BFTD).flatten(0, 1)
        known = places_BFPHW.shape[1]
        places = nn.functional.adaptive_avg_pool2d(
            places_BFPHW.flatten(0, 1), (x_NCHW.shape[-2], x_NCHW.shape[-1])
        )
        places_BFTP = to_tokens(places).unflatten(0, (-1, known))
        return emotion.added(location, tokens_BFTD, places_BFTP).flatten(0, 1)


def _check_names(key: str, names: list[str], known: dict[str, int]) -> None:
    if unknown := set(names) - set(known):
        raise ValueError(f"{key} {sorted(unknown)} do not exist; this UNet has {list(known)}")
