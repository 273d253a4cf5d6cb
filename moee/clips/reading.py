"""Clips as every command reads them: a video, or a folder of numbered frames, with its sound."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import warn

if TYPE_CHECKING:
    from datamodules.media.reading import VideoClip


@dataclass(frozen=True)
class ClipReader:
    """Reads a clip; what has no sound of its own takes that of the sound file of the same name beside it.

    Args:
        frame_rate: of folders of numbered frames, which do not say it; None where there should be none.
        of_folder: rates of single folders, where they differ from that.

    Raises:
        ValueError: for a rate that is not above 0.
    """

    frame_rate: float | None = None
    of_folder: Mapping[Path, float] = field(default_factory=dict)
    told: set[Path] = field(default_factory=set, compare=False)  # whose sound is not used

    def __post_init__(self) -> None:
        for rate in (self.frame_rate, *self.of_folder.values()):
            if rate is not None and not 0 < rate < 1000:
                raise ValueError(f"a frame rate of {rate:g}: expected frames a second, such as 30")

    def rate(self, path: Path) -> float:
        """Of a clip whose file does not say it.

        Raises:
            ValueError: for a folder of frames at an unknown rate.
        """
        from datamodules.batch import FPS
        from evaluation.clips.files import RATELESS

        rate = self.of_folder.get(path, self.frame_rate)
        if rate is None and path.is_dir():
            raise ValueError(f"{path}: {RATELESS}")
        return FPS if rate is None else rate

    def __call__(self, path: Path) -> "VideoClip":
        """The clip, whatever its sound.

        Raises:
            ValueError, OSError: as `read_video`.
        """
        from datamodules.media.folders import sound_beside
        from datamodules.media.reading import read_video

        return read_video(path, frame_rate=self.rate(path), sound=sound_beside(path))

    def true(self, path: Path) -> "VideoClip":
        """A true clip: sound in which no speech can be heard, or that ends early, is told and not used."""
        from datamodules.preparation.clips import sound_of_clip

        clip = self(path)
        if clip.waveform is None:
            return clip
        samples = round(clip.sound_seconds * len(clip.waveform) / clip.seconds)
        try:
            sound_of_clip(clip.waveform[:samples], len(clip.frames))
        except ValueError as error:
            if path not in self.told:
                warn(f"moee: {path.name}: its sound is not used: {error}")
            self.told.add(path)
            return replace(clip, waveform=None, sound_problem=str(error))
        return clip


def left_out_notes(folders: Iterable[Path | None], frame_rate: float | None = None) -> list[str]:
    """A line for each folder of clips that holds something else.

    Args:
        folders: of clips; None is none.
        frame_rate: of folders of frames, as `ClipReader` takes it.

    Raises:
        ValueError, OSError: as `clip_folder`.
    """
    from evaluation.clips.files import clip_folder

    lines = (clip_folder(folder, frame_rate).line for folder in folders if folder is not None)
    return [line for line in lines if line is not None]
