"""Latents of a batch's pictures, whether its codec tells them by themselves or against their portraits.

B clip, F frame, C channel, h row and w column of a latent.
"""

from typing import cast

from torch import Tensor

from datamodules.batch import TalkingHeadBatch
from lightning_modules.interfaces import Composed, LatentCodec, Portrait
from lightning_modules.video.portrait_codec import PortraitCodec, flat_portrait


def in_range(picture: Tensor) -> Tensor:
    """Pictures of bytes in [-1, 1]."""
    return picture.float() / 127.5 - 1


def tells_differences(model: Composed) -> bool:
    """Whether latents are told as their difference to the portrait's; relative ones are that already."""
    return model.denoiser.concat_reference and not model.codec.relative


def batch_portrait(codec: LatentCodec, batch: TalkingHeadBatch) -> Portrait | None:
    """The portraits (B) of a batch, for a codec that wants to be told them.

    Raises:
        ValueError: for clips whose faces are not laid out flat.
    """
    if not codec.relative:
        return None
    if "reference_points" not in batch:
        raise ValueError(
            f"{type(codec).__name__} works on faces laid out flat: take clips that have their points "
            "(data.init_args.train.world: head)"
        )
    return flat_portrait(in_range(batch["reference"]), batch["reference_points"])


def frame_points(batch: TalkingHeadBatch) -> Tensor:
    """Points (B * F, K, 2) of the frames of clips that have them."""
    assert "points" in batch
    return batch["points"].flatten(0, 1)


def portraits(codec: LatentCodec, batch: TalkingHeadBatch) -> Tensor:
    """Latents (B, C, h, w) of the portraits, or what is told of them."""
    portrait = batch_portrait(codec, batch)
    if portrait is not None:
        return cast(PortraitCodec, codec).describe(portrait)
    return codec.encode(in_range(batch["reference"]).to(codec.dtype))


def frames(codec: LatentCodec, batch: TalkingHeadBatch) -> Tensor:
    """Latents (B, F, C, h, w) of the frames."""
    pictures = batch["frames"]
    flat, count = in_range(pictures.flatten(0, 1)).to(codec.dtype), pictures.shape[:2]
    portrait = batch_portrait(codec, batch)
    if portrait is not None:
        portrait = portrait.repeated(count[1])
        portrait.moved = frame_points(batch)
    return codec.encode(flat, portrait).unflatten(0, count)


def both(codec: LatentCodec, batch: TalkingHeadBatch) -> tuple[Tensor, Tensor]:
    """Latents of the frames, and of the portraits."""
    return frames(codec, batch), portraits(codec, batch)
