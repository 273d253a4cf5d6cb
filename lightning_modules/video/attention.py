"""How the UNet's blocks are run: diffusers' own modules, with reference tokens passed as an argument.

N = B * F pictures, B clip, F frame, T token, D width, C channel, H row, W column.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)
Attend = Callable[[str, Transformer2DModel | None, Tensor], Tensor]
SHORT = 512  # tokens up to which a table of all weights is no burden


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(D)) v over (N, heads, T, D).

    PyTorch's fused kernel, except for short bfloat16 sequences on a CPU: there two plain products are faster,
    in the backward pass several times (`benchmarks/attention.py`).
    """
    short = max(query.shape[-2], key.shape[-2]) <= SHORT
    if short and query.device.type == "cpu" and query.dtype == torch.bfloat16:
        return (query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)).softmax(-1).to(value.dtype) @ value
    return nn.functional.scaled_dot_product_attention(query, key, value)


def attention_or_rest(query: Tensor, key: Tensor, value: Tensor, rest_H: Tensor | None) -> Tensor:
    """`attention` in which each query may also attend to nothing.

    The softmax runs over the L keys' logits and one more, `rest` (heads,), whose value is zero: a query of
    zeros brings L / (L + e^rest) of the mean value, which a learnt rest can make as small as it wants. None
    leaves it out.
    """
    if rest_H is None:
        return attention(query, key, value)
    logit = query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)
    rest = rest_H.to(logit.dtype)[None, :, None, None].expand(len(logit), -1, logit.shape[2], 1)
    weight = torch.cat([logit, rest], -1).softmax(-1)[..., :-1]
    return weight.to(value.dtype) @ value


class ShortAttention:
    """Diffusers' processor of an `Attention` without mask, norm or residual of its own, by `attention`."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """(N, T, D) to (N, T, D)."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        to_q, to_k, to_v = projections(attn)
        mixed = attention(
            *(split_heads(x, attn.heads) for x in (to_q(hidden_states), to_k(context), to_v(context)))
        )
        return join_heads(attn, mixed)


def projections(attn: Attention) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Layers of query, key and value; kinds of attention without the latter two are none of ours."""
    assert attn.to_k is not None
    assert attn.to_v is not None
    return attn.to_q, attn.to_k, attn.to_v


def join_heads(attn: Attention, mixed: Tensor) -> Tensor:
    """What an attention makes of (N, heads, T, D / heads): (N, T, D)."""
    project, dropout = cast(nn.ModuleList, attn.to_out)
    return dropout(project(mixed.transpose(1, 2).flatten(2)))


def use_short_attention(module: nn.Module) -> None:
    """Give every `Attention` inside a module the processor above."""
    for part in module.modules():
        if isinstance(part, Attention):
            part.set_processor(cast(Any, ShortAttention()))  # diffusers lists its own processors only


def to_tokens(x_NCHW: Tensor) -> Tensor:
    """(N, C, H, W) to (N, H * W, C)."""
    return x_NCHW.flatten(2).transpose(1, 2)


def to_map(x_NTD: Tensor, like_NCHW: Tensor) -> Tensor:
    """(N, H * W, D) to (N, D, H, W) in the memory layout that convolutions like best."""
    height, width = like_NCHW.shape[-2:]
    return x_NTD.view(-1, height, width, x_NTD.shape[-1]).permute(0, 3, 1, 2)


def split_heads(x_NTD: Tensor, heads: int) -> Tensor:
    """(N, T, D) to (N, heads, T, D / heads)."""
    return x_NTD.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention_with_reference(attn: Attention, x_NTD: Tensor, reference_BTD: Tensor | None) -> Tensor:
    """Self-attention whose keys and values are the picture's tokens followed by the portrait's.

    Equal to `attn` over the concatenated tokens, but the portrait's keys and values are projected once a clip
    and not once a frame. N is a multiple of B.
    """
    if reference_BTD is None:
        return attn(x_NTD)
    frames = len(x_NTD) // len(reference_BTD)
    keys_values = []
    to_q, *to_keys_values = projections(attn)
    for project in to_keys_values:
        portrait = project(reference_BTD).repeat_interleave(frames, 0)
        keys_values.append(split_heads(torch.cat([project(x_NTD), portrait], 1), attn.heads))
    return join_heads(attn, attention(split_heads(to_q(x_NTD), attn.heads), *keys_values))


def transformer_block(
    block: BasicTransformerBlock, x_NTD: Tensor, context_NTD: Tensor, reference_BTD: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One diffusers block: its output, and the normalised tokens that a reference network hands over."""
    norm1, norm2, norm3 = (cast(nn.Module, norm) for norm in (block.norm1, block.norm2, block.norm3))
    normed_NTD = norm1(x_NTD)
    x_NTD = x_NTD + attention_with_reference(block.attn1, normed_NTD, reference_BTD)
    x_NTD = x_NTD + cast(Attention, block.attn2)(norm2(x_NTD), encoder_hidden_states=context_NTD)
    return x_NTD + block.ff(norm3(x_NTD)), normed_NTD


def spatial_transformer(
    transformer: Transformer2DModel, x_NCHW: Tensor, context_NTD: Tensor, reference_BTD: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """A diffusers `Transformer2DModel` of one block over a feature map: output map and hand-over tokens.

    (N, T, D).
    """
    h = transformer.norm(x_NCHW)
    tokens_first = transformer.use_linear_projection
    tokens = transformer.proj_in(to_tokens(h)) if tokens_first else to_tokens(transformer.proj_in(h))
    block = cast(BasicTransformerBlock, transformer.transformer_blocks[0])
    tokens, handed_over = transformer_block(block, tokens, context_NTD, reference_BTD)
    if tokens_first:
        return to_map(transformer.proj_out(tokens), x_NCHW) + x_NCHW, handed_over
    return transformer.proj_out(to_map(tokens, x_NCHW)) + x_NCHW, handed_over


def sides(unet: UNet2DConditionModel) -> tuple[list[Any], Any, list[Any]]:
    """Blocks downwards, in the middle and upwards, which diffusers declares as modules of any kind."""
    return list(unet.down_blocks), unet.mid_block, list(unet.up_blocks)


def attention_locations(unet: UNet2DConditionModel) -> dict[str, int]:
    """Name -> width of each place with a spatial transformer, in the order of the forward pass."""
    places: dict[str, int] = {}
    down, mid, up = sides(unet)
    for side, blocks in (("down", down), ("mid", [mid]), ("up", up)):
        for i, block in enumerate(blocks):
            for j, transformer in enumerate(getattr(block, "attentions", [])):
                places[f"{side}_{i}_{j}"] = transformer.proj_out.weight.shape[0]
    return places


def block_locations(unet: UNet2DConditionModel) -> dict[str, int]:
    """Name -> width behind each residual block, in the order of the forward pass, attention there or not.

    The names are those of `attention_locations`; the middle block has its places behind its attentions only.
    """
    down, mid, up = sides(unet)
    places: dict[str, int] = {}
    for side, blocks in (("down", down), ("mid", [mid]), ("up", up)):
        for i, block in enumerate(blocks):
            resnets = block.resnets[1:] if side == "mid" else block.resnets
            for j, resnet in enumerate(resnets):
                places[f"{side}_{i}_{j}"] = resnet.out_channels
    return places


def walk(unet: UNet2DConditionModel, x_NCHW: Tensor, temb_ND: Tensor, attend: Attend) -> Tensor:
    """The UNet from its first convolution to its last block.

    `attend` runs at every place of `block_locations`; it is given None where the place has no attention.
    """
    x = unet.conv_in(x_NCHW)
    skips = [x]
    down, mid, up = sides(unet)
    for i, block in enumerate(down):
        for j, resnet in enumerate(block.resnets):
            x = resnet(x, temb_ND)
            x = attend(f"down_{i}_{j}", attention_of(block, j), x)
            skips.append(x)
        for downsample in block.downsamplers or []:
            x = downsample(x)
            skips.append(x)
    x = mid.resnets[0](x, temb_ND)
    for j, (transformer, resnet) in enumerate(zip(mid.attentions, mid.resnets[1:], strict=True)):
        x = resnet(attend(f"mid_0_{j}", transformer, x), temb_ND)
    for i, block in enumerate(up):
        for j, resnet in enumerate(block.resnets):
            x = resnet(torch.cat([x, skips.pop()], 1), temb_ND)
            x = attend(f"up_{i}_{j}", attention_of(block, j), x)
        for upsample in block.upsamplers or []:
            x = upsample(x)
    return x


def attention_of(block: Any, number: int) -> Transformer2DModel | None:
    """The spatial transformer behind a residual block, or None in a block without any."""
    return block.attentions[number] if hasattr(block, "attentions") else None


def predict(unet: UNet2DConditionModel, x_NCHW: Tensor) -> Tensor:
    """What the UNet makes of the output of its last block."""
    norm, activation = cast(nn.Module, unet.conv_norm_out), cast(nn.Module, unet.conv_act)
    return unet.conv_out(activation(norm(x_NCHW)))


def time_embedding(unet: UNet2DConditionModel, timestep_N: Tensor) -> Tensor:
    """The UNet's embedding of timesteps (N,)."""
    return unet.time_embedding(unet.time_proj(timestep_N).to(unet.conv_in.weight.dtype))


def without_weight(module: ModuleT) -> ModuleT:
    """Set weight and bias to zero: a path that starts as if it were not there."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
