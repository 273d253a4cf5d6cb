"""What portraits look like when they speak: a picture of frames, and a check of every video file.

    python -m benchmarks.contact_sheet --portraits A.jpg B.jpg ... --audio X.flac Y.flac --out sheet.png
    python -m benchmarks.contact_sheet --synthetic 1 8 6 --out sheet.png

The second form takes held-out people and voices of the synthetic world. One row a portrait: the portrait,
then for each recording the neutral face at its quietest and its loudest moment and the other emotions at the
loudest. The videos stay beside the sheet.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image, ImageDraw

from datamodules.action_units import prototype
from datamodules.batch import FPS, SAMPLES_PER_FRAME, parse_blend
from datamodules.media.reading import read_sound
from datamodules.synthetic.clip import identity_seed, synthetic_voice
from datamodules.synthetic.head.clip import head_portrait
from datamodules.synthetic.text import describe
from lightning_modules.interfaces import EmotionCue
from moee.generation.animate import count_frames, write_animation
from moee.generation.generator import FOR_PORTRAITS, LoadedGenerator, load_generator
from moee.generation.portrait import Portrait, open_portrait
from moee.generation.settings import SamplingSettings
from moee.generation.video_writer import write_video

EMOTIONS = ("happy", "sad", "angry", "surprise")
CAPTION = 16
MOST_APART = 0.040  # seconds between the ends of picture and sound


def quiet_and_loud(audio: Path, frames: int) -> tuple[int, int]:
    """The frames in which a recording is quietest, between its first and last sound, and loudest."""
    sound = torch.nn.functional.pad(read_sound(audio), (0, SAMPLES_PER_FRAME))[: frames * SAMPLES_PER_FRAME]
    level = sound.view(frames, SAMPLES_PER_FRAME).square().mean(1)
    heard = (level > level.max() / 300).nonzero().flatten()
    first, last = int(heard[0]), int(heard[-1]) + 1
    return first + int(level[first:last].argmin()), int(level.argmax())


def check(path: Path) -> str:
    """One line about a video file; a `ValueError` if it is not what `moee animate` promises."""
    with av.open(str(path)) as file:
        video, sound = file.streams.video[0], file.streams.audio[0]
        codecs, rate = (video.codec_context.name, sound.codec_context.name), video.average_rate
        seconds = [float(s.duration * s.time_base) for s in (video, sound)]
    if codecs != ("h264", "aac") or rate != FPS or abs(seconds[0] - seconds[1]) >= MOST_APART:
        raise ValueError(f"{path}: {codecs}, {rate} frames a second, {seconds} s")
    return f"{path.name:60}{seconds[0]:7.2f} s {1000 * (seconds[0] - seconds[1]):+7.1f} ms"


def frames_of(path: Path) -> list[np.ndarray]:
    """All pictures of a video."""
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@dataclass
class Subject:
    """Somebody, and the recordings they speak."""

    name: str
    portrait: Portrait
    sounds: Sequence[Path]


def synthetic(index: int, size: int, folder: Path) -> Subject:
    """A held-out person of the world in three dimensions, with a neutral line in a voice of their own."""
    spoken = synthetic_voice(910_000 + index, 50, parse_blend("neutral"), speaker=index, split="test")
    picture, points = head_portrait(identity_seed(index, "test"), size)
    frames = picture.expand(50, -1, -1, -1)
    voice = write_video(folder / f"synthetic-{index}-voice.mp4", frames, spoken.waveform)
    return Subject(f"synthetic-{index}", Portrait(picture, (0, 0, size), picture, points), [voice])


def by_label(emotion: str) -> EmotionCue:
    """The emotion as its name."""
    return EmotionCue(label=parse_blend(emotion)[None])


def by_text(emotion: str) -> EmotionCue:
    """In words that no training has seen."""
    return EmotionCue(text=describe(parse_blend(emotion), np.random.default_rng(0), "test_words", "english"))


def by_units(emotion: str) -> EmotionCue:
    """As the action units that make its face."""
    return EmotionCue(action_units=prototype(parse_blend(emotion))[None])


CUES = {"label": by_label, "text": by_text, "units": by_units}


def tiles_of(
    generator: LoadedGenerator,
    subject: Subject,
    cues: Mapping[str, EmotionCue],
    folder: Path,
    steps: int,
) -> list[tuple[str, np.ndarray]]:
    """Captions and tiles of one portrait."""
    tiles = [(subject.name[:18], subject.portrait.reference.permute(1, 2, 0).numpy())]
    for audio in subject.sounds:
        length = count_frames(audio)
        quiet, loud = quiet_and_loud(audio, length)
        for emotion, cue in cues.items():
            path = folder / f"{subject.name}-{audio.stem}-{emotion}.mp4"
            write_animation(
                path, generator, subject.portrait, audio, cue, SamplingSettings(steps=steps), length
            )
            print(check(path), flush=True)
            pictures = frames_of(path)
            if emotion == "neutral":
                tiles.append(("neutral, quiet", pictures[quiet]))
            tiles.append((f"{emotion}, loud", pictures[loud]))
    return tiles


def sheet(rows: list[list[tuple[str, np.ndarray]]], size: int) -> Image.Image:
    """All tiles under their captions."""
    picture = Image.new("RGB", (size * len(rows[0]), (size + CAPTION) * len(rows)), "white")
    draw = ImageDraw.Draw(picture)
    for j, tiles in enumerate(rows):
        for i, (caption, tile) in enumerate(tiles):
            draw.text((i * size + 3, j * (size + CAPTION) + 2), caption, fill="black")
            picture.paste(Image.fromarray(tile), (i * size, j * (size + CAPTION) + CAPTION))
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", nargs="+", type=Path, default=[])
    parser.add_argument("--audio", nargs="+", type=Path, default=[])
    parser.add_argument(
        "--synthetic", nargs="+", type=int, default=[], help="numbers of held-out synthetic people"
    )
    parser.add_argument("--emotions", nargs="+", default=EMOTIONS, help=f"(default: {' '.join(EMOTIONS)})")
    parser.add_argument("--by", choices=CUES, default="label", help="what tells the emotion (default: label)")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write")
    parser.add_argument("--checkpoint", help="(default: the shipped one)")
    parser.add_argument("--detector", help="landmark model, if not among the known weights")
    parser.add_argument(
        "--steps", type=int, default=SamplingSettings.steps, help=f"(default: {SamplingSettings.steps})"
    )
    args = parser.parse_args()
    generator, folder = load_generator(args.checkpoint or FOR_PORTRAITS), args.out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    size = generator.network.size
    subjects = [
        Subject(path.stem, open_portrait(path, size, None, args.detector), args.audio)
        for path in args.portraits
    ]
    subjects += [synthetic(index, size, folder) for index in args.synthetic]
    cues = {emotion: CUES[args.by](emotion) for emotion in ("neutral", *args.emotions)}
    rows = [tiles_of(generator, subject, cues, folder, args.steps) for subject in subjects]
    sheet(rows, size).save(args.out)
    print(f"{args.out}: {len(rows)} portraits")


if __name__ == "__main__":
    main()
