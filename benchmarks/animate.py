"""Where the time of `moee animate` goes: seconds and shares per stage, and frames a second end to end.

    python benchmarks/animate.py [--checkpoint C] [--seconds 10] [--threads 2] [--steps 4]
        [--precision auto] [--emotion-strength 2]

Portrait and voice are synthetic, and no face is looked for. Shares are of processor time, which other work
on the machine hardly touches; frames a second are given for one core's time and for the clock on the wall.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from datamodules.batch import parse_blend
from datamodules.synthetic.clip import synthetic_clip
from lightning_modules.interfaces import EmotionCue
from lightning_modules.video.canvas import MovedCanvas
from moee.generation.animate import count_frames, write_animation
from moee.generation.generator import load_generator, mean_points
from moee.generation.portrait import Portrait
from moee.generation.settings import PRECISIONS, SamplingSettings
from moee.generation.video_writer import VideoWriter, write_video


class Clock:
    """Processor time of wrapped calls by stage; a call inside another one counts for its own stage."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._inner: list[float] = []

    def wrap(self, owner: object, method: str, stage: str) -> None:
        """Time every call of `owner.method` under `stage`."""
        original: Callable = getattr(owner, method)

        def timed(*args: object, **kwargs: object) -> object:
            self._inner.append(0.0)
            start = time.process_time()
            try:
                return original(*args, **kwargs)
            finally:
                whole = time.process_time() - start
                self.spent[stage] = self.spent.get(stage, 0.0) + whole - self._inner.pop()
                if self._inner:
                    self._inner[-1] += whole

        setattr(owner, method, timed)


def watch(network: torch.nn.Module, clock: Clock) -> None:
    """Wrap the stages of a network and of the writer."""
    clock.wrap(network.speech_features, "forward", "speech features")
    clock.wrap(network.reference_net, "forward", "portrait, once")
    clock.wrap(network.codec, "encode", "portrait, once")
    clock.wrap(network.denoiser, "forward", "sampling: denoiser")
    clock.wrap(network.mixture, "forward", "sampling: experts")
    clock.wrap(network.codec, "decode", "decoding")
    clock.wrap(MovedCanvas, "frames", "decoding")
    clock.wrap(VideoWriter, "write", "muxing")
    clock.wrap(VideoWriter, "_finish", "muxing")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", help="(default: the shipped one)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of sound (default: 10)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    parser.add_argument("--steps", type=int, default=4, help="of the sampler (default: 4)")
    parser.add_argument("--emotion-strength", type=float, help="(default: the network's own)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="as in moee animate")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    generator = load_generator(args.checkpoint, args.precision)
    clip = synthetic_clip(0, round(args.seconds * 25), 128, split="test")
    side = generator.network.size
    picture = torch.nn.functional.interpolate(clip["reference"][None], (side, side), mode="bicubic")[0]
    portrait = Portrait(picture, (0, 0, side), picture, mean_points(generator.network))
    clock, cue = Clock(), EmotionCue(label=parse_blend("happy")[None])
    settings = SamplingSettings(args.steps, emotion_strength=args.emotion_strength)
    with tempfile.TemporaryDirectory() as folder:
        voice = write_video(Path(folder) / "voice.mp4", clip["frames"], clip["waveform"])
        out = Path(folder) / "out.mp4"
        frames = count_frames(voice)
        write_animation(
            out, generator, portrait, voice, cue, settings, frames
        )  # first call: caches, lazy imports
        watch(generator.network, clock)  # type: ignore[arg-type]
        wall, processor = time.perf_counter(), time.process_time()
        frames = count_frames(voice)
        write_animation(out, generator, portrait, voice, cue, settings, frames)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    report(clock, frames, wall, processor)


def report(clock: Clock, frames: int, wall: float, processor: float) -> None:
    """Print the table."""
    clock.spent["everything else"] = processor - sum(clock.spent.values())
    print(f"{'stage':22}{'ms a frame':>12}{'share':>8}")
    for stage, seconds in sorted(clock.spent.items(), key=lambda item: -item[1]):
        print(f"{stage:22}{1000 * seconds / frames:12.2f}{seconds / processor:8.1%}")
    print(f"{'processor time':22}{1000 * processor / frames:12.2f}{1:8.1%}")
    print(
        f"{frames} frames: {frames / wall:.1f} a second by the clock, {frames / processor:.1f} a core-second"
    )


if __name__ == "__main__":
    main()
