"""`moee foreign`: another system's videos for our clips, made by its own code in its own environment."""

import argparse
import json
import os
import subprocess
import sys
import time
import wave
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import say, warn
from moee.files import replacing, write_text

if TYPE_CHECKING:
    from torch import Tensor

    from evaluation.clips.pair import Clips

MANIFEST_VERSION = 1
DESCRIPTION = """Let another system make videos of your clips, to be scored by `moee evaluate` like ours.

An adapter is one YAML file: a name and a command. The command gets a manifest, a JSON file that lists
portraits, voices, emotions and where each video belongs, and runs in an environment of its own; nothing of
that system enters this one.

Run the same command again after an interruption: only what is missing is asked for.
"""
EXAMPLES = """\
examples:
  moee foreign docs/foreign/still_picture.yaml --reference clips/test --out made/still
  moee evaluate --generated made/still/videos --system made/still/system.json \\
      --reference clips/test --out results/still.json

The adapter:
  name: their system
  command: [/envs/theirs/bin/python, wrapper.py, "{manifest}"]

{manifest} becomes its path, {out} the folder of the videos, and {python} the interpreter that runs moee, for
a wrapper that needs nothing else.

Also known: folder (where the command runs, default: the adapter's own), environment (variables), minutes (at
most), revision, licence, settings.
"""


@dataclass(frozen=True)
class Adapter:
    """How another system is run.

    Args:
        name: as tables show it.
        command: program and arguments, no shell; `{manifest}` becomes the manifest's path, `{out}` the folder
            of the videos, `{python}` the interpreter that runs this.
        folder: where the command runs.
        environment: variables beside those of this process.
        minutes: after which it is stopped.
        revision: of its code, such as a commit.
        licence: of its code and weights.
        settings: what else a reader of the table should know.

    Raises:
        ValueError: if a value is of another kind, or the command never names the manifest.
    """

    name: str
    command: Sequence[str]
    folder: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    minutes: float = 600.0
    revision: str = ""
    licence: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        words = self.command
        if isinstance(words, str) or not words or not all(isinstance(word, str) for word in words):
            raise ValueError('command: expected a list of words, such as [python, run.py, "{manifest}"]')
        if not any("{manifest}" in word for word in words):
            raise ValueError("command: no word holds {manifest}, so the system cannot know what to make")
        if not isinstance(self.minutes, int | float) or self.minutes <= 0:
            raise ValueError(f"minutes: {self.minutes!r} is not a positive number")


def read_adapter(path: Path) -> Adapter:
    """An adapter file, its folder made absolute.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for broken YAML, an unknown key, or what `Adapter` refuses; with the file's name.
    """
    from evaluation.validation import read_pairs
    from moee.config_errors import unknown_key

    content: dict[str, Any] = read_pairs(path, "adapter")
    known = [entry.name for entry in fields(Adapter)]
    for key in content:
        if key not in known:
            raise ValueError(f"{path.name}: {unknown_key('', str(key), known)}")
    if missing := [key for key in ("name", "command") if key not in content]:
        raise ValueError(f"{path.name}: {missing[0]} is missing")
    folder = (path.resolve().parent / str(content.get("folder", "."))).resolve()
    try:
        return Adapter(**(content | {"folder": str(folder)}))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee foreign`."""
    parser.add_argument("adapter", type=Path, metavar="ADAPTER.yaml", help="how the system is run")
    parser.add_argument("--reference", type=Path, required=True, metavar="DIR", help="true videos with sound")
    parser.add_argument(
        "--about", type=Path, metavar="FILE", help="who and which emotion, as in moee evaluate"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to fill")
    parser.add_argument("--seed", type=int, default=0, help="told to the system (default: 0)")


def run(args: argparse.Namespace) -> int:
    """`moee foreign`: 0 when every clip has a video."""
    from datamodules.media.reading import read_video
    from evaluation.clips.pair import clips_of_folder
    from moee.judging.about import check_about
    from moee.judging.evaluate import read_about

    adapter = read_adapter(args.adapter)
    about = read_about(args.about) if args.about else None
    clips = clips_of_folder(args.reference, read_video, about)
    for line in [] if about is None else check_about(about, clips.keys, args.about):
        say(line)
    manifest = write_manifest(clips, args.out, args.seed)
    asked = manifest["clips"]
    say(f"{adapter.name}: {len(asked)} of {len(clips.keys)} clips to make")
    seconds = call(adapter, args.out) if asked else 0.0
    memory = peak_of_children_mb() if asked else None
    broken = [clip["key"] for clip in asked if not _is_video(Path(clip["video"]))]
    record = system_record(
        adapter, seconds, sum(clip["frames"] for clip in asked) if not broken else 0, args.seed, memory
    )
    if asked:
        write_text(args.out / "system.json", json.dumps(record, indent=1) + "\n")
    if broken:
        log = args.out / "log.txt"
        warn(f"moee: {len(broken)} clips have no readable video, the first is {broken[0]!r}: see {log}")
        return 1
    say(f"videos: {args.out / 'videos'}, record: {args.out / 'system.json'}")
    return 0


def write_manifest(clips: "Clips", out: Path, seed: int) -> dict[str, Any]:
    """Portraits, voices and the manifest of the clips that have no video yet.

    Raises:
        ValueError: for a clip that cannot be read or has no sound; names it.
    """
    from PIL import Image

    from datamodules.batch import EMOTIONS, blend_label

    entries: list[dict[str, Any]] = []
    for name in ("inputs", "videos"):
        (out / name).mkdir(parents=True, exist_ok=True)
    for index, key in enumerate(clips.keys):
        video = (out / "videos" / f"{key}.mp4").resolve()
        if _is_video(video):
            continue
        clip = clips.load(index)
        if "waveform" not in clip:
            raise ValueError(f"{key}: the true video has no sound, and a talking head needs a voice")
        portrait, audio = ((out / "inputs" / f"{key}{suffix}").resolve() for suffix in (".png", ".wav"))
        Image.fromarray(clip["frames"][0].permute(1, 2, 0).numpy()).save(portrait)
        write_wav(audio, clip["waveform"])
        entry = {"key": key, "portrait": str(portrait), "audio": str(audio), "video": str(video)}
        entry["frames"] = len(clip["frames"])
        if "blend" in clip:
            entry["emotion"] = blend_label(clip["blend"])
            entry["blend"] = dict(zip(EMOTIONS, clip["blend"].tolist(), strict=True))
        entries.append(entry)
    manifest = {"version": MANIFEST_VERSION, "fps": 25, "sample_rate": 16000, "seed": seed, "clips": entries}
    write_text(out / "manifest.json", json.dumps(manifest, indent=1) + "\n")
    return manifest


def write_wav(path: Path, waveform_S: "Tensor") -> None:
    """A sound (S,) at 16 kHz as 16-bit PCM."""
    with replacing(path) as partial, wave.open(str(partial), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((waveform_S.clamp(-1, 1) * 32767).short().numpy().tobytes())


def call(adapter: Adapter, out: Path) -> float:
    """Run the system on the manifest in `out`, its words going to `log.txt`; how many seconds it took.

    Raises:
        ValueError: if it cannot be started, takes too long or fails; with the end of what it said.
    """
    log = out / "log.txt"
    words = _words(adapter.command, out)
    environment = os.environ | {name: str(value) for name, value in adapter.environment.items()}
    start = time.perf_counter()
    with log.open("wb") as file:
        try:
            done = subprocess.run(
                words,
                cwd=adapter.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=adapter.minutes * 60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ValueError(
                f"{adapter.name} took more than {adapter.minutes:g} minutes: see {log}"
            ) from None
        except OSError as error:
            raise ValueError(f"{adapter.name} cannot be started: {words[0]}: {error.strerror}") from None
    if done.returncode:
        said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise ValueError(f"{adapter.name} ended with status {done.returncode}: {said[-1]}; see {log}")
    return time.perf_counter() - start


def _words(command: Sequence[str], out: Path) -> list[str]:
    """The command with what its marks stand for."""
    places = {"{manifest}": str((out / "manifest.json").resolve()), "{out}": str((out / "videos").resolve())}
    places["{python}"] = sys.executable  # as it was called: resolved, it would leave its environment
    for mark, text in places.items():
        command = [word.replace(mark, text) for word in command]
    return list(command)


def peak_of_children_mb() -> float | None:
    """Largest resident size of a process started by this one, main memory; None where nobody tells.

    A child begins as a copy of its parent, so no more than the parent's own peak says nothing of the child.
    """
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    child, own = (
        resource.getrusage(who).ru_maxrss * unit / 2**20
        for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)
    )
    return child if child > own else None


def system_record(
    adapter: Adapter, seconds: float, frames: int, seed: int, memory: float | None = None
) -> dict[str, Any]:
    """What `moee evaluate --system` reads: an `evaluation.results.result.System` as plain data."""
    from evaluation.results.system import System

    about = {"revision": adapter.revision, "licence": adapter.licence, "command": " ".join(adapter.command)}
    settings = {"made by": "its own code"} | {k: v for k, v in about.items() if v} | dict(adapter.settings)
    cost = seconds / frames if frames else None
    known = {"settings": settings, "seconds_per_frame": cost, "peak_memory_mb": memory}
    return asdict(System(adapter.name, seeds=[seed], **known))


def _is_video(path: Path) -> bool:
    from datamodules.media.reading import video_info

    try:
        return path.is_file() and bool(video_info(path))
    except (ValueError, OSError):
        return False
