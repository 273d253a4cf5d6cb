"""Why a clip could not be evaluated: words that are the same in every folder and on every machine.

They lie in the rows of a result, which is published and which its digest covers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def reason(error: Exception, path: Path | None = None) -> str:
    """What an error says, as one line in which files have names and no folders.

    Args:
        error: of a clip.
        path: of the file it is about; an `OSError` tells its own.
    """
    text = str(error)
    if isinstance(error, OSError) and error.filename and error.strerror:
        text = f"{Path(str(error.filename)).name}: {error.strerror}"
    if path is not None:
        for place in (path.resolve(), path.absolute(), path):
            text = text.replace(str(place), path.name)
    return " ".join(text.split()) or type(error).__name__


@contextmanager
def about_file(path: Path) -> Iterator[None]:
    """What goes wrong inside becomes a `ValueError` that calls the file by its name alone."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ValueError(reason(error, path)) from None
