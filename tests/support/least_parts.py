"""The least that each role asks for, written from `lightning_modules/interfaces.py` and from nothing else."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.batch import Sample, collate
from lightning_modules.interfaces import (
    Conditions,
    Denoiser,
    EmotionEncoder,
    EmotionFeatures,
    EmotionPass,
    ExpertAnswer,
    ExpertMixture,
    Hints,
    LatentCodec,
    LatentGenerator,
    Portrait,
    ReferenceNetwork,
    Sizes,
    SpeechFeatures,
)

SIDE = 16  # pixels; two latent cells


class LeastCodec(LatentCodec):
    """Means over squares of pixels."""

    channels, factor = 3, 8

    def encode(self, image_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        return nn.functional.avg_pool2d(image_BCHW, self.factor)

    def decode(self, z_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        return nn.functional.interpolate(z_BCHW, scale_factor=self.factor)


class LeastSpeech(SpeechFeatures):
    """How loud each frame is."""

    width, tokens = 1, 1

    def forward(self, waveform_BS: Tensor) -> Tensor:
        return waveform_BS.unflatten(1, (-1, 640)).square().mean(-1)[..., None, None]


class LeastEncoder(EmotionEncoder):
    """A blend as one token."""

    modality, width, tokens = "label", 5, 1

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, self.width)

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        assert isinstance(cue, Tensor)
        return self.layer(cue)[:, :, None]


class LeastLatents(LatentGenerator):
    """The sum of all tokens that are there."""

    width = 5

    def __init__(self) -> None:
        super().__init__()
        self.null = nn.Parameter(torch.zeros(1, self.width))

    def forward(self, features: EmotionFeatures, batch_size: int) -> Tensor:
        latent = self.null.expand(batch_size, 1, -1, -1)
        for modality, tokens_BFTD in features.tokens.items():
            present = features.present[modality].view(-1, 1, 1, 1)
            latent = torch.where(present, tokens_BFTD, latent)
        return latent


class LeastMixture(ExpertMixture):
    """Two experts that add a colour; it learns its sizes from the others."""

    def connect(self, sizes: Sizes) -> None:
        self.experts = nn.ModuleDict(
            {name: nn.Linear(sizes.emotion_width, 2 * width) for name, width in sizes.locations.items()}
        )

    def forward(self, location: str, x_BFTD: Tensor, latent_BFLD: Tensor, hints: Hints) -> ExpertAnswer:
        learned_BFE = latent_BFLD.mean(2)[..., :2].softmax(-1)
        gate_BFE = learned_BFE if hints.palette is None else hints.palette[..., :2]
        answer = self.experts[location](latent_BFLD.mean(2)).unflatten(-1, (2, -1))
        added = (gate_BFE[..., None] * answer).sum(-2)
        return ExpertAnswer(added[:, :, None].expand_as(x_BFTD), gate_BFE, learned_BFE)


class LeastReference(ReferenceNetwork):
    """The portrait's cells themselves."""

    def forward(self, reference_BCHW: Tensor) -> dict[str, Tensor]:
        return {"only": reference_BCHW.flatten(2).transpose(1, 2)}


class LeastDenoiser(Denoiser):
    """One layer on each cell."""

    locations, concat_reference = {"only": 3}, False

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 + 3 + 1, 3)

    def forward(
        self,
        z_BFCHW: Tensor,
        timestep_BF: Tensor,
        conditions: Conditions,
        emotion: EmotionPass | None = None,
    ) -> Tensor:
        assert conditions.speech is not None
        x_BFTD = z_BFCHW.flatten(3).transpose(2, 3)
        portrait = conditions.reference["only"][:, None].expand_as(x_BFTD)
        level = (timestep_BF / 1000)[..., None, None].expand_as(x_BFTD[..., :1])
        x_BFTD = self.layer(torch.cat([x_BFTD, portrait, level + conditions.speech], -1))
        if emotion is not None:
            x_BFTD = x_BFTD + emotion.added("only", x_BFTD)
        return x_BFTD.transpose(2, 3).unflatten(3, z_BFCHW.shape[-2:])


def clip(number: int, frames: int = 6) -> Sample:
    """A made-up clip of noise, decided by its number."""
    g = torch.Generator().manual_seed(number)
    return {
        "key": str(number),
        "corpus": "least",
        "identity": str(number),
        "frames": torch.randint(0, 256, (frames, 3, SIDE, SIDE), dtype=torch.uint8, generator=g),
        "reference": torch.randint(0, 256, (3, SIDE, SIDE), dtype=torch.uint8, generator=g),
        "waveform": 0.1 * torch.randn(frames * 640, generator=g),
        "blend": torch.tensor([0.0, 0, 0.7, 0, 0, 0]),
    }


class LeastData(L.LightningDataModule):
    """A few clips in memory."""

    def train_dataloader(self) -> DataLoader:
        return DataLoader([clip(number) for number in range(4)], batch_size=2, collate_fn=collate)  # type: ignore[arg-type]
