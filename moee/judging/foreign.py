"""Another system's videos for our clips, made by its own code in its own environment. S sound sample."""

import json
import os
import subprocess
import sys
import time
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.clips.true_source import SYNTHETIC_FRAMES, SYNTHETIC_SIZE, TrueSource
from moee.console import Tell, silent
from moee.files import check_folder, check_writable, replacing, write_text
from moee.smoke import lowered

if TYPE_CHECKING:
    from torch import Tensor

    from evaluation.clips.true_clips import Clips
    from moee.judging.adapter import Adapter

MANIFEST_VERSION = 1


@dataclass(frozen=True)
class ForeignVideos:
    """What another system made.

    Args:
        videos: the folder of the videos.
        record: what `moee evaluate --system` reads.
        log: what the system wrote while it worked.
        clips: how many there are.
        asked: how many had no video before.
        broken: keys of those that still have none.
        notes: lines on clips without an entry in the file of who and which emotion, and on files left out.
    """

    videos: Path
    record: Path
    log: Path
    clips: int
    asked: int
    broken: list[str]
    notes: list[str]


def foreign(
    adapter: str | Path,
    out: str | Path,
    *,
    reference: str | Path | None = None,
    synthetic: int | None = None,
    about: str | Path | None = None,
    seed: int = 0,
    frames: int = SYNTHETIC_FRAMES,
    size: int = SYNTHETIC_SIZE,
    frame_rate: float | None = None,
    tell: Tell = silent,
) -> ForeignVideos:
    """Let another system make a video of each true clip that has none yet, by its own code.

    Args:
        adapter: a YAML file, how it is run.
        out: folder to fill; `evaluate(generated=out)` takes it.
        reference: folder of the true videos, with sound.
        synthetic: instead, that many held-out synthetic people.
        about: a JSON file that tells who and which emotion each clip shows; None is the `about.json` in the
            folder of the true videos, if there is one.
        seed: told to the system.
        frames: of a synthetic clip.
        size: of a synthetic clip, pixels.
        frame_rate: of folders of numbered frames among the true clips, frames a second.
        tell: told how many clips it is asked for.

    Raises:
        ValueError: for a clip that cannot be read or has no sound, or a system that fails; in one line.
        OSError: if a file is missing or cannot be written.
    """
    from moee.judging.adapter import read_adapter

    small = lowered("foreign", {"synthetic": synthetic, "frames": frames})
    synthetic, frames = small.get("synthetic", synthetic), small.get("frames", frames)
    true = TrueSource(None if reference is None else Path(reference), synthetic, frames, size, frame_rate)
    return make_foreign_videos(read_adapter(Path(adapter)), true, out, about=about, seed=seed, tell=tell)


def make_foreign_videos(
    adapter: "Adapter",
    true: TrueSource,
    out: str | Path,
    *,
    about: str | Path | None = None,
    seed: int = 0,
    tell: Tell = silent,
) -> ForeignVideos:
    """Let another system make a video of each true clip that has none yet.

    Args:
        adapter: how it is run.
        true: a folder of the true videos, with sound, or synthetic people.
        out: folder to fill: `videos`, `inputs`, `manifest.json`, `system.json` and `log.txt`.
        about: a JSON file that tells who and which emotion each clip shows; None is the `about.json` in the
            folder of the true videos, if there is one.
        seed: told to the system.
        tell: told how many clips it is asked for.

    Raises:
        ValueError: for a clip that cannot be read or has no sound, or a system that fails; in one line.
        OSError: if a file is missing or cannot be written.
    """
    from moee.clips.about import check_about, find_about, read_about
    from moee.clips.reading import left_out_notes

    folder = Path(out)
    check_folder(folder)
    for name in ("manifest.json", "system.json", "log.txt"):
        check_writable(folder / name)
    about_file = find_about(Path(about) if about else None, true.folder)
    known = read_about(about_file) if about_file else None
    clips = true.clips(known)
    notes = check_about(known, clips.keys, about_file) if known is not None and about_file else []
    manifest = write_manifest(clips, folder, seed)
    asked = manifest["clips"]
    notes += left_out_notes([true.folder], true.frame_rate)
    for line in (*notes, f"{adapter.name}: {len(asked)} of {len(clips.keys)} clips to make"):
        tell(line)
    seconds = run_adapter(adapter, folder) if asked else 0.0
    memory = peak_of_children_mb() if asked else None
    broken = [clip["key"] for clip in asked if not is_video(Path(clip["video"]))]
    frames = 0 if broken else sum(clip["frames"] for clip in asked)
    record = folder / "system.json"
    if asked:
        content = system_record(adapter, seconds, frames, seed, memory)
        write_text(record, json.dumps(content, indent=1) + "\n")
    return ForeignVideos(
        folder / "videos", record, folder / "log.txt", len(clips.keys), len(asked), broken, notes
    )


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
        if is_video(video):
            continue
        clip = clips.load(index)
        if "waveform" not in clip:
            problem = clip.get("sound_problem", "the true video has no sound")
            raise ValueError(f"{key}: {problem}, and a talking head needs a voice")
        portrait, audio = ((out / "inputs" / f"{key}{suffix}").resolve() for suffix in (".png", ".wav"))
        reference_3HW = clip.get("reference", clip["frames"][0])
        Image.fromarray(reference_3HW.permute(1, 2, 0).numpy()).save(portrait)
        write_wav(audio, clip["waveform"])
        entry: dict[str, Any] = {
            "key": key,
            "portrait": str(portrait),
            "audio": str(audio),
            "video": str(video),
        }
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


def run_adapter(adapter: "Adapter", out: Path) -> float:
    """Run the system on the manifest in `out`, its words going to `log.txt`; how many seconds it took.

    Raises:
        ValueError: if it cannot be started, takes too long or fails; with the end of what it said.
    """
    log = out / "log.txt"
    words = _words(adapter.command, out)
    environment = os.environ | adapter.environment
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
        words = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise ValueError(f"{adapter.name} ended with status {done.returncode}: {words[-1]}; see {log}")
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
    adapter: "Adapter", seconds: float, frames: int, seed: int, memory: float | None = None
) -> dict[str, Any]:
    """What `moee evaluate --system` reads: an `evaluation.results.result.System` as plain data."""
    from evaluation.results.system import System

    about = {"revision": adapter.revision, "licence": adapter.licence, "command": " ".join(adapter.command)}
    settings = {"made by": "its own code"} | {k: v for k, v in about.items() if v} | adapter.settings
    cost = seconds / frames if frames else None
    system = System(
        adapter.name, seeds=[seed], settings=settings, seconds_per_frame=cost, peak_memory_mb=memory
    )
    return asdict(system)


def is_video(path: Path) -> bool:
    """Whether a file is there and can be read as a video."""
    from datamodules.media.reading import video_info

    try:
        return path.is_file() and bool(video_info(path))
    except (ValueError, OSError):
        return False
