"""What finds faces: MediaPipe's network where its file is, or the one that ships.

Who prepares data or animates a portrait opens a finder by its file, and asks it for faces.
"""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from torch import Tensor

from datamodules.faces.crop import Face

OWN_SUFFIX = ".safetensors"
OWN, MEDIAPIPE = "face-finder", "face_landmarker"  # as provenance names them


class Finder(Protocol):
    """Finds the faces of a picture; a context manager."""

    def find(self, image_3HW: Tensor) -> list[Face]:
        """Faces of a uint8 RGB picture, the largest first; a face found twice counts once."""
        ...

    def close(self) -> None:
        """Ends it; it cannot be used afterwards."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_finder(model: Path | str) -> Finder:
    """The finder of a file: ours for `.safetensors`, MediaPipe's for its `.task`.

    Raises:
        FileNotFoundError: if the file is not there; says how to get it.
        ValueError: if it holds neither.
    """
    if Path(model).suffix == OWN_SUFFIX:
        from datamodules.faces.small_finder import SmallFaceFinder

        return SmallFaceFinder(model)
    from datamodules.faces.crop import FaceFinder

    return FaceFinder(model)


def finder_name(model: Path | str) -> str:
    """The name of a file's finder, as provenance has it."""
    return OWN if Path(model).suffix == OWN_SUFFIX else MEDIAPIPE
