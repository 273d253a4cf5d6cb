"""The ViT-giant of VideoMAE v2 that content-debiased FVD rests on. N video, C channel, F frame, V window.

S token, D width, M heads, H row, W column.

Wang et al. (CVPR 2023), pretrained without labels and fine-tuned on Something-Something v2; Ge et al. (CVPR
2024) found that distances on its features answer to motion where I3D's answer to single frames. Names of the
tensors, epsilons and preparation are those of `vit_g_hybrid_pt_1200e_ssv2_ft.pth` as cd-fvd (MIT) reads it.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.shapes import check_features, check_frames
from evaluation.extractors.weights import load_published
from evaluation.runtime.exactness import exact

SIZE, WINDOW = 224, 16  # pixels and frames of a video
PATCH, TUBELET = 14, 2  # pixels and frames of a token
EPSILON = 1e-6
WITHIN = ("model", "module")  # where files of VideoMAE v2 may keep their tensors
ADVICE = "get vit_g_hybrid_pt_1200e_ssv2_ft.pth as `moee weights list` says"


@dataclass(frozen=True)
class Widths:
    """Sizes of a network; the number of heads is the one that its file does not tell."""

    tokens: int
    hidden: int
    blocks: int
    heads: int
    classes: int


GIANT = Widths(tokens=1408, hidden=6144, blocks=40, heads=16, classes=174)


def preprocess(frames_F3HW: Tensor) -> Tensor:
    """8-bit RGB of any size to float32 (3, F, 224, 224) in [0, 1], bilinear without antialiasing.

    The aspect ratio is given up and no mean is taken off, both as in cd-fvd; the network was trained with
    ImageNet's mean and deviation, but the distances in print are of features without them.

    Args:
        frames_F3HW: uint8.
    """
    size = (SIZE, SIZE)
    x = F.interpolate(frames_F3HW.float() / 255, size=size, mode="bilinear", align_corners=False)
    return x.transpose(0, 1)


@lru_cache(maxsize=2)
def places(count: int, width: int) -> Tensor:
    """Sines and cosines (S, D) of the tokens' numbers, in turn (Vaswani et al. 2017, 3.5); float32.

    Frames come before rows and rows before columns, but a token's number is all it is told.
    """
    rates = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(count, dtype=torch.float64)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()


class Patches(nn.Module):
    """Blocks of 2 frames, 14 rows and 14 columns to tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        kernel = (TUBELET, PATCH, PATCH)
        self.proj = nn.Conv3d(3, width, kernel, stride=kernel)

    def forward(self, x_NCFHW: Tensor) -> Tensor:
        return self.proj(x_NCFHW).flatten(2).mT


class Attention(nn.Module):
    """Queries and values have a bias; keys have none."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_bias, self.v_bias = (nn.Parameter(torch.zeros(width)) for _ in range(2))
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)

    def forward(self, x_NSD: Tensor) -> Tensor:
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = F.linear(x_NSD, self.qkv.weight, bias).unflatten(-1, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed_NMSD = F.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed_NMSD.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two layers around a GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x_NSD: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x_NSD)))


class Block(nn.Module):
    """Attention and layers beside a skip, each after a norm (Dosovitskiy et al. 2021)."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(widths.tokens, eps=EPSILON) for _ in range(2))
        self.attn = Attention(widths.tokens, widths.heads)
        self.mlp = Mlp(widths.tokens, widths.hidden)

    def forward(self, x_NSD: Tensor) -> Tensor:
        x = x_NSD + self.attn(self.norm1(x_NSD))
        return x + self.mlp(self.norm2(x))


class VideoMae(nn.Module):
    """Features of windows of 16 frames; an `Extractor` of published weights.

    A window takes the giant 5.1 TFLOP.

    Args:
        widths: sizes; the published file is `GIANT`.
    """

    name, published = f"videomae2-giant-ssv2-squash-{WINDOW}", True
    provides = (f"videomae_squash_{WINDOW}",)

    def __init__(self, widths: Widths = GIANT) -> None:
        super().__init__()
        self.fingerprint = ""
        self.settings = {
            "crop": "squash",
            "range": "0 to 1",
            "window_frames": WINDOW,
            "hop_frames": WINDOW,
            "dtype": "float32",
        }
        self.patch_embed = Patches(widths.tokens)
        self.blocks = nn.ModuleList(Block(widths) for _ in range(widths.blocks))
        self.fc_norm = nn.LayerNorm(widths.tokens, eps=EPSILON)
        self.head = nn.Linear(widths.tokens, widths.classes)  # not asked here; the published file holds it

    def forward(self, x_NCFHW: Tensor) -> Tensor:
        """Features (N, D), the norm of the tokens' mean, of videos (N, 3, 16, 224, 224) in [0, 1]."""
        x = self.patch_embed(x_NCFHW)
        x = x + places(*x.shape[1:]).to(x.device)
        for block in self.blocks:
            x = block(x)
        return self.fc_norm(x.mean(1))

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`videomae_squash_16` (V, D), float32, of uint8 RGB frames; windows lie side by side.

        What is left at the end fills no window.

        Raises:
            ValueError: for fewer than 16 frames.
        """
        check_frames(frames_F3HW, WINDOW, self.name)
        windows = len(frames_F3HW) // WINDOW
        with exact(frames_F3HW.device):
            parts = [self(preprocess(part)[None]) for part in frames_F3HW[: windows * WINDOW].split(WINDOW)]
        width = self.fc_norm.normalized_shape[0]
        return {self.provides[0]: check_features(torch.cat(parts), (windows, width), self.name)}

    @classmethod
    def load(cls, path: Path, widths: Widths = GIANT) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint.

        Args:
            path: tensors with VideoMAE v2's names, alone or under `model` or `module`; half precision, which
                the published file has, is computed in float32.
            widths: sizes that the file must have.
        """
        with torch.device("meta"):  # a billion weights need no random start
            network = cls(widths)
        network.to_empty(device="cpu")
        network.fingerprint = load_published(network, path, ADVICE, within=WITHIN)
        return network.eval().requires_grad_(False)
