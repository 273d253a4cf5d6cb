"""emotion2vec (Ma et al. 2023) for inference: data2vec 2.0 (Baevski et al. 2022) on a waveform of 16 kHz.

Convolutions make about 50 frames a second, more of them tell where a frame lies, learned tokens go in front,
and layers of attention with ALiBi (Press et al. 2022) follow, which looks both ways here. Tensors have the
names and shapes of the published files; the sources are FunASR 1.4.16 (`funasr/models/emotion2vec`, MIT) and
fairseq (`examples/data2vec`, MIT). What only training needs is left out: masking, decoder, teacher, dropout.

B clip, S sample, C channel, N frame, M token or frame, D width, H head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Emotion2vecSettings:
    """Sizes of a network.

    Attributes:
        width: of a state, D.
        heads: of attention.
        hidden: channels between the two linear maps of a layer.
        prenet_layers: layers that data2vec 2.0 gives to the modality.
        layers: layers after them, which modalities share.
        epsilon: of the norms in the layers.
        convolutions: channels, kernel and stride of each, from the waveform on.
        position_layers: convolutions that tell positions.
        position_kernel: their kernel, in frames.
        position_groups: their groups.
        extra_tokens: learned tokens in front of the frames.
        scale_per_layer: whether each layer has an ALiBi scale of its own.
        scale_per_head: whether each head has one.
        classes: of the classifier; 0 where there is none.
    """

    width: int
    heads: int
    hidden: int
    prenet_layers: int
    layers: int
    epsilon: float
    convolutions: tuple[tuple[int, int, int], ...]
    position_layers: int
    position_kernel: int
    position_groups: int
    extra_tokens: int
    scale_per_layer: bool
    scale_per_head: bool
    classes: int


class Emotion2vec(nn.Module):
    """States of the last layer, one for each frame; `proj` of their mean over time are the class logits.

    `proj` is None where the file has no classifier, as `emotion2vec_base`.
    """

    def __init__(self, settings: Emotion2vecSettings) -> None:
        super().__init__()
        self.settings = settings
        self.modality_encoders = nn.ModuleDict({"AUDIO": AudioEncoder(settings)})
        self.blocks = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.proj = nn.Linear(settings.width, settings.classes) if settings.classes else None

    def forward(self, heard_BS: Tensor, padding_BS: Tensor | None = None) -> Tensor:
        """States (B, N, D).

        Args:
            heard_BS: at least 400 samples, normalised clip by clip where the settings beside the file say so.
            padding_BS: true where a sample is only padding, at the end; no frame made of it is attended to.
        """
        audio = cast(AudioEncoder, self.modality_encoders["AUDIO"])
        x_BMD = audio(heard_BS)
        extra = self.settings.extra_tokens
        bias_HMM = functional.pad(
            alibi(self.settings.heads, x_BMD.shape[1] - extra, x_BMD.device), (extra, 0, extra, 0)
        )
        unseen_B11M = torch.zeros(1, 1, 1, x_BMD.shape[1], dtype=torch.bool, device=x_BMD.device)
        if padding_BS is not None:
            frames_B = frame_count((~padding_BS).sum(-1), self.settings.convolutions)
            at_M = torch.arange(x_BMD.shape[1], device=x_BMD.device) - extra
            unseen_B11M = (at_M >= frames_B[:, None])[:, None, None]
        layers = [*cast(nn.ModuleList, audio.context_encoder["blocks"]), *self.blocks]
        for layer, scale_1H11 in zip(layers, audio.scales(len(layers)), strict=True):
            x_BMD = layer(x_BMD, (bias_HMM * scale_1H11).masked_fill(unseen_B11M, float("-inf")))
        return x_BMD[:, extra:]


class AudioEncoder(nn.Module):
    """The part that data2vec 2.0 calls the modality encoder; its layers are run by `Emotion2vec`.

    Modules that do nothing keep the published numbers of those that do.
    """

    def __init__(self, settings: Emotion2vecSettings) -> None:
        super().__init__()
        s, width = settings, settings.width
        inputs = (1, *(channels for channels, _, _ in s.convolutions))
        layers = [waveform_layer(c, *spec) for c, spec in zip(inputs, s.convolutions, strict=False)]
        self.local_encoder = nn.ModuleDict({"conv_layers": nn.ModuleList(layers)})
        self.project_features = nn.Sequential(
            nn.Identity(), nn.LayerNorm(inputs[-1]), nn.Linear(inputs[-1], width)
        )
        places = [
            position_layer(width, s.position_kernel, s.position_groups) for _ in range(s.position_layers)
        ]
        self.relative_positional_encoder = nn.Sequential(nn.Identity(), *places)
        self.extra_tokens = nn.Parameter(torch.zeros(1, s.extra_tokens, width))
        count = s.prenet_layers + s.layers if s.scale_per_layer else 1
        self.alibi_scale = nn.Parameter(torch.ones(count, 1, s.heads if s.scale_per_head else 1, 1, 1))
        prenet = nn.ModuleList(Layer(s) for _ in range(s.prenet_layers))
        self.context_encoder = nn.ModuleDict({"blocks": prenet, "norm": nn.LayerNorm(width, s.epsilon)})

    def forward(self, heard_BS: Tensor) -> Tensor:
        """What the first layer gets (B, M, D): the extra tokens, then a token for each frame."""
        x_BCN = heard_BS[:, None]
        for layer in cast(nn.ModuleList, self.local_encoder["conv_layers"]):
            x_BCN = layer(x_BCN)
        x_BND = self.project_features(x_BCN.transpose(1, 2))
        place_BDN = x_BND.transpose(1, 2)
        for layer in self.relative_positional_encoder:
            place_BDN = layer(place_BDN)[..., : x_BND.shape[1]]  # an even kernel makes one frame more
        x_BND = x_BND + place_BDN.transpose(1, 2)
        x_BMD = torch.cat([self.extra_tokens.expand(len(x_BND), -1, -1), x_BND], dim=1)
        return self.context_encoder["norm"](x_BMD)

    def scales(self, layers: int) -> Tensor:
        """What ALiBi is multiplied by in each layer (layers, 1, H or 1, 1, 1); never negative."""
        return self.alibi_scale.clamp_min(0).expand(layers, -1, -1, -1, -1)


class Layer(nn.Module):
    """Attention and two linear maps, each followed by its norm: (B, M, D) to the same."""

    def __init__(self, settings: Emotion2vecSettings) -> None:
        super().__init__()
        width, hidden = settings.width, settings.hidden
        self.norm1 = nn.LayerNorm(width, settings.epsilon)
        self.attn = Attention(width, settings.heads)
        self.norm2 = nn.LayerNorm(width, settings.epsilon)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})

    def forward(self, x_BMD: Tensor, bias_BHMM: Tensor) -> Tensor:
        x_BMD = self.norm1(x_BMD + self.attn(x_BMD, bias_BHMM))
        return self.norm2(x_BMD + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](x_BMD))))


class Attention(nn.Module):
    """Attention of all to all, with a bias on its logits."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x_BMD: Tensor, bias_BHMM: Tensor) -> Tensor:
        query, key, value = self.qkv(x_BMD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias_BHMM = bias_BHMM.to(query.dtype).expand(len(x_BMD), self.heads, -1, -1)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias_BHMM)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class ChannelNorm(nn.LayerNorm):
    """A norm over the channels of each frame (B, C, N)."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


def waveform_layer(inputs: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    """Convolution, norm over channels, GELU, as in wav2vec 2.0's variant of that name (`layer_norm`)."""
    norm = nn.Sequential(nn.Identity(), ChannelNorm(channels))
    conv = nn.Conv1d(inputs, channels, kernel, stride, bias=False)
    return nn.Sequential(conv, nn.Identity(), norm, nn.GELU())


def position_layer(width: int, kernel: int, groups: int) -> nn.Sequential:
    """Convolution over frames, norm over channels without parameters, GELU."""
    conv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=groups)
    return nn.Sequential(conv, ChannelNorm(width, elementwise_affine=False), nn.GELU())


def alibi(heads: int, frames: int, device: torch.device) -> Tensor:
    """Minus the distance in frames times the slope of a head (H, N, N); Press et al. 2022, section 3.

    Slopes are 2^(-8 i / heads). Where heads are no power of two, those of the next lower power come first,
    then every other one of the power above it, as in the authors' own program.
    """
    power = 1 << (heads.bit_length() - 1)
    exponents = [8 * (i + 1) / power for i in range(power)]
    exponents += [4 * (2 * i + 1) / power for i in range(heads - power)]
    slope_H = torch.tensor([2**-exponent for exponent in exponents], device=device)
    at_N = torch.arange(frames, device=device)
    return -slope_H[:, None, None] * (at_N[:, None] - at_N).abs()


def frame_count(samples_B: Tensor, convolutions: Sequence[tuple[int, int, int]]) -> Tensor:
    """Frames that convolutions without padding make of so many samples."""
    for _, kernel, stride in convolutions:
        samples_B = (samples_B - kernel) // stride + 1
    return samples_B
