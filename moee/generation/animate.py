"""`moee animate`: one portrait, one voice and one emotion to a video with sound."""

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from moee.arguments import add_device_argument

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.interfaces import EmotionCue
    from moee.generation.generator import Generator, LoadedGenerator
    from moee.generation.portrait import Portrait

DESCRIPTION = """A portrait, a voice and an emotion to a video: H.264 and AAC at 25 frames per second.

Cues may be combined; a timeline changes them over time. The file's `comment` says that it is AI-generated, by
which checkpoint and seed. Animate people only with their consent.
"""
EXAMPLES = """examples:
  moee animate --portrait face.jpg --audio line.wav --emotion happy --out happy.mp4
  moee animate --portrait face.jpg --audio line.wav --text "trying hard not to cry" --out tears.mp4
  moee animate --portrait face.jpg --audio line.wav --au "AU12=0.8,AU6=0.5" --paste-back --out smile.mp4
  moee animate --portrait face.jpg --audio line.wav --timeline mood.json --out mood.mp4
  moee animate --portrait face.jpg --audio line.wav --grid --out grid.mp4

emotions: neutral, happy, sad, angry, disgust, fear, surprise, angrily_disgusted, sadly_surprised,
happily_surprised, fearfully_surprised, or weights that sum to at most 1
"""
MAX_STEPS = 1000
HEAD_MOTIONS = ("natural", "still")
PRECISIONS = ("auto", "32", "bf16")
STEPS = 4  # those that the shipped network was trained for
BLOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Settings:
    """How to sample: see `moee animate --help`."""

    steps: int = STEPS
    seed: int = 0
    audio_guidance: float = 1.0
    emotion_guidance: float = 1.0
    emotion_strength: float | None = None  # the network's own
    head_motion: str = "natural"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `moee animate`."""
    parser.add_argument("--portrait", required=True, metavar="P", help="a picture with one face, of any size")
    parser.add_argument(
        "--audio", required=True, metavar="A", help="the voice: a sound or video file of any length"
    )
    parser.add_argument("--out", required=True, metavar="O.mp4", help="the video to write")
    add_cue_arguments(parser)
    how = parser.add_argument_group("how")
    how.add_argument(
        "--grid", action="store_true", help="neutral, six emotions and a compound one, side by side"
    )
    how.add_argument("--paste-back", action="store_true", help="put the face back into the whole picture")
    how.add_argument(
        "--face-box", metavar='"X Y W H"', help="the face from hairline to chin, in pixels; no detector then"
    )
    how.add_argument("--detector", metavar="PATH", help="landmark model, if not among the known weights")
    how.add_argument("--checkpoint", metavar="C", help="a talking-head checkpoint (default: the shipped one)")
    add_device_argument(how, "the network computes")
    how.add_argument(
        "--precision", choices=PRECISIONS, default="auto", help="auto: bf16 where it is fast (default: auto)"
    )
    how.add_argument(
        "--head-motion",
        choices=HEAD_MOTIONS,
        default="natural",
        help="natural: it drifts, nods and blinks (default: natural)",
    )
    how.add_argument(
        "--steps", type=int, default=STEPS, metavar="N", help=f"sampler steps (default: {STEPS})"
    )
    how.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed gives the same video (default: 0)"
    )
    how.add_argument(
        "--emotion-strength",
        type=float,
        metavar="W",
        help="of the experts, 1 is as they learnt (default: the network's own)",
    )
    how.add_argument(
        "--emotion-guidance",
        type=float,
        default=1.0,
        metavar="W",
        help="the same by a second pass at each step, slower (default: 1)",
    )
    how.add_argument(
        "--audio-guidance",
        type=float,
        default=1.0,
        metavar="W",
        help="above 1: more lip motion (default: 1)",
    )


def add_cue_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say how the portrait should feel."""
    group = parser.add_argument_group("emotion (combine as you like; neutral if none is given)")
    group.add_argument(
        "--emotion", metavar="E", help='such as happy, angrily_disgusted, "happy:0.5,fear:0.3"'
    )
    group.add_argument("--text", metavar="T", help='a description, such as "barely holding back tears"')
    group.add_argument("--emotion-audio", metavar="X", help="a recording whose tone of voice is taken over")
    group.add_argument("--au", metavar="A", help='action units from 0 to 1, such as "AU12=0.8,AU6=0.5"')
    group.add_argument("--timeline", metavar="T.json", help='a list: [{"time": 0, "emotion": "sad"}, ...]')


def run(args: argparse.Namespace) -> int:
    """Write the video that `args` ask for; 0 when it is written.

    Raises:
        ValueError: in one line, for any bad input; nothing is written then.
        OSError: if a file is missing or cannot be written.
    """
    settings = _checked(args)

    from datamodules.batch import FPS
    from datamodules.faces.crop import parse_box
    from evaluation.runtime.devices import choose_device
    from moee.console import say
    from moee.generation import cues
    from moee.generation.generator import load_generator
    from moee.generation.portrait import open_portrait

    cues.check(args)
    device = choose_device(args.device)
    frames = count_frames(args.audio)
    cue = cues.build(args, frames)
    face_box = parse_box(args.face_box) if args.face_box is not None else None
    generator = load_generator(args.checkpoint, args.precision, device)
    portrait = open_portrait(args.portrait, generator.network.size, face_box, args.detector)
    if args.grid:
        write_grid(args.out, generator, portrait.reference, args.audio, settings, frames)
    else:
        write_animation(args.out, generator, portrait, args.audio, cue, settings, frames, args.paste_back)
    say(f"{args.out}: {frames} frames, {frames / FPS:.2f} s")
    return 0


def _checked(args: argparse.Namespace) -> Settings:
    from moee.generation.video_writer import check_target

    check_target(args.out)
    for option in ("portrait", "audio"):
        path = Path(getattr(args, option))
        if not path.is_file():
            raise FileNotFoundError(f"--{option} {path}: no such file")
        if path.resolve() == Path(args.out).resolve():
            raise ValueError(f"--out {args.out}: is also the --{option}, name another file")
    if not 1 <= args.steps <= MAX_STEPS:
        raise ValueError(f"--steps {args.steps}: must be from 1 to {MAX_STEPS}")
    if not 0 <= args.seed < 2**63:
        raise ValueError(f"--seed {args.seed}: must be from 0 to 2**63 - 1")
    for option in ("emotion_strength", "emotion_guidance", "audio_guidance"):
        value = getattr(args, option)
        if value is not None and not 0 <= value <= 20:
            raise ValueError(f"--{option.replace('_', '-')} {value}: must be from 0 to 20")
    if args.grid:
        _refuse_with_grid(args)
    return Settings(
        steps=args.steps,
        seed=args.seed,
        audio_guidance=args.audio_guidance,
        emotion_guidance=args.emotion_guidance,
        emotion_strength=args.emotion_strength,
        head_motion=args.head_motion,
    )


def _refuse_with_grid(args: argparse.Namespace) -> None:
    for option in ("emotion", "timeline", "text", "emotion_audio", "au", "paste_back"):
        if getattr(args, option):
            raise ValueError(f"--grid shows every emotion in its own tile: drop --{option.replace('_', '-')}")


def count_frames(audio: str | Path) -> int:
    """Frames at 25 per second that a recording fills: ceil(samples / 640). Reads it once, in bounded memory.

    Raises:
        ValueError: if the sound cannot be read, is empty or broken.
    """
    from datamodules.batch import SAMPLES_PER_FRAME
    from datamodules.media.reading import sound_blocks

    return math.ceil(sum(len(block) for block in sound_blocks(audio, BLOCK_SECONDS)) / SAMPLES_PER_FRAME)


def stream(
    network: "Generator", reference_3SS: "Tensor", audio: str | Path, cue: "EmotionCue", settings: Settings
) -> "Iterator[Tensor]":
    """Chunks (f, 3, S, S) uint8 of one portrait that speaks a recording."""
    from datamodules.media.reading import sound_blocks
    from moee.generation.idle_motion import NaturalMotion, still_motion

    return network.animate(
        reference_3SS,
        sound_blocks(audio, BLOCK_SECONDS),
        cue,
        head_motion=NaturalMotion(settings.seed) if settings.head_motion == "natural" else still_motion,
        steps=settings.steps,
        seed=settings.seed,
        audio_guidance=settings.audio_guidance,
        emotion_guidance=settings.emotion_guidance,
        emotion_strength=settings.emotion_strength,
    )


def write_animation(
    out: str | Path,
    generator: "LoadedGenerator",
    portrait: "Portrait",
    audio: str | Path,
    cue: "EmotionCue",
    settings: Settings,
    frames: int,
    paste_back: bool = False,
) -> None:
    """One video, pictures as they come, with the recording's own sound."""
    from moee.generation.portrait import PasteBack
    from moee.generation.video_writer import VideoWriter, sound_from_file

    whole = PasteBack(portrait) if paste_back else None
    height, width = (portrait.picture if paste_back else portrait.reference).shape[1:]
    chunks = stream(generator.network, portrait.reference, audio, cue, settings)
    with (
        VideoWriter(out, width, height, sound_from_file(audio), _record(generator, settings, cue)) as writer,
        _progress(frames) as advance,
    ):
        for chunk_F3SS in chunks:
            if whole is None:
                writer.write(chunk_F3SS)
            else:
                for crop_3SS in chunk_F3SS:
                    writer.write(whole(crop_3SS)[None])
            advance(len(chunk_F3SS))
        _check_length(writer.frames, frames)


def write_grid(
    out: str | Path,
    generator: "LoadedGenerator",
    reference_3SS: "Tensor",
    audio: str | Path,
    settings: Settings,
    frames: int,
) -> None:
    """The same line in all of `GRID_EMOTIONS`, side by side with captions, in one video with sound."""
    from datamodules.batch import parse_blend
    from lightning_modules.interfaces import EmotionCue
    from moee.generation.grid import GRID_EMOTIONS, Grid, in_step
    from moee.generation.video_writer import VideoWriter, sound_from_file

    cues = [EmotionCue(label=parse_blend(name)[None]) for name in GRID_EMOTIONS]
    streams = [stream(generator.network, reference_3SS, audio, cue, settings) for cue in cues]
    grid, record = Grid(GRID_EMOTIONS, reference_3SS.shape[1]), _record(generator, settings)
    with (
        VideoWriter(out, grid.width, grid.height, sound_from_file(audio), record) as writer,
        _progress(frames) as advance,
    ):
        for tiles_FT3SS in in_step(streams):
            writer.write(grid.frames(tiles_FT3SS))
            advance(len(tiles_FT3SS))
        _check_length(writer.frames, frames)


def _check_length(written: int, expected: int) -> None:
    if written != expected:
        raise ValueError(
            f"the generator made {written} frames for a sound of {expected}: unusable checkpoint"
        )


def disclosure() -> dict:
    """What every made file says of itself; the source type is IPTC's word for what a trained network made."""
    return {
        "title": "AI-generated talking head",
        "ai_generated": True,
        "digital_source_type": "trainedAlgorithmicMedia",
        "tool": f"moee-suite {_version()}",
    }


def _record(generator: "LoadedGenerator", settings: Settings, cue: "EmotionCue | None" = None) -> dict:
    """What the file says about its making."""
    from lightning_modules.interfaces import given

    own = generator.network.emotion_strength
    return {
        **disclosure(),
        "checkpoint": generator.path.name,
        "checkpoint_sha256": generator.sha256,
        "cues": given(cue) if cue else ["label"],
        **asdict(settings),
        "emotion_strength": own if settings.emotion_strength is None else settings.emotion_strength,
    }


def _version() -> str:
    try:
        return version("moee-suite")
    except PackageNotFoundError:
        return "(not installed)"


@contextmanager
def _progress(frames: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error that is told how many frames were made."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("frames", total=frames)
        yield lambda count: bar.advance(task, count)
