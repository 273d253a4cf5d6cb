"""What an encoder checks of the cue that it is given. B clip, F frame."""

from torch import Tensor


def expect_vectors(cue: Tensor | list[str], size: int, modality: str) -> Tensor:
    """The cue itself, or a `ValueError`: floats (B, F or 1, size)."""
    if not isinstance(cue, Tensor) or cue.ndim != 3 or cue.shape[-1] != size:
        given = f"shape {tuple(cue.shape)}" if isinstance(cue, Tensor) else type(cue).__name__
        raise ValueError(f"{modality}: expected a tensor (B, F or 1, {size}), got {given}")
    return cue
