"""What frozen parts make of a clip, kept beside it, so that training does not make it again at each step.

B clip, F frame, C channel, h row and w column of a latent, T token, D width.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from datamodules.batch import Sample, collate
from lightning_modules.interfaces import Composed, LatentCodec
from lightning_modules.stages import is_frozen
from lightning_modules.video import clip_latents

Encode = Callable[[Sample], Tensor]
# Modality -> field of the batch. A text is not among them: each window words its emotion anew.
CUE_TOKENS = {"speech": "voice_tokens"}


@runtime_checkable
class KeepsAhead(Protocol):
    """A data module that can keep what frozen parts make of its clips: training need not make it again."""

    def keep_ahead(self, name: str, function: Encode, version: str) -> None:
        """Keep `function(clip)` as field `name` of every clip; `version` names the weights it came from."""


def fingerprint(*parts: nn.Module) -> str:
    """Eight hexadecimal digits of the weights of one or more parts."""
    digest = hashlib.sha256()
    for part in parts:
        for name, tensor in sorted(part.state_dict().items()):
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def encoders(model: Composed) -> dict[str, tuple[Encode, str]]:
    """Field of the batch -> how a clip's is made and by which weights, for all that is frozen in a model."""
    codec, speech, net = model.codec, model.speech_features, model.reference_net
    fields: dict[str, tuple[Encode, str]] = {
        "latent": (partial(_frames, codec), fingerprint(codec)),
        "reference_latent": (partial(_portrait, codec), fingerprint(codec)),
        "speech_tokens": (lambda clip: speech(clip["waveform"][None])[0], fingerprint(speech)),
    }
    if is_frozen(net):
        fields["reference_tokens"] = (
            lambda clip: pack(net(_portrait(codec, clip)[None])),
            fingerprint(codec, net),
        )
    for modality, name in CUE_TOKENS.items():
        if modality in model.trained_modalities:
            encoder = model.emotion_encoders[modality]
            fields[name] = (partial(_voice_tokens, encoder), fingerprint(encoder))
    return fields


def _frames(codec: LatentCodec, clip: Sample) -> Tensor:
    """Latents (F, C, h, w) of a clip's frames."""
    return clip_latents.frames(codec, collate([clip]))[0]


def _portrait(codec: LatentCodec, clip: Sample) -> Tensor:
    """Latent (C, h, w) of a clip's portrait, or what the denoiser is told of it."""
    return clip_latents.portraits(codec, collate([clip]))[0]


def _voice_tokens(encoder: nn.Module, clip: Sample) -> Tensor:
    """Emotion tokens (1, T, D) of a clip's voice, or of its own sound where it has no other."""
    return encoder(clip.get("voice", clip["waveform"])[None])[0]


def keep(model: Composed, data: KeepsAhead, first: bool, barrier: Callable[[], object]) -> None:
    """Have a data module keep everything that `encoders` names; the first process makes it, the others wait.

    Args:
        model: whose frozen parts encode; in training mode afterwards.
        data: keeps it.
        first: this is the process that makes what is missing.
        barrier: waits for all processes.
    """
    model.train(False)
    with torch.no_grad():
        for name, (encode, version) in encoders(model).items():
            if first:
                data.keep_ahead(name, encode, version)
            barrier()
            data.keep_ahead(name, encode, version)
    model.train()


def pack(tokens: dict[str, Tensor]) -> Tensor:
    """A clip's reference tokens, location -> (1, T, D), in one row."""
    return torch.cat([x.flatten() for x in tokens.values()])


def unpack(row_BN: Tensor, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of `pack` for a batch; `like` gives the locations and shapes (1, T, D)."""
    parts = row_BN.split([x.numel() for x in like.values()], 1)
    return {name: part.unflatten(1, x.shape[1:]) for (name, x), part in zip(like.items(), parts, strict=True)}
