"""The face finder that ships against MediaPipe's on real pictures and first frames of clips.

    python -m benchmarks.face_finder --model face_landmarker.task --portraits FOLDER --clips FOLDER

Printed for each picture with a face by MediaPipe: whether ours finds one, how far the boxes overlap, and how
far the 478 points are from MediaPipe's, in per cent of the distance of the outer eye corners (median, and
95 % of the points are within). Pictures without one must be refused, as must a grey one; two faces beside
each other must be seen as two.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

EYE_CORNERS = (33, 263)
BAR_OVERLAP, BAR_POINTS = 0.75, 5.0
SHARES = (0.0, 0.35, 0.7)  # of a clip, where frames are taken


def pictures(portraits, clips):
    """Name and picture of every portrait and of some frames of every clip."""
    from datamodules.media.reading import read_image, video_frames

    for path in sorted(portraits.glob("*.jpg")) if portraits else ():
        yield path.stem, read_image(path)
    for path in sorted(clips.glob("*.mp4")) if clips else ():
        frames = list(video_frames(path))
        for share in SHARES:
            at = int(share * (len(frames) - 1))
            yield f"{path.stem}@{at}", frames[at]


def compared(ours, theirs):
    """Overlap of the boxes, and distances (478,) of the points in per cent of the outer eye corners'."""
    from datamodules.faces.crop import overlap

    mesh = theirs.mesh - 0.5  # MediaPipe counts from the picture's edge, we from the first pixel's middle
    apart = (mesh[EYE_CORNERS[0]] - mesh[EYE_CORNERS[1]]).norm()
    return overlap(ours.box, theirs.box), 100 * ((ours.mesh - mesh).norm(dim=1) / apart).numpy()


def measure(ours, theirs, named):
    """A line for each picture, and what is to be summed up of them."""
    rows, wrong = [], []
    for name, picture in named:
        true = theirs.find(picture)
        start = time.perf_counter()
        found = ours.find(picture)
        spent = 1000 * (time.perf_counter() - start)
        if len(found) != len(true):
            wrong.append(name)
        if not true or not found:
            print(f"  {name:34s} MediaPipe {len(true)}, ours {len(found)}  {spent:4.0f} ms")
            continue
        shared, off = compared(found[0], true[0])
        rows.append((shared, np.median(off), np.quantile(off, 0.95)))
        more = "" if len(found) == len(true) else f"  MediaPipe {len(true)}, ours {len(found)}"
        points = f"points {rows[-1][1]:4.1f} {rows[-1][2]:5.1f}"
        print(f"  {name:34s} overlap {shared:.2f}  {points}  {spent:4.0f} ms{more}")
    return np.array(rows), wrong


def probes(ours, named):
    """Grey, noise and two faces beside each other."""
    grey = torch.full((3, 256, 256), 128, dtype=torch.uint8)
    noise = torch.randint(0, 256, (3, 256, 256), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    print(f"grey: {len(ours.find(grey))} faces, noise: {len(ours.find(noise))} faces; none are right")
    for name, picture in named:
        print(f"{name} twice beside each other: {len(ours.find(torch.cat([picture, picture], 2)))} faces")


def main():
    from datamodules.faces.finder import open_finder
    from moee.weights.registry import find

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="MediaPipe's face landmarker (default: `moee weights`)")
    parser.add_argument("--own", type=Path, help="our networks (default: those that ship)")
    parser.add_argument("--portraits", type=Path, help="folder of JPEG files")
    parser.add_argument("--clips", type=Path, help="folder of MP4 files")
    options = parser.parse_args()
    try:
        model = options.model or find("face_landmarker")
    except FileNotFoundError as error:
        print(f"skipped: {error}")
        return
    named = list(pictures(options.portraits, options.clips))
    with open_finder(options.own or find("face-finder")) as ours, open_finder(model) as theirs:
        rows, wrong = measure(ours, theirs, named)
        probes(ours, [pair for pair in named if theirs.find(pair[1])][:3])
    if len(rows):
        good = (rows[:, 0] >= BAR_OVERLAP).mean(), (rows[:, 1] <= BAR_POINTS).mean()
        others = ": " + ", ".join(wrong) if wrong else ""
        print(f"{len(named)} pictures, another number of faces than MediaPipe's in {len(wrong)}{others}")
        print(f"overlap {np.median(rows[:, 0]):.2f} in the median, {good[0]:.0%} at {BAR_OVERLAP} or more")
        print(f"points {np.median(rows[:, 1]):.1f} % in the median, {good[1]:.0%} within {BAR_POINTS:.0f} %")


if __name__ == "__main__":
    main()
