"""True and generated clips as video files. F frame, H row, W column."""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any
from unicodedata import normalize

from torch import Tensor

from evaluation.clips.errors import about_file
from evaluation.clips.true_clips import RATE, Clips

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")


def clips_of_folder(
    folder: Path, read_video: Callable[[Path], Any], about: Mapping[str, Mapping] | None = None
) -> Clips:
    """The videos of a folder in order of their names, with their sound as `waveform` where they have one.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no videos, or a stem twice.
    """
    return clips_of_files(_some_videos(folder), read_video, about or {})


def clips_of_files(
    files: Mapping[str, Path],
    read_video: Callable[[Path], Any],
    about: Mapping[str, Mapping],
    portraits: Mapping[str, Path] | None = None,
    read_image: Callable[[Path], Tensor] | None = None,
) -> Clips:
    """Videos by key in order of the keys, as `clips_of_folder`; portraits become `reference`."""
    keys, portraits = sorted(files), portraits or {}

    def known(index: int) -> dict[str, Any]:
        return {name: x for name, x in about.get(keys[index], {}).items() if name != "identity"}

    def load(index: int) -> dict[str, Any]:
        key = keys[index]
        with about_file(files[key]):
            video = read_video(files[key])
        optional = {"waveform": getattr(video, "waveform", None), RATE: getattr(video, RATE, None)}
        known_fields = {name: x for name, x in optional.items() if x is not None}
        if read_image and key in portraits:
            with about_file(portraits[key]):
                known_fields["reference"] = read_image(portraits[key])
        return known(index) | {"frames": video.frames, "file": files[key].name} | known_fields

    return Clips(keys, [str(about.get(key, {}).get("identity", key)) for key in keys], load, known)


class FinishedVideos:
    """A `Generate` that reads what was made before, and keeps the frame rates of the files.

    Args:
        find: number of a clip and seed -> its file; None where nothing was generated.
        read_video: reads one file.
    """

    def __init__(self, find: Callable[[int, int], Path | None], read_video: Callable[[Path], Any]) -> None:
        self.find, self.read_video = find, read_video
        self.rates: dict[int, float | None] = {}

    def __call__(self, index: int, truth: Mapping[str, Any], seed: int) -> Tensor:
        self.rates.pop(index, None)
        path = self.find(index, seed)
        if path is None:
            raise FileNotFoundError("nothing was generated")
        with about_file(path):
            video = self.read_video(path)
        self.rates[index] = getattr(video, RATE, None)
        return video.frames


def videos_of_folder(generated: Path, clips: Clips, read_video: Callable[[Path], Any]) -> FinishedVideos:
    """Finished videos, matched by file stem.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no videos, a stem twice, or one that no true clip has.
    """
    videos = _some_videos(generated)
    stray = sorted(videos.keys() - set(clips.keys))
    if stray:
        raise ValueError(f"{len(stray)} videos in {generated} have no counterpart, the first is {stray[0]!r}")
    return FinishedVideos(lambda index, _: videos.get(clips.keys[index]), read_video)


def _some_videos(folder: Path) -> dict[str, Path]:
    videos = videos_in(folder)
    if not videos:
        inside = [path.name for path in sorted(Path(folder).iterdir()) if path.is_dir() and _holds_any(path)]
        hint = f": name one of its folders that do, such as {inside[0]}" if inside else ""
        raise ValueError(f"{folder} holds no videos ({', '.join(VIDEO_SUFFIXES)}){hint}")
    return videos


def _holds_any(folder: Path) -> bool:
    return any(path.suffix.lower() in VIDEO_SUFFIXES for path in folder.iterdir())


def videos_in(folder: Path) -> dict[str, Path]:
    """Stem -> path of the videos in a folder; hidden files, such as half-written ones, are none.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it is a file, holds a stem twice, or a name that no result could be published with.
    """
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(f"{folder} is a file: name the folder it lies in")
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    paths: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith("."):
            continue
        if not path.name.isprintable():
            raise ValueError(
                f"{folder} holds {path.name!a}: a name must be printable, rename it on both sides"
            )
        key = stem(path.name)
        if key in paths:
            raise ValueError(f"{folder} holds {key!r} twice: {paths[key].name}, {path.name}")
        paths[key] = path
    return paths


def stem(name: str) -> str:
    """Name without its ending, composed: an accented letter is one sign, wherever a file was copied from."""
    return normalize("NFC", PurePath(name).stem)
