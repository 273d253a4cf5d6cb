"""Do the speech features carry over to real voices? The lip opening heard against the lips of real clips.

    python -m benchmarks.real_voices CLIPS [--features FILE ...] [--tracks FILE]

CLIPS holds videos of people who speak, with their sound (or a FLAC or WAV of the same name beside each).
Lips are seen by MediaPipe's landmarker (`moee weights fetch face_landmarker`). Prints Pearson's r of each
clip with its own sound and with that of the others, then the means, by corpus (what stands before the first
`_` of a name) and by lag; loudness is the floor. Videos without speech are left out by `--skip`.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import cast

import torch
from torch import Tensor

from datamodules.media.folders import folder_contents
from evaluation.extractors.faces.mesh import face_mesh
from evaluation.metrics.sync.lip_loudness import frame_loudness
from lightning_modules import MelSpeechFeatures
from moee.studies.real.lips import FURTHEST, HeardClip, RealClip, hear_real_clips, read_real_clip
from moee.weights.modules import load_module
from moee.weights.registry import find


class Loudness:
    """The floor: says that lips open as the sound gets louder."""

    def predict_lips(self, waveform_BS: Tensor) -> Tensor:
        """Logarithm of each frame's loudness (B, F, 1)."""
        loud = [(frame_loudness(sound_S) + 1e-4).log() for sound_S in waveform_BS]
        return torch.stack(loud)[..., None].float()


def report(title: str, rows: Sequence[HeardClip]) -> None:
    """Clips, corpora, lags and the mean."""
    print(f"\n{title}")
    corpora: dict[str, list[HeardClip]] = defaultdict(list)
    for row in rows:
        corpora[row.name.split("_")[0]].append(row)
        print(f"  {row.name:32} own {row.own:5.2f}  others {row.others:5.2f}  best lag {row.best_lag:+d}")
    for name, of_it in corpora.items():
        print(f"  {name:32} own {own(of_it):5.2f}  others {others(of_it):5.2f}  in {len(of_it)} clips")
    by_lag = {lag: fmean(row.by_lag[lag] for row in rows) for lag in range(-FURTHEST, FURTHEST + 1)}
    print("  by lag " + "  ".join(f"{lag:+d}: {r:.2f}" for lag, r in by_lag.items()))
    best = fmean(row.by_lag[row.best_lag] for row in rows)
    print(f"  {len(rows)} clips: own {own(rows):.3f}, others {others(rows):.3f}; at each best lag {best:.3f}")


def own(rows: Sequence[HeardClip]) -> float:
    """Mean r with the clips' own sound."""
    return fmean(row.own for row in rows)


def others(rows: Sequence[HeardClip]) -> float:
    """Mean r with the sound of other clips."""
    return fmean(row.others for row in rows)


def clips_of(folder: Path, skip: str, tracks: Path | None) -> list[RealClip]:
    """The clips of a folder; what was seen is kept in `tracks` for the next time."""
    if tracks is not None and tracks.exists():
        return [RealClip(**clip) for clip in torch.load(tracks, weights_only=True)]
    mesh = face_mesh(find("face_landmarker"))
    names = [path for path in folder_contents(folder).videos if not (skip and path.name.startswith(skip))]
    clips = [read_real_clip(folder / name, mesh) for name in names]
    if tracks is not None:
        torch.save([vars(clip) for clip in clips], tracks)
    return clips


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, help="folder of videos of people who speak")
    parser.add_argument(
        "--features", nargs="+", default=["speech-features"], help="names or files of speech features"
    )
    parser.add_argument("--tracks", type=Path, help="file that keeps what was seen for the next time")
    parser.add_argument("--skip", default="", help="leave out the videos whose names begin so")
    args = parser.parse_args()
    clips = clips_of(args.clips, args.skip, args.tracks)
    report("loudness", hear_real_clips(Loudness(), clips))
    for name in args.features:
        report(name, hear_real_clips(cast(MelSpeechFeatures, load_module(name).eval()), clips))


if __name__ == "__main__":
    main()
