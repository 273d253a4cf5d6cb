"""The roles a talking head is composed of.

B clip, F frame, L latent token, T token, D width, E expert, C channel, H row, W column.

A part owns only `forward` and returns tensors; loss, optimizer, logging and freezing belong to the composed
module.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Protocol, runtime_checkable

import lightning as L
from torch import Tensor

from datamodules.batch import Sample


@dataclass
class EmotionCue:
    """What the user asks for, for one clip; any mix, or nothing at all (then the null latent speaks).

    Args:
        label: blend (F or 1, E), non-negative, sum at most 1.
        text: one description.
        speech: waveform (S,) mono 16 kHz whose tone of voice counts.
        action_units: (F or 1, A) in [0, 1].
        palette: (F or 1, E) expert weights of the user's own hand, for the gate modes `manual` and `blended`.
    """

    label: Tensor | None = None
    text: str | None = None
    speech: Tensor | None = None
    action_units: Tensor | None = None
    palette: Tensor | None = None


@dataclass
class EmotionFeatures:
    """Encoded cues of a batch: per modality the tokens, and for which clips they are meant.

    Args:
        tokens: modality -> (B, F or 1, T, width of that modality's encoder).
        present: modality -> (B,) bool.
    """

    tokens: dict[str, Tensor] = field(default_factory=dict)
    present: dict[str, Tensor] = field(default_factory=dict)


class EmotionEncoder(L.LightningModule, ABC):
    """One modality's cue to feature tokens.

    `width` is the size of a token; `modality` one of `MODALITIES`.
    """

    modality: str
    width: int

    @abstractmethod
    def forward(self, cue: Tensor | list[str]) -> Tensor:
        """Tokens (B, F or 1, T, width).

        The cue is a blend (B, F or 1, E) for `label`, B strings for `text`, waveforms (B, S) for `speech`,
        and intensities (B, F or 1, A) for `action_units`.
        """


class LatentGenerator(L.LightningModule, ABC):
    """Emotion-to-Latents (MoEE, section of that name): any mix of modalities to one emotion latent."""

    width: int

    @abstractmethod
    def forward(self, features: EmotionFeatures, batch_size: int) -> Tensor:
        """Emotion latent (B, F or 1, L, width); clips without any present cue get the learned null latent."""


class ExpertMixture(L.LightningModule, ABC):
    """All experts and gates of all locations; the UNet calls it by the location's name."""

    @property
    def uses_palette(self) -> bool:
        """Whether the global gate looks at a palette: then each clip's own blend is one, unless told."""
        return False

    @abstractmethod
    def forward(
        self, location: str, x_BFTD: Tensor, latent_BFLD: Tensor, palette_BFE: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What to add to the tokens (B, F, T, D), and the global gate (B, F or 1, E) that weighed it."""


class ReferenceNetwork(L.LightningModule, ABC):
    """The portrait to features for each attention location of the denoiser."""

    @abstractmethod
    def forward(self, reference_BCHW: Tensor) -> dict[str, Tensor]:
        """Location name -> tokens (B, T, D) of the clean reference latent (B, C, H, W)."""


class Denoiser(L.LightningModule, ABC):
    """The conditioned video UNet: noisy latents of a clip to the prediction of its parametrisation."""

    @abstractmethod
    def forward(
        self,
        z_BFCHW: Tensor,
        timestep_B: Tensor,
        reference: dict[str, Tensor],
        base_BFCHW: Tensor,
        speech_BFTD: Tensor,
        motion_BFM: Tensor | None,
        mixture: "EmotionPass | None" = None,
    ) -> Tensor:
        """Prediction (B, F, C, H, W); without `mixture` this is exactly the stage-1 network."""


@dataclass
class EmotionPass:
    """What the denoiser needs to call the mixture; `gates` collects its answers.

    With a `strength` other than 1 the experts' answer is pushed away from what they say to the `null` latent:
    guidance inside the network, at the cost of the experts alone and not of a second pass.
    """

    mixture: ExpertMixture
    latent: Tensor  # (B, F or 1, L, D)
    palette: Tensor | None = None  # (B, F or 1, E)
    null: Tensor | None = None  # (B, F or 1, L, D)
    strength: float = 1.0
    gates: dict[str, Tensor] = field(default_factory=dict)

    def added(self, location: str, x_BFTD: Tensor) -> Tensor:
        """What the experts add to the tokens (B, F, T, D) of a location."""
        added, self.gates[location] = self.mixture(location, x_BFTD, self.latent, self.palette)
        if self.strength == 1 or self.null is None:
            return added
        nothing, _ = self.mixture(location, x_BFTD, self.null, self.palette)
        return nothing + self.strength * (added - nothing)


class SpeechFeatures(L.LightningModule, ABC):
    """Sound to speech tokens per video frame. `width` is the size of a token."""

    width: int

    @abstractmethod
    def forward(self, waveform_BS: Tensor) -> Tensor:
        """Tokens (B, F, T, width) from (B, F * 640) samples at 16 kHz."""


class LatentCodec(L.LightningModule, ABC):
    """Pictures to latents and back. `channels` and `factor` (pixels per latent cell) describe the latent."""

    channels: int
    factor: int

    @abstractmethod
    def encode(self, image_BCHW: Tensor) -> Tensor:
        """Scaled latent (B, channels, H / factor, W / factor) of RGB in [-1, 1]."""

    @abstractmethod
    def decode(self, z_BCHW: Tensor) -> Tensor:
        """RGB in [-1, 1], not clamped."""


def given(cue: EmotionCue) -> list[str]:
    """Names of the fields of a cue that are set."""
    return [f.name for f in fields(cue) if getattr(cue, f.name) is not None]


@runtime_checkable
class KeepsAhead(Protocol):
    """A data module that can keep what frozen parts make of its clips: training need not make it again."""

    def keep_ahead(self, name: str, function: Callable[[Sample], Tensor], version: str) -> None:
        """Keep `function(clip)` as field `name` of every clip; `version` names the weights it came from."""
