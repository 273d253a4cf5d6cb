"""What is known of a true clip."""

from collections.abc import Mapping

from torch import Tensor


def truth_of(clip: Mapping[str, object], name: str) -> Tensor:
    """A field of a sample that its kind of clip has, such as `landmarks` of a synthetic one.

    Raises:
        ValueError: if this clip has not.
    """
    value = clip.get(name)
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} of the clip {clip.get('key')!r} is not known")
    return value
