"""Does the lip-sync judge find delays that are known? Synthetic people, and real clips where they are given.

Run `python -m benchmarks.sync_probes`; with `--probes FOLDER` also on real clips: the folder holds
`sync/sync_probes.csv` with the columns video, audio, relation and audio_delay_frames, and `manifest.csv`
with path and face_box. A sound that comes later than the picture has a positive delay, and the judge should
find the negative of it. `follows` counts offsets that moved as far as the sound did, wherever they began: a
clip need not have been in sync when it was recorded. Real faces are cut to the square all clips here have, by
the face landmarker (`moee weights fetch face_landmarker`), or with `--boxes` by the manifest's boxes alone.
"""

import argparse
import csv
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.faces.crop import FaceFinder, crop, crop_box, parse_box
from datamodules.faces.track import track_face
from datamodules.media.reading import read_sound, read_video
from datamodules.synthetic.clip import synthetic_clip
from evaluation.metrics.sync.confidence import Sync, reach_of, shifted_distances, sync_of
from evaluation.training.sync import delayed
from moee.judging.protocols import load_extractor
from moee.weights.registry import find

FIRST_SEED = 910_000  # of synthetic clips no training has seen
FURTHEST = 10
EVERY = 10  # frames between those in which a face is looked for
# A frontal Haar box reaches from the brow to the chin; the crop is 1.8 times as wide and lies a little lower.
BOX_WIDTH, BOX_LOWER = 1.8, 0.06


@dataclass(frozen=True)
class Probe:
    """A clip with a sound, and how many frames later than the picture it comes; None for another's speech."""

    clip: str
    delay: int | None
    found: Sync


def score(judge: Any, lips_ND: Tensor, sound_S: Tensor) -> Sync:
    """What the judge makes of a clip, over pairs of windows that both exist."""
    sound_ND = judge.measure_sound(sound_S)["embedded_sync_audio"]
    windows = min(len(lips_ND), len(sound_ND))
    return sync_of(shifted_distances(lips_ND[:windows], sound_ND[:windows], reach_of(windows), valid=True))


def synthetic_probes(judge: Any, clips: int, frames: int) -> Iterator[Probe]:
    """Held-out people: every delay of up to ten frames, and the speech of the next one."""
    made = [synthetic_clip(FIRST_SEED + i, frames, identity=i, split="test") for i in range(clips)]
    for i, clip in enumerate(made):
        lips = judge.measure(clip["frames"])["embedded_sync_video"]
        for delay in range(-FURTHEST, FURTHEST + 1):
            yield Probe(clip["key"], delay, score(judge, lips, delayed(clip["waveform"], delay)))
        yield Probe(clip["key"], None, score(judge, lips, made[i - 1]["waveform"]))


def real_probes(judge: Any, folder: Path, boxes: bool) -> Iterator[Probe]:
    """The rows of `sync/sync_probes.csv`."""
    with (folder / "manifest.csv").open() as file:
        box_of = {row["path"]: row["face_box"] for row in csv.DictReader(file)}
    with (folder / "sync" / "sync_probes.csv").open() as file:
        rows = list(csv.DictReader(file))
    lips = {}
    for row in rows:
        name = row["video"]
        if name not in lips:
            crops = face_crops(folder / name, box_of[name] if boxes else None)
            lips[name] = judge.measure(crops)["embedded_sync_video"]
        sound = read_sound(folder / row["audio"])
        delay = None if row["relation"] == "swapped" else int(row["audio_delay_frames"])
        yield Probe(name, delay, score(judge, lips[name], sound))


def face_crops(path: Path, box: str | None) -> Tensor:
    """Face crops (F, 3, 128, 128) of a video, one square for all of it."""
    frames = list(read_video(path).frames)
    height, width = frames[0].shape[1:]
    if box is None:
        with FaceFinder(find("face_landmarker")) as finder:
            faces = track_face(finder, frames[::EVERY])
        square = crop_box(torch.stack([face.landmarks for face in faces]).median(0).values, width, height)
    else:
        x, y, w, h = parse_box(",".join(box.split()))
        side = BOX_WIDTH * w
        square = (
            round(x + w / 2 - side / 2),
            round(y + h / 2 + BOX_LOWER * w - side / 2),
            round(side),
        )
    return torch.stack([crop(frame, square, 128) for frame in frames])


def report(title: str, probes: Iterable[Probe]) -> None:
    """One table: each delay's hits, then all together and what another's speech scores."""
    found = list(probes)
    own = [probe for probe in found if probe.delay is not None]
    started = {probe.clip: int(probe.found.offset) for probe in own if probe.delay == 0}
    print(f"\n{title}: {len({probe.clip for probe in found})} clips, {len(own)} delayed sounds")
    print(f"{'delay':>6} {'exact':>7} {'within 1':>9} {'follows':>8} {'Sync-C':>8} {'Sync-D':>8}")
    for delay in sorted({probe.delay for probe in own}):
        print(f"{delay:>+6} {line([probe for probe in own if probe.delay == delay], started)}")
    print(f"{'all':>6} {line(own, started)}")
    others = [probe for probe in found if probe.delay is None]
    print(f"{'other':>6} {'':>7} {'':>9} {'':>8} {scores(others)}")
    real = {probe.clip: probe.found.confidence for probe in own if probe.delay == 0}
    below = [bool(probe.found.confidence < real[probe.clip]) for probe in others]
    print(f"another's speech has the lower Sync-C on {sum(below)} of {len(below)} clips")


def line(probes: list[Probe], started: Mapping[str, int]) -> str:
    """Shares of delays found, of offsets that moved exactly as the sound was, and mean scores.

    Args:
        probes: of one row.
        started: offset of each clip with its sound where it was.
    """
    off = [int(probe.found.offset) + int(probe.delay or 0) for probe in probes]
    moved = [x == started[probe.clip] for x, probe in zip(off, probes, strict=True)]
    exact, near = (sum(abs(x) <= most for x in off) / len(off) for most in (0, 1))
    return f"{exact:7.3f} {near:9.3f} {sum(moved) / len(moved):8.3f} {scores(probes)}"


def scores(probes: list[Probe]) -> str:
    """Mean confidence and distance."""
    confidence, distance = (
        statistics.fmean(float(getattr(probe.found, part)) for probe in probes)
        for part in ("confidence", "distance")
    )
    return f"{confidence:8.3f} {distance:8.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, help="of the judge (default: the shipped ones)")
    parser.add_argument("--clips", type=int, default=48, help="synthetic ones (default: 48)")
    parser.add_argument("--frames", type=int, default=50, help="of a synthetic clip (default: 50)")
    parser.add_argument("--probes", type=Path, metavar="FOLDER", help="real clips with known delays")
    parser.add_argument("--boxes", action="store_true", help="cut real faces by boxes alone")
    args = parser.parse_args()
    judge = load_extractor("embedded-sync", args.weights)
    report(f"synthetic, {args.frames} frames", synthetic_probes(judge, args.clips, args.frames))
    if args.probes:
        report("real", real_probes(judge, args.probes, args.boxes))


if __name__ == "__main__":
    main()
