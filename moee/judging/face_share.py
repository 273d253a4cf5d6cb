"""How much of the true clips' pictures the face fills, where something was made for face crops alone.

Measured on four real clips (CREMA-D, GRID), the embedded judge's landmarks against MediaPipe's, in distances
of the eyes: 0.07 to 0.10 apart where the face fills 0.6 to 0.75 of the height, 0.24 to 0.33 at 0.48, 0.4 at
0.4, 1.2 at 0.24. Its own landmarks spread over the same 0.41 to 0.48 of the picture all the while: it cannot
tell that it is wrong, a face finder can.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from moee.judging.request import EvaluationRequest
from moee.shipped_configs import CONFIGS

if TYPE_CHECKING:
    from evaluation.protocol import Protocol

LEAST_SHARE = 0.5  # of the height, hairline to chin; `moee clips` and `moee prepare` frame 0.6
LOOKED_AT = 6  # clips, spread over all of them


def face_crop_notes(request: EvaluationRequest, protocol: "Protocol") -> list[str]:
    """What is to be said of how the true clips are framed; nothing where that does not matter.

    It matters to a network of ours, and to embedded judges under a protocol that does not cut faces itself.

    Raises:
        ValueError: if they are whole scenes; says how to cut them.
        OSError: if a folder or file is missing.
    """
    if request.synthetic is not None or not (request.checkpoint or _wants_crops(protocol)):
        return []
    from moee.weights.face_finder import finder_file

    files = _true_files(request)
    looked_at = files[:: -(-len(files) // LOOKED_AT)]
    shares = face_shares(looked_at, finder_file())
    if not shares:
        return [
            f"no face was found in the first picture of {len(looked_at)} true clips: are they face crops?"
        ]
    share = median(shares)
    fills = f"the face fills {share:.0%} of the picture's height, the median of {len(shares)} true clips"
    if share < LEAST_SHARE:
        raise ValueError(f"{fills}; {_how_to_cut(request, protocol)}")
    return [fills]


def face_shares(files: Sequence[Path], finder_model: Path) -> list[float]:
    """Height of the largest face, hairline to chin, over that of the first picture; of videos with a face."""
    from datamodules.faces.finder import open_finder
    from datamodules.media.reading import video_frames

    shares: list[float] = []
    with open_finder(finder_model) as finder:
        for file in files:
            try:
                first_3HW = next(iter(video_frames(file)))
            except (ValueError, OSError, StopIteration):
                continue  # the evaluation itself tells what is wrong with it
            if faces := finder.find(first_3HW):
                shares.append(faces[0].box[3] / first_3HW.shape[1])
    return shares


def _wants_crops(protocol: "Protocol") -> bool:
    from evaluation.extractors.catalogue import published

    embedded = any(published(network) is None for network in protocol.extractors.values())
    return embedded and "face_crop" not in protocol.preprocessing


def _true_files(request: EvaluationRequest) -> list[Path]:
    from evaluation.clips.files import videos_in
    from moee.clips.manifest import read_manifest

    if request.manifest is not None:
        return list(
            dict.fromkeys(entry.reference for entry in read_manifest(request.manifest, request.frame_rate))
        )
    return list(videos_in(request.reference, request.frame_rate).values()) if request.reference else []


def _how_to_cut(request: EvaluationRequest, protocol: "Protocol") -> str:
    cut = f"at least {LEAST_SHARE:.0%} are needed: cut them by `moee clips --recordings`"
    if request.checkpoint:
        return f"a network is given face crops, {cut}"
    cutting = cutting_protocols(protocol.name)
    return f"{protocol.tag} judges face crops, {cut}" + (f", or give --protocol {cutting}" if cutting else "")


def cutting_protocols(name: str = "") -> str:
    """The shipped protocols that cut faces out of videos of any shape.

    Args:
        name: only those of that name, whatever their version; empty for all.
    """
    from evaluation.protocol import load_protocol

    shipped = (load_protocol(path) for path in sorted((CONFIGS / "protocol").glob("*.yaml")))
    cutting = [p.tag for p in shipped if "face_crop" in p.preprocessing and name in ("", p.name)]
    return " or ".join(cutting)
