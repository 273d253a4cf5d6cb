"""The roles a talking head is composed of: everything that is asked of a part is declared here.

B clip, F frame, L latent token, T token, D width, E expert, C channel, H row, W column, M motion value,
P value of a place, I identity token.

A part owns only `forward` and returns tensors; loss, optimizer, logging and freezing belong to the composed
module.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import lightning as L
import torch
from torch import Tensor, nn

from lightning_modules.diffusion.objective import Noise


@dataclass
class EmotionCue:
    """What the user asks for, for one clip; any mix, or nothing at all (then the null latent speaks).

    Args:
        label: blend (F or 1, E), non-negative, sum at most 1; or (F or 1, 2, E), one for the upper face and
            one for the lower.
        text: one description.
        speech: waveform (S,) mono 16 kHz whose tone of voice counts.
        action_units: (F or 1, A) in [0, 1].
        palette: (F or 1, E) expert weights of the user's own hand, in place of the learnt global gate; mode
            `blended` mixes the two.
    """

    label: Tensor | None = None
    text: str | None = None
    speech: Tensor | None = None
    action_units: Tensor | None = None
    palette: Tensor | None = None


def given(cue: EmotionCue) -> list[str]:
    """Names of the fields of a cue that are set."""
    return [f.name for f in fields(cue) if getattr(cue, f.name) is not None]


@dataclass
class EmotionFeatures:
    """Encoded cues of a batch: per modality the tokens, and for which clips they are meant.

    Args:
        tokens: modality -> (B, F or 1, T, width of that modality's encoder).
        present: modality -> (B,) bool.
    """

    tokens: dict[str, Tensor] = field(default_factory=dict)
    present: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Conditions:
    """What a denoiser is told of a clip beside its noisy latents; what a model does not use is None.

    Args:
        reference: attention location -> tokens (B, T, D) of the portrait; no tokens, plain self-attention.
        past: attention location -> tokens (B, F, T, D) of frames before the clip.
        portrait: latent (B, F or 1, C, H, W) of the portrait, one for all frames or moved with the head.
        speech: tokens (B, F, T, D); zeros mean no speech.
        head_motion: (B, F, M) in the order of `HEAD_MOTION`.
        places: where in this face each latent cell lies, (B or 1, F or 1, P, H, W).
        identity: tokens (B, I, D) of who is in the portrait.
        face: where the face is in the picture, (B, F or 1, 1, H, W) in [0, 1].
        masks: name of a region, such as `lips` -> (B, F or 1, 1, H, W) in [0, 1].
    """

    reference: dict[str, Tensor] = field(default_factory=dict)
    past: dict[str, Tensor] | None = None
    portrait: Tensor | None = None
    speech: Tensor | None = None
    head_motion: Tensor | None = None
    places: Tensor | None = None
    identity: Tensor | None = None
    face: Tensor | None = None
    masks: dict[str, Tensor] | None = None

    def to(self, dtype: torch.dtype) -> "Conditions":
        """A copy whose tensors are of a floating type."""
        return replace(self, **{f.name: _cast(getattr(self, f.name), dtype) for f in fields(self)})


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, dict):
        return {name: tensor.to(dtype) for name, tensor in value.items()}
    return None if value is None else value.to(dtype)


@dataclass(frozen=True)
class Sizes:
    """What parts need to know of each other. A talking head reads it off them, so that nobody types it twice.

    Args:
        latent_channels: `channels` of the codec.
        speech_width: `width` of the speech features.
        speech_tokens: `tokens` of the speech features.
        emotion_widths: modality -> `width` of its encoder.
        emotion_width: `width` of the latent generator.
        locations: `locations` of the denoiser.
    """

    latent_channels: int
    speech_width: int
    speech_tokens: int
    emotion_widths: dict[str, int]
    emotion_width: int
    locations: dict[str, int]


class ConnectedPart(L.LightningModule):
    """A part that may want to know the sizes of the others before it can make its layers."""

    def connect(self, sizes: Sizes) -> None:
        """Take the sizes of the other parts: called once, by the composed module's constructor.

        A part that is constructed with all it needs does nothing here.

        Raises:
            ValueError: if a size that the part was constructed with is another: one line naming both.
        """

    def derived_arguments(self) -> dict[str, Any]:
        """Constructor arguments that `connect` filled in: an export writes them, so the part builds alone."""
        return {}


class EmotionEncoder(L.LightningModule, ABC):
    """One modality's cue to feature tokens.

    Attributes:
        modality: one of `MODALITIES`.
        width: of a token.
        tokens: T, tokens a frame or a clip.
        regional: an encoder of labels that tells blends of the upper and the lower face apart; one that does
            not takes their mean in training, and `animate` refuses to ask it for two.
    """

    modality: str
    width: int
    tokens: int
    regional: bool = False

    @abstractmethod
    def forward(self, cue: Tensor | list[str]) -> Tensor:
        """Tokens (B, F or 1, T, width).

        The cue is a blend (B, F or 1, E), or two by region (B, F or 1, 2, E), for `label`, B strings for
        `text`, waveforms (B, S) for `speech`, and intensities (B, F or 1, A) for `action_units`.
        """


class LatentGenerator(ConnectedPart, ABC):
    """Emotion-to-Latents (MoEE, section of that name): any mix of modalities to one emotion latent.

    Attributes:
        width: of a token of the latent.
    """

    width: int

    @abstractmethod
    def forward(self, features: EmotionFeatures, batch_size: int) -> Tensor:
        """Emotion latent (B, F or 1, L, width); clips without any present cue get the learned null latent."""


@dataclass
class Hints:
    """What a mixture may be told beside the latent; None is not told.

    Args:
        palette: weights of the experts (B, F or 1, E) to use in place of, or beside, the learnt global gate.
        told: clips (B,) bool that the palette is meant for; all if None.
        places: where in the face each token lies (B, F or 1, T, P).
    """

    palette: Tensor | None = None
    told: Tensor | None = None
    places: Tensor | None = None


@dataclass
class ExpertAnswer:
    """What a mixture says at one location.

    Args:
        added: to be added to the tokens, (B, F, T, D).
        weight: the global gate that weighed the experts, (B, F or 1, E).
        learned: what the global gate says by itself, whatever it was told; training compares it to the blend.
    """

    added: Tensor
    weight: Tensor
    learned: Tensor


class ExpertMixture(ConnectedPart, ABC):
    """All experts and gates of all locations; the UNet calls it by the location's name."""

    @property
    def uses_palette(self) -> bool:
        """Whether the global gate looks at a palette: then each clip's own blend is one, unless told."""
        return False

    @abstractmethod
    def forward(self, location: str, x_BFTD: Tensor, latent_BFLD: Tensor, hints: Hints) -> ExpertAnswer:
        """What the experts make of the tokens (B, F, T, D) of a location and the latent (B, F or 1, L, D)."""


@dataclass
class EmotionPass:
    """What the denoiser needs to call the mixture; `gates` collects what the learnt gates say.

    With a `strength` other than 1 the experts' answer is pushed away from what they say to the `null` latent
    by their own choice: guidance inside the network, at the cost of the experts alone and not of a second
    pass.
    """

    mixture: ExpertMixture
    latent: Tensor  # (B, F or 1, L, D)
    palette: Tensor | None = None  # (B, F or 1, E)
    null: Tensor | None = None  # (B, F or 1, L, D)
    strength: float = 1.0
    told: Tensor | None = None  # (B,) bool, clips that the palette is meant for; all if None
    gates: dict[str, Tensor] = field(default_factory=dict)

    def added(self, location: str, x_BFTD: Tensor, places_BFTP: Tensor | None = None) -> Tensor:
        """What the experts add to the tokens (B, F, T, D) of a location that lie at `places`."""
        hints = Hints(self.palette, self.told, places_BFTP)
        answer = self.mixture(location, x_BFTD, self.latent, hints)
        self.gates[location] = answer.learned
        if self.strength == 1 or self.null is None:
            return answer.added
        nothing = self.mixture(location, x_BFTD, self.null, Hints(places=places_BFTP)).added
        return nothing + self.strength * (answer.added - nothing)


class ReferenceNetwork(ConnectedPart, ABC):
    """The portrait to features for each attention location of the denoiser."""

    @abstractmethod
    def forward(self, reference_BCHW: Tensor) -> dict[str, Tensor]:
        """Location name -> tokens (B, T, D) of the clean reference latent (B, C, H, W)."""


class Denoiser(ConnectedPart, ABC):
    """The conditioned video UNet: noisy latents of a clip to the prediction of its parametrisation.

    Attributes:
        locations: name -> token width of each place where it calls the experts; known before `connect`.
        concat_reference: it reads the portrait's latent beside the noisy one: clips are then predicted as
            their difference to the portrait.
    """

    locations: dict[str, int]
    concat_reference: bool

    @abstractmethod
    def forward(
        self,
        z_BFCHW: Tensor,
        timestep_BF: Tensor,
        conditions: Conditions,
        emotion: EmotionPass | None = None,
    ) -> Tensor:
        """Prediction (B, F, C, H, W).

        Args:
            z_BFCHW: noisy latents; motion frames are clean and have timestep 0.
            timestep_BF: timestep of each frame.
            conditions: what is known of the clip.
            emotion: the experts and what they are told; without it this is exactly the stage-1 network.
        """


class SpeechFeatures(L.LightningModule, ABC):
    """Sound to speech tokens per video frame.

    Attributes:
        width: of a token.
        tokens: T, tokens a frame.
    """

    width: int
    tokens: int

    @abstractmethod
    def forward(self, waveform_BS: Tensor) -> Tensor:
        """Tokens (B, F, T, width) from (B, F * 640) samples at 16 kHz."""


@dataclass
class Portrait:
    """What codecs are told of a portrait whose face was found; tensors of B or of one person.

    Args:
        points: the 478 points (B, K, 2) in pixels of the picture.
        flat: the face laid out flat (B, 3, A, A) in [-1, 1], see `datamodules.face_space`.
        fill: its colours around each place (B, 3, A, A), for what the portrait does not show.
        moved: where the points lie in the frames that are encoded (N, K, 2).
    """

    points: Tensor
    flat: Tensor
    fill: Tensor
    moved: Tensor | None = None

    def repeated(self, frames: int) -> "Portrait":
        """The same for each of so many frames a person."""
        return Portrait(*(x.repeat_interleave(frames, 0) for x in (self.points, self.flat, self.fill)))


class LatentCodec(L.LightningModule, ABC):
    """Pictures to latents and back.

    Attributes:
        channels: of the latent.
        factor: pixels per latent cell and side.
        relative: a latent tells a frame against its portrait: the codec is told the portrait, and pictures
            are faces laid out flat.
    """

    channels: int
    factor: int
    relative: bool = False

    @abstractmethod
    def encode(self, image_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """Scaled latent (B, channels, H / factor, W / factor) of RGB in [-1, 1]."""

    @abstractmethod
    def decode(self, z_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """RGB in [-1, 1], not clamped."""


class Composed(Protocol):
    """What `generation` and `frozen_features` ask of a composed talking head."""

    codec: LatentCodec
    speech_features: SpeechFeatures
    emotion_encoders: nn.ModuleDict  # modality -> EmotionEncoder
    latent_generator: LatentGenerator
    mixture: ExpertMixture
    reference_net: ReferenceNetwork
    denoiser: Denoiser
    alphas: Tensor  # cumulative alphas of all timesteps
    size: int  # side of the pictures
    chunk: int  # new frames of a clip
    motion_frames: int  # frames that a clip takes over from the one before
    speech_past: int  # frames of sound before a clip that are heard with it
    speech_future: int  # and after it
    follow_head: bool  # the portrait is moved with the head before it is encoded
    latent_gain: float  # what the diffusion works on is multiplied by it
    detail: float  # softness of the portrait detail that is given back, 0 for none
    noise: Noise

    @property
    def trained_modalities(self) -> list[str]:
        """Cues that its stage of training uses."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def train(self, mode: bool = True) -> Any:
        """Training mode on or off."""
        ...

    def encode_pictures(self, image_N3HW: Tensor) -> Tensor:
        """Latents (N, C, h, w) of uint8 pictures."""
        ...

    def base(self, picture_B3HW: Tensor, portrait_BCHW: Tensor, motion_BFM: Tensor | None) -> Tensor:
        """Latents (B, F or 1, C, h, w) of the portrait as the denoiser has them."""
        ...

    def from_residual(self, x_BFCHW: Tensor, base_BFCHW: Tensor) -> Tensor:
        """What the diffusion works on, to latents of pictures."""
        ...

    def emotion_features(
        self, cues: dict[str, Tensor | list[str]], present: dict[str, Tensor]
    ) -> EmotionFeatures:
        """The cues of a batch, encoded."""
        ...
