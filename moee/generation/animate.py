"""One portrait, one voice and one emotion to a video with sound. f frame of a chunk, S picture side."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import Watch, unwatched, warn
from moee.files import check_no_input, check_space
from moee.generation.cue_request import CueRequest, understood_request
from moee.generation.disclosure import video_record
from moee.generation.settings import STEPS, Gate, SamplingSettings

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.interfaces import EmotionCue
    from moee.generation.generator import Generator, LoadedGenerator
    from moee.generation.portrait import Portrait

PIXEL_SECONDS = 3e-8  # of two cores, to put a pixel of a large picture together and encode it
BLOCK_SECONDS = 10.0  # of sound that is read at once
LEAST_PIXEL_BYTES, SOUND_BYTES = 0.004, 480  # of a frame of H.264 where little moves, and of its sound


@dataclass(frozen=True)
class Animation:
    """A written video: where it is, how long, and by which network."""

    path: Path
    frames: int
    checkpoint_sha256: str

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        from datamodules.batch import FPS

        return self.frames / FPS


def animate(
    portrait: str | Path,
    audio: str | Path,
    out: str | Path,
    *,
    emotion: str | None = None,
    text: str | None = None,
    emotion_audio: str | Path | None = None,
    action_units: str | None = None,
    timeline: str | Path | None = None,
    palette: str | None = None,
    grid: bool = False,
    paste_back: bool = False,
    face_box: str | None = None,
    detector: str | Path | None = None,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    steps: int = STEPS,
    seed: int = 0,
    audio_guidance: float = 1.0,
    emotion_guidance: float = 1.0,
    emotion_strength: float | None = None,
    head_motion: str = "natural",
    gate: Gate | None = None,
    watch: Watch = unwatched,
) -> Animation:
    """Write the video of a portrait that speaks a recording, in plain values.

    The cues from `emotion` to `palette` are those of `CueRequest`, where none is neutral; `steps` and all
    that follow are those of `SamplingSettings`; the rest is told in `animate_portrait`, as is what it raises.
    """
    return animate_portrait(
        portrait,
        audio,
        out,
        CueRequest(emotion, text, emotion_audio, action_units, timeline, palette),
        SamplingSettings(steps, seed, audio_guidance, emotion_guidance, emotion_strength, head_motion, gate),
        grid=grid,
        paste_back=paste_back,
        face_box=face_box,
        detector=detector,
        checkpoint=checkpoint,
        device=device,
        precision=precision,
        watch=watch,
    )


def animate_portrait(
    portrait: str | Path,
    audio: str | Path,
    out: str | Path,
    request: CueRequest,
    settings: SamplingSettings,
    *,
    grid: bool = False,
    paste_back: bool = False,
    face_box: str | None = None,
    detector: str | Path | None = None,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    watch: Watch = unwatched,
) -> Animation:
    """Write the video of a portrait that speaks a recording: H.264 and AAC at 25 frames per second.

    Args:
        portrait: a picture with one face, of any size.
        audio: the voice, a sound or video file of any length.
        out: the video to write, `.mp4`.
        request: how the portrait feels.
        settings: of the sampler.
        grid: neutral, six emotions and a compound one side by side, instead of one emotion.
        paste_back: put the face back into the whole picture.
        face_box: `x y w h` of the face from hairline to chin in pixels; no detector is needed then.
        detector: a landmark model, if it is not among the known weights.
        checkpoint: a talking head by its file or name; None is the shipped one.
        device: `cpu`, `cuda`, `cuda:1` or `auto`.
        precision: `32`, `bf16` or `auto`.
        watch: told how many frames are made.

    Raises:
        ValueError: in one line, for any bad input; nothing is written then.
        OSError: if a file is missing or cannot be written.
    """
    from datamodules.faces.crop import parse_box
    from evaluation.runtime.devices import choose_device
    from moee.generation import cues
    from moee.generation.gates import choose_gate
    from moee.generation.generator import FOR_PORTRAITS, load_generator
    from moee.generation.portrait import open_portrait

    _check_files(portrait, audio, out, request)
    if grid:
        _check_grid(request, paste_back)
    cues.check(request)
    chosen_device, frames = choose_device(device), count_frames(audio)
    box = parse_box(face_box) if face_box is not None else None
    generator = load_generator(checkpoint or FOR_PORTRAITS, precision, chosen_device)
    cue = _cue(generator, request, frames)
    settings = replace(settings, gate=choose_gate(generator.network, settings.gate, cue))
    opened = open_portrait(portrait, generator.network.size, box, detector)
    _check_cost(out, opened, frames, paste_back)
    if grid:
        write_grid(out, generator, opened.reference, audio, settings, frames, watch, opened.points)
    else:
        write_animation(out, generator, opened, audio, cue, settings, frames, paste_back, watch)
    return Animation(Path(out), frames, generator.sha256)


def _cue(generator: "LoadedGenerator", request: CueRequest, frames: int) -> "EmotionCue":
    """What is asked for, without a text that the network does not understand; a line says so."""
    from moee.generation import cues

    return cues.build(
        understood_request(generator.network, request, lambda line: warn(f"moee: {line}")), frames
    )


def _check_files(portrait: str | Path, audio: str | Path, out: str | Path, request: CueRequest) -> None:
    from moee.generation.video_writer import check_target

    check_target(out)
    check_no_input(Path(out), [request.emotion_audio])
    for option, path in (("--portrait", Path(portrait)), ("--audio", Path(audio))):
        if not path.is_file():
            raise FileNotFoundError(f"{option} {path}: no such file")
        if path.resolve() == Path(out).resolve():
            raise ValueError(f"--out {out}: is also the {option}, name another file")


def least_bytes(portrait: "Portrait", frames: int, paste_back: bool) -> int:
    """What a video takes on the disk at least: a still background, and the voice.

    Args:
        portrait: that speaks.
        frames: of the video.
        paste_back: whether it shows the whole picture.
    """
    height, width = (portrait.picture if paste_back else portrait.reference).shape[1:]
    return round(frames * (height * width * LEAST_PIXEL_BYTES + SOUND_BYTES))


def _check_cost(out: str | Path, portrait: "Portrait", frames: int, paste_back: bool) -> None:
    """Refuse a video that does not fit on the disk, and say what a large one takes."""
    check_space(Path(out), least_bytes(portrait, frames, paste_back))
    if paste_back and (line := cost_line(portrait, frames)):
        warn(f"moee: {line}")


def cost_line(portrait: "Portrait", frames: int) -> str | None:
    """What is to be said beforehand of a large picture that is shown as a whole; None of others."""
    from moee.generation.video_writer import LARGE_PIXELS

    height, width = portrait.picture.shape[1:]
    if height * width <= LARGE_PIXELS:
        return None
    seconds = frames * height * width * PIXEL_SECONDS
    return (
        f"--paste-back: {frames} frames of {width} x {height} pixels take about {seconds:.0f} s beside the "
        f"network's time; a picture of half the sides takes a quarter"
    )


def _check_grid(request: CueRequest, paste_back: bool) -> None:
    for option in [*request.options, *(["--paste-back"] if paste_back else [])]:
        raise ValueError(f"--grid shows every emotion in its own tile: drop {option}")


def count_frames(audio: str | Path) -> int:
    """Frames at 25 per second that a recording fills: ceil(samples / 640). Reads it once, in bounded memory.

    Raises:
        ValueError: if the sound cannot be read, is empty or broken.
    """
    from datamodules.batch import SAMPLES_PER_FRAME
    from datamodules.media.reading import sound_blocks

    return math.ceil(sum(len(block) for block in sound_blocks(audio, BLOCK_SECONDS)) / SAMPLES_PER_FRAME)


def stream(
    network: "Generator",
    reference_3SS: "Tensor",
    audio: str | Path,
    cue: "EmotionCue",
    settings: SamplingSettings,
    points_K2: "Tensor | None" = None,
) -> "Iterator[Tensor]":
    """Chunks (f, 3, S, S) uint8 of one portrait, whose face has these points, that speaks a recording."""
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
        points=points_K2,
    )


def write_animation(
    out: str | Path,
    generator: "LoadedGenerator",
    portrait: "Portrait",
    audio: str | Path,
    cue: "EmotionCue",
    settings: SamplingSettings,
    frames: int,
    paste_back: bool = False,
    watch: Watch = unwatched,
) -> None:
    """One video, pictures as they come, with the recording's own sound.

    Raises:
        ValueError: if the network makes another number of frames; nothing is left then.
    """
    from moee.generation.backdrop import Backdrop
    from moee.generation.portrait import PasteBack
    from moee.generation.video_writer import VideoWriter, sound_from_file

    paste = PasteBack(portrait) if paste_back else None
    backdrop = Backdrop(portrait.picture, paste.place) if paste else None
    height, width = (portrait.picture if paste_back else portrait.reference).shape[1:]
    chunks = stream(generator.network, portrait.reference, audio, cue, settings, portrait.points)
    record = video_record(generator, settings, cue)
    with VideoWriter(out, width, height, sound_from_file(audio), record) as writer:
        for chunk_f3SS in chunks:
            if paste is None or backdrop is None:
                writer.write(chunk_f3SS)
            else:
                for crop_3SS in chunk_f3SS.cpu():
                    writer.write_frame(backdrop.frame(paste.part(crop_3SS)))
            watch(writer.frames, frames)
        _check_length(writer.frames, frames)


def write_grid(
    out: str | Path,
    generator: "LoadedGenerator",
    reference_3SS: "Tensor",
    audio: str | Path,
    settings: SamplingSettings,
    frames: int,
    watch: Watch = unwatched,
    points_K2: "Tensor | None" = None,
) -> None:
    """The same line in all of `GRID_EMOTIONS`, side by side with captions, in one video with sound."""
    from datamodules.batch import parse_blend
    from lightning_modules.interfaces import EmotionCue
    from moee.generation.grid import GRID_EMOTIONS, Grid, in_step
    from moee.generation.video_writer import VideoWriter, sound_from_file

    cues = [EmotionCue(label=parse_blend(name)[None]) for name in GRID_EMOTIONS]
    streams = [stream(generator.network, reference_3SS, audio, cue, settings, points_K2) for cue in cues]
    grid, record = Grid(GRID_EMOTIONS, reference_3SS.shape[1]), video_record(generator, settings)
    with VideoWriter(out, grid.width, grid.height, sound_from_file(audio), record) as writer:
        for tiles_fT3SS in in_step(streams):
            writer.write(grid.frames(tiles_fT3SS))
            watch(writer.frames, frames)
        _check_length(writer.frames, frames)


def _check_length(written: int, expected: int) -> None:
    if written != expected:
        raise ValueError(
            f"the generator made {written} frames for a sound of {expected}: unusable checkpoint"
        )
