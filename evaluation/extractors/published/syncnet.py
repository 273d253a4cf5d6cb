"""SyncNet v2, which lip synchronisation is scored with. N window, F frame, S sample, C channel.

Chung & Zisserman 2016; layers, names of tensors and input rules were read in joonson/syncnet_python (MIT):
windows of five frames, one frame apart, BGR 0..255 without normalisation; of the sound the twenty rows of
coefficients that lie beside them; one window fewer than fit.
"""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.shapes import check_features, check_frames
from evaluation.extractors.weights import load_published
from evaluation.runtime.exactness import exact
from evaluation.signals.mfcc import mfcc

SIZE, WIDTH = 224, 1024
FRAMES, ROWS, ROWS_A_FRAME = 5, 20, 4  # at 25 frames and 100 rows a second
SAMPLES_A_FRAME = 640  # 16 kHz at 25 frames a second
BATCH = 20  # windows at a time, as the original has them
ADVICE = "run `moee weights fetch syncnet_v2`, or give joonson's syncnet_v2.model"


def sound_layers(inputs: int, outputs: int, kernel: tuple[int, int], padding: int = 1) -> list[nn.Module]:
    """Convolution over coefficients and rows, batch normalisation, rectifier."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def lip_layers(
    inputs: int, outputs: int, kernel: tuple[int, int, int], stride: int = 1, padding: int = 1
) -> list[nn.Module]:
    """Convolution over frames and places, normalisation, rectifier; stride and padding are of places."""
    convolution = nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), (0, padding, padding))
    return [convolution, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)]


def lip_pool(padding: int = 0) -> nn.Module:
    """3 x 3 maxima of each frame, two apart."""
    return nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, padding, padding))


def head() -> nn.Sequential:
    """512 channels to 1024 features."""
    return nn.Sequential(
        nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Linear(512, WIDTH)
    )


class SyncNet(nn.Module):
    """Features in which lips lie near their own speech; an `Extractor` of published weights."""

    name = "syncnet-v2"
    published = True
    provides = ("sync_video", "sync_audio")

    def __init__(self) -> None:
        super().__init__()
        self.fingerprint = ""
        self.settings = {"size": SIZE, "fps": 25, "sample_rate": 16_000, "batch_size": BATCH}
        self.netcnnaud = nn.Sequential(
            *sound_layers(1, 64, (3, 3)),
            nn.Identity(),  # a pool of 1 x 1 in the original: holds the place of its number
            *sound_layers(64, 192, (3, 3)),
            nn.MaxPool2d((3, 3), (1, 2)),
            *sound_layers(192, 384, (3, 3)),
            *sound_layers(384, 256, (3, 3)),
            *sound_layers(256, 256, (3, 3)),
            nn.MaxPool2d((3, 3), (2, 2)),
            *sound_layers(256, 512, (5, 4), padding=0),
        )
        self.netfcaud = head()
        self.netcnnlip = nn.Sequential(
            *lip_layers(3, 96, (FRAMES, 7, 7), stride=2, padding=0),
            lip_pool(),
            *lip_layers(96, 256, (1, 5, 5), stride=2),
            lip_pool(padding=1),
            *lip_layers(256, 256, (1, 3, 3)),
            *lip_layers(256, 256, (1, 3, 3)),
            *lip_layers(256, 256, (1, 3, 3)),
            lip_pool(),
            *lip_layers(256, 512, (1, 6, 6), padding=0),
        )
        self.netfclip = head()

    def lips(self, x_3FHW: Tensor) -> Tensor:
        """Features (F - 4, 1024) of consecutive frames (3, F, 224, 224), BGR 0..255.

        Only the first layer looks at more than one frame, so windows that overlap share its input.
        """
        return self.netfclip(self.netcnnlip(x_3FHW[None])[0, :, :, 0, 0].mT)

    def speech(self, x_N1KR: Tensor) -> Tensor:
        """Features (N, 1024) of windows of coefficients (N, 1, 13, 20)."""
        return self.netfcaud(self.netcnnaud(x_N1KR).flatten(1))

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`sync_video` (F - 5, 1024), float32, of uint8 RGB frames at 25 a second, cropped to the face.

        Another size than 224 x 224 is squashed to it.

        Raises:
            ValueError: for fewer than six frames.
        """
        check_frames(frames_F3HW, FRAMES + 1, self.name)
        windows = len(frames_F3HW) - FRAMES
        with exact(frames_F3HW.device):
            parts = []
            for start in range(0, windows, BATCH):
                count = min(BATCH, windows - start)
                chunk = frames_F3HW[start : start + count + FRAMES - 1].flip(1).float()
                if chunk.shape[-2:] != (SIZE, SIZE):
                    chunk = F.interpolate(chunk, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
                parts.append(self.lips(chunk.transpose(0, 1)))
        return {"sync_video": check_features(torch.cat(parts), (windows, WIDTH), self.name)}

    def measure_sound(self, sound_S: Tensor) -> dict[str, Tensor]:
        """`sync_audio` (S // 640 - 5, 1024), float32, of mono sound at 16 kHz in [-1, 1].

        Raises:
            ValueError: for a sound shorter than six frames of the video, or values that are not finite.
        """
        windows = sound_S.numel() // SAMPLES_A_FRAME - FRAMES
        if sound_S.ndim != 1 or windows < 1 or not torch.isfinite(sound_S).all():
            raise ValueError(
                f"{self.name} needs finite mono sound of at least {SAMPLES_A_FRAME * (FRAMES + 1)} samples "
                f"at 16 kHz, got {tuple(sound_S.shape)}: give a longer clip"
            )
        weights = next(self.netfcaud.parameters())
        with exact(weights.device):
            samples = (sound_S.double() * 2**15).round().clamp(-(2**15), 2**15 - 1)  # as in a 16-bit file
            coefficients_KR = mfcc(samples).to(weights).mT
            views = coefficients_KR.unfold(1, ROWS, ROWS_A_FRAME).transpose(0, 1)[:windows, None]
            features = torch.cat([self.speech(chunk) for chunk in views.split(BATCH)])
        return {"sync_audio": check_features(features, (windows, WIDTH), self.name)}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint.

        Args:
            path: the original's state dict, `syncnet_v2.model`, or the same as safetensors.
        """
        network = cls()
        network.fingerprint = load_published(network, path, ADVICE)
        return network.eval().requires_grad_(False)
