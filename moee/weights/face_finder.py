"""Which file finds faces: MediaPipe's where it is known, otherwise the one that ships."""

from pathlib import Path

from moee.weights import registry

MEDIAPIPE, SHIPPED = "face_landmarker", "face-finder"


def finder_file(given: str | Path | None = None) -> Path:
    """The file that `datamodules.faces.finder.open_finder` opens, for everybody who cuts faces.

    Args:
        given: a file that the user names; None for the best that is here.

    Raises:
        FileNotFoundError: if the named file is not there.
        ValueError: if MediaPipe's file is not the registered one.
    """
    if given is not None:
        if not Path(given).is_file():
            raise FileNotFoundError(f"--detector {given}: no such file")
        return Path(given)
    try:
        return registry.find(MEDIAPIPE)
    except FileNotFoundError:
        return registry.find(SHIPPED)
