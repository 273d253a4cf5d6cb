"""Sizes are known once: a composed module reads them off its parts and tells those that want to know."""

from collections.abc import Mapping
from typing import TypeVar

from datamodules.batch import MODALITIES
from lightning_modules.interfaces import (
    ConnectedPart,
    Denoiser,
    EmotionEncoder,
    LatentCodec,
    LatentGenerator,
    Sizes,
    SpeechFeatures,
)

SizeT = TypeVar("SizeT")


def read_sizes(
    codec: LatentCodec,
    speech_features: SpeechFeatures,
    emotion_encoders: Mapping[str, EmotionEncoder],
    latent_generator: LatentGenerator,
    denoiser: Denoiser,
) -> Sizes:
    """The sizes that each part itself decides.

    Raises:
        ValueError: for an encoder under the name of no modality.
    """
    for modality in emotion_encoders:
        if modality not in MODALITIES:
            raise ValueError(
                f"emotion_encoders.{modality}: no such modality, known are {', '.join(MODALITIES)}"
            )
    return Sizes(
        latent_channels=codec.channels,
        speech_width=speech_features.width,
        speech_tokens=speech_features.tokens,
        emotion_widths={modality: encoder.width for modality, encoder in emotion_encoders.items()},
        emotion_width=latent_generator.width,
        locations=dict(denoiser.locations),
    )


def connect(sizes: Sizes, *parts: ConnectedPart) -> None:
    """Tell the parts, in this order: they draw their first weights in it."""
    for part in parts:
        part.connect(sizes)


def agreed(key: str, given: SizeT | None, source: str, size: SizeT) -> SizeT:
    """The size that `source` has, which a key that was given must not contradict.

    Raises:
        ValueError: one line naming both.
    """
    if given and given != size:
        raise ValueError(f"{key}={given}, but {source}={size}: leave {key} out, it follows by itself")
    return size
