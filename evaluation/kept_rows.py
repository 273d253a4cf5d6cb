"""Rows that were measured once are kept, so that a killed evaluation goes on and a repeated one is quick.

A row is found again by what it rests on: the pictures themselves, never names, paths or times.
"""

import json
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from evaluation.features import Extractor
from evaluation.pairs import Pair
from evaluation.protocol import Protocol, digest_of
from evaluation.result import Row

TRUTH_FIELDS = ("frames", "reference", "waveform", "blend", "action_units", "landmarks")
LAYOUT = 1  # of the files; raised whenever an older one can no longer be read


def tensors_digest(named: Mapping[str, Tensor], names: Sequence[str]) -> str:
    """sha256 of those of the tensors that exist: name, type, shape and content."""
    content = sha256()
    for name in names:
        if name in named:
            value = named[name].contiguous()
            content.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            content.update(value.numpy().tobytes())
    return content.hexdigest()


def truth_digest(pair: Pair) -> str:
    """sha256 of a clip's true frames, reference, sound, blend and exact quantities.

    Never of names, paths or times.
    """
    return tensors_digest(pair.truth, TRUTH_FIELDS)


def measure_digest(
    protocol: Protocol, extractors: Sequence[Extractor], truth: str, lpips: str | None = None
) -> str:
    """sha256 of everything but the clip that a row rests on."""
    marks = {extractor.name: extractor.fingerprint for extractor in extractors}
    return digest_of([LAYOUT, protocol.digest, marks, truth, lpips])


class KeptRows:
    """A folder of measured rows; any number of processes may use it at once.

    Args:
        folder: made where it is missing; None keeps nothing.
        measure: `measure_digest`.
    """

    def __init__(self, folder: Path | None, measure: str) -> None:
        self.folder, self.measure = folder, measure
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def _path(self, pair: Pair, truth: str) -> Path | None:
        if self.folder is None or pair.generated is None:
            return None
        made = tensors_digest({"frames": pair.generated}, ("frames",))
        return self.folder / f"{digest_of([self.measure, truth, made])}.safetensors"

    def get(self, pair: Pair, truth: str) -> tuple[dict, dict[str, Tensor]] | None:
        """Frames, values and sums of a row, and the sums too large for it; None where there is none.

        A file that cannot be read counts as none: the clip is measured again.
        """
        path = self._path(pair, truth)
        if path is None or not path.is_file():
            return None
        try:
            with safe_open(path, "pt") as file:
                large = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return json.loads(file.metadata()["row"]), large
        except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError):
            return None

    def put(self, pair: Pair, truth: str, row: Row, large: Mapping[str, Tensor]) -> None:
        """Keep a row without a problem; atomically, so that a kill leaves all or nothing of it."""
        path = self._path(pair, truth)
        if path is None or row.problem:
            return
        about = json.dumps({"frames": row.frames, "values": row.values, "sums": row.sums})
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(save({n: x.contiguous() for n, x in large.items()}, metadata={"row": about}))
        os.replace(part, path)
