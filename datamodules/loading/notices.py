"""What a data module has to say before its clips are used, and what it renders before the first step."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from datamodules.batch import LABELS
from datamodules.loading.shards import SampleRecord

Watch = Callable[[int, int], None]  # is told how much is done, and of how much


def unwatched(done: int, total: int) -> None:
    """The `Watch` of who wants to see nothing."""


@runtime_checkable
class SaysBeforehand(Protocol):
    """A data module with something to say to who trains on it."""

    def notices(self, devices: int) -> list[str]:
        """Lines about the clips as this many devices will see them; empty if all is as one expects."""
        ...


@runtime_checkable
class RendersClips(Protocol):
    """A data module that makes clips on disk once; what is there is not made again."""

    def render(self, watch: Watch = unwatched) -> None:
        """Make what is missing; `watch` is told clips done and clips missing.

        Raises:
            OSError: before the first clip, if the disk has no room for them.
        """
        ...


def labels_outside(samples: Iterable[SampleRecord]) -> dict[str, int]:
    """Labels that are no emotion of ours -> clips that carry them, the most frequent first."""
    counts = Counter(sample.label for sample in samples if sample.label and sample.label not in LABELS)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def about_labels(outside: dict[str, int]) -> list[str]:
    """One line about labels that are no emotion of ours; none if there are none."""
    if not outside:
        return []
    named = ", ".join(f"{label} ({count} clips)" for label, count in outside.items())
    known = ", ".join(LABELS)
    return [f"emotions that are none of ours: {named}; these clips train without a label; known are {known}"]
