"""How much faster than real time the synthetic voice speaks and is augmented, on one core.

Run `python benchmarks/voice.py`.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from datamodules.synthetic.clip import synthetic_voice
from datamodules.synthetic.voice import augment_sound

CLIPS, FRAMES = 40, 50


def main() -> None:
    synthetic_voice(0, FRAMES)
    seconds = CLIPS * FRAMES / 25
    start = time.process_time()
    sounds = [synthetic_voice(seed, FRAMES).waveform.numpy() for seed in range(CLIPS)]
    spoken = time.process_time() - start
    start = time.process_time()
    for seed, sound in enumerate(sounds):
        augment_sound(sound, np.random.default_rng(seed))
    changed = time.process_time() - start
    print(f"voice         {seconds / spoken:6.0f} x real time")
    print(f"augment_sound {seconds / changed:6.0f} x real time")


if __name__ == "__main__":
    main()
