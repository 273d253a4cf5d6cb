"""The cache of measured rows: a killed evaluation goes on, a repeated one is quick.

A row is found again by what it rests on: the pictures themselves, never names, paths or times.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from evaluation.clips.pair import Pair
from evaluation.extractors.interface import Extractor, describe
from evaluation.protocol import Protocol, digest_of, tensors_digest
from evaluation.results.rows import Row
from evaluation.runtime.cache_files import CacheFolder

TRUTH_FIELDS = ("frames", "reference", "waveform", "blend", "action_units", "landmarks")
LAYOUT = 2  # of the files; raised whenever an older one can no longer be read


def truth_digest(pair: Pair) -> str:
    """sha256 of a clip's true frames, reference, sound, blend and exact quantities.

    Never of names, paths or times.
    """
    return tensors_digest(pair.truth, TRUTH_FIELDS)


def measure_digest(
    protocol: Protocol,
    extractors: Sequence[Extractor],
    truth: str,
    lpips: str | None = None,
    device: str = "cpu",
) -> str:
    """sha256 of everything but the clip that a row rests on; of the device its kind, which rounds its way."""
    marks = sorted(digest_of(describe(extractor)) for extractor in extractors)
    return digest_of([LAYOUT, protocol.digest, marks, truth, lpips, device])


class RowCache:
    """Measured rows; any number of processes may use the folder at once.

    Args:
        folder: see `CacheFolder`.
        measure: `measure_digest`.
    """

    def __init__(self, folder: Path | None, measure: str) -> None:
        self.files, self.measure = CacheFolder(folder), measure

    def _key(self, pair: Pair, truth: str) -> str | None:
        if self.files.folder is None or pair.generated is None:
            return None
        generated = tensors_digest({"frames": pair.generated}, ("frames",))
        return digest_of([self.measure, truth, generated])

    def get(self, pair: Pair, truth: str) -> tuple[dict, dict[str, Tensor]] | None:
        """Frames, values and sums of a row, and the sums too large for it; None where there is none.

        A file that cannot be read counts as none: the clip is measured again.
        """
        key = self._key(pair, truth)
        return None if key is None else self.files.get(key)

    def put(self, pair: Pair, truth: str, row: Row, large: Mapping[str, Tensor]) -> None:
        """Keep a row without a problem."""
        key = self._key(pair, truth)
        if key is not None and not row.problem:
            self.files.put(key, {"frames": row.frames, "values": row.values, "sums": row.sums}, large)
