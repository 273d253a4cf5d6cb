"""The cache of what networks see in videos: a second system does not measure the true clips again.

Found again by the pictures as the network got them, after the protocol's preparation, and by everything that
tells two networks apart; never by names, paths or times.
"""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from evaluation.extractors.interface import Extractor, Listener, describe
from evaluation.protocol import digest_of, tensors_digest
from evaluation.runtime.cache_files import LARGEST_FOLDER, CacheFolder
from evaluation.runtime.devices import Workplace

LAYOUT = 1  # raised whenever the same pictures and network could give other fields
FOLDER = "features"


class FeatureCache:
    """Measures, or gives what was measured before.

    Args:
        folder: of all caches; None for none.
        place: where networks look; devices round otherwise, so each has its own.
        most_bytes: see `CacheFolder`.
    """

    def __init__(
        self, folder: Path | None, place: Workplace | None = None, most_bytes: int = LARGEST_FOLDER
    ) -> None:
        self.place = Workplace() if place is None else place
        self.files = CacheFolder(None if folder is None else folder / FOLDER, most_bytes)

    def measure(self, extractor: Extractor, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """What `extractor.measure` gives."""
        return self._known(extractor, "frames", frames_F3HW, extractor.measure)

    def measure_sound(self, listener: Listener, sound_S: Tensor) -> dict[str, Tensor]:
        """What `listener.measure_sound` gives."""
        return self._known(listener, "sound", sound_S, listener.measure_sound)

    def _known(
        self, extractor: Extractor, kind: str, given: Tensor, measure: Callable[[Tensor], dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        if self.files.folder is None:
            return self.place.run(extractor, measure, given)
        about = describe(extractor)
        key = digest_of([LAYOUT, about, self.place.device.type, tensors_digest({kind: given}, (kind,))])
        if cached := self.files.get(key):
            return cached[1]
        fields = self.place.run(extractor, measure, given)
        self.files.put(key, extractor.name, fields)
        return fields
