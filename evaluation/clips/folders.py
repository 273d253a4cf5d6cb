"""True and generated clips as video files. F frame, H row, W column."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from evaluation.clips.errors import about_file
from evaluation.clips.files import RATELESS, some_videos, stem
from evaluation.clips.true_clips import RATE, Clips

SOUND_PROBLEM = "sound_problem"  # what a video that was read tells of sound that is not to be used


def clips_of_folder(
    folder: Path,
    read_video: Callable[[Path], Any],
    about: Mapping[str, Mapping] | None = None,
    frame_rate: float | None = None,
) -> Clips:
    """The videos of a folder in order of their names, with their sound as `waveform` where they have one.

    Args:
        folder: of the videos.
        read_video: reads one of them, or a folder of frames.
        about: key -> `identity`, `blend` (E,).
        frame_rate: of folders of frames; None leaves them out.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no videos, or a stem twice.
    """
    return clips_of_files(some_videos(folder, frame_rate).files, read_video, about or {})


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
        optional = {name: getattr(video, name, None) for name in ("waveform", RATE, SOUND_PROBLEM)}
        known_fields = {name: x for name, x in optional.items() if x is not None and x != ""}
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


def videos_of_folder(
    generated: Path, clips: Clips, read_video: Callable[[Path], Any], frame_rate: float | None = None
) -> FinishedVideos:
    """Finished videos, matched by file stem.

    Args:
        generated: folder of the videos.
        clips: the true ones.
        read_video: reads one of them, or a folder of frames.
        frame_rate: of folders of frames.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no videos, a stem twice, one that no true clip has, or the frames of a clip at
            an unknown rate.
    """
    inside, keys = some_videos(generated, frame_rate), set(clips.keys)
    if stray := sorted(inside.files.keys() - keys):
        raise ValueError(f"{len(stray)} videos in {generated} have no counterpart, the first is {stray[0]!r}")
    if rateless := sorted(inside.rateless.keys() & keys):
        raise ValueError(f"{inside.rateless[rateless[0]]}: {RATELESS}")
    unread = {stem(path.name): f"{path.as_posix()}: {why}" for path, why in inside.left_out.items()}

    def find(index: int, _: int) -> Path | None:
        key = clips.keys[index]
        if key not in inside.files and key in unread:
            raise FileNotFoundError(f"nothing was generated that is read; {unread[key]}")
        return inside.files.get(key)

    return FinishedVideos(find, read_video)
