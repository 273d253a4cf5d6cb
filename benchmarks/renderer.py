"""How fast the procedural face is drawn, on one core: `python -m benchmarks.renderer`.

Frames a second at 128 and 256 pixels, with all layers of a person painted anew for each clip and with them
kept, and each stage's share of the time. Processor time, so that other programs on the machine disturb
little.
"""

import cProfile
import pstats
import time

import numpy as np
import torch

from datamodules.synthetic.face.controls import Controls
from datamodules.synthetic.face.identity_sampling import sample_identity
from datamodules.synthetic.face.plates import paint_plates
from datamodules.synthetic.face.renderer import render

FRAMES, CLIPS = 48, 6
STAGES = {
    "paint_plates": "paint layers once a clip",
    "_landmarks": "landmarks",
    "__init__": "motion and pose maps",
    "pixels": "maps to pixels",
    "_relight": "folds and light",
    "_blend": "lay plates",
    "_paint_features": "brows, eyes, mouth",
    "_develop": "lens and sensor",
}


def controls(frames: int, seed: int = 0) -> Controls:
    rng = np.random.default_rng(seed)
    scales = ((15, 0.5), (3, 0.5), (2, 0.5))
    units, lips, gaze = (rng.uniform(0, scale, (frames, width)).astype(np.float32) for width, scale in scales)
    pose = rng.normal(0, 0.03, (frames, 6)).astype(np.float32)
    return Controls(units, lips, gaze, rng.uniform(0, 1, frames).astype(np.float32), pose)


def rate(size: int, fresh: bool) -> float:
    """Frames per second of processor time."""
    people = [sample_identity(seed, 0.5) for seed in range(1, CLIPS + 1)]
    moves = controls(FRAMES)
    render(people[0], moves, size)
    start = time.process_time()
    for person in people if fresh else people[:1] * CLIPS:
        if fresh:
            paint_plates.cache_clear()
        render(person, moves, size)
    return CLIPS * FRAMES / (time.process_time() - start)


def shares(size: int) -> dict[str, float]:
    """Stage: share of the whole time, layers painted anew."""
    people = [sample_identity(seed, 0.5) for seed in range(1, CLIPS + 1)]
    profile = cProfile.Profile(time.process_time)
    paint_plates.cache_clear()
    profile.enable()
    for person in people:
        render(person, controls(FRAMES), size)
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = max(entry[3] for entry in stats.values())
    spent = dict.fromkeys(STAGES, 0.0)
    for (path, _, name), entry in stats.items():
        if name in spent and "synthetic" in path:
            spent[name] += entry[3] / total
    return spent


def main() -> None:
    torch.set_num_threads(1)
    for size in (128, 256):
        print(
            f"{size} px: {rate(size, True):.0f} frames/s of one core in {FRAMES}-frame clips of new people, "
            f"{rate(size, False):.0f} with layers kept"
        )
    for name, share in shares(128).items():
        print(f"{STAGES[name]:28s} {share:5.1%}")


if __name__ == "__main__":
    main()
