"""What networks are given and what they give has the shape it should have. F frame, N sample, D width."""

import torch
from torch import Tensor


def check_frames(frames_F3HW: Tensor, least: int, what: str) -> None:
    """Frames as every extractor takes them.

    Raises:
        ValueError: for anything but uint8 (F, 3, H, W) with at least `least` frames.
    """
    shape = tuple(frames_F3HW.shape)
    if frames_F3HW.dtype != torch.uint8 or len(shape) != 4 or shape[1] != 3 or 0 in shape[2:]:
        raise ValueError(f"{what}: expected uint8 RGB (F, 3, H, W), got {frames_F3HW.dtype} {shape}")
    if shape[0] < least:
        raise ValueError(f"{what} needs at least {least} frames, got {shape[0]}: give a longer clip")


def check_features(features_ND: Tensor, shape: tuple[int, int], what: str) -> Tensor:
    """The features, if they have their shape.

    A set that lost an axis has a small, plausible distance to anything.

    Raises:
        ValueError: otherwise.
    """
    if tuple(features_ND.shape) != shape:
        raise ValueError(f"{what}: expected features {shape}, got {tuple(features_ND.shape)}")
    return features_ND
