"""What an encoder checks of the cue that it is given. B clip, F frame."""

from torch import Tensor

from datamodules.batch import EMOTIONS, REGIONS


def expect_vectors(cue: Tensor | list[str], size: int, modality: str) -> Tensor:
    """The cue itself, or a `ValueError`: floats (B, F or 1, size)."""
    if not isinstance(cue, Tensor) or cue.ndim != 3 or cue.shape[-1] != size:
        given = f"shape {tuple(cue.shape)}" if isinstance(cue, Tensor) else type(cue).__name__
        raise ValueError(f"{modality}: expected a tensor (B, F or 1, {size}), got {given}")
    return cue


def expect_blends(cue: Tensor | list[str]) -> Tensor:
    """The cue itself, or a `ValueError`: blends (B, F or 1, E), or two by region (B, F or 1, 2, E)."""
    if not isinstance(cue, Tensor) or cue.ndim != 4:
        return expect_vectors(cue, len(EMOTIONS), "label")
    if cue.shape[-2:] != (len(REGIONS), len(EMOTIONS)):
        raise ValueError(
            f"label: expected a tensor (B, F or 1, {len(EMOTIONS)}), or (B, F or 1, {len(REGIONS)}, "
            f"{len(EMOTIONS)}) by region, got shape {tuple(cue.shape)}"
        )
    return cue
