"""Where the true clips of a comparison come from: a folder of videos, or people of the synthetic world."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.clips.true_clips import Clips

BESIDE = "about.json"  # in the folder of the clips, who and what they show; `moee clips` leaves it there
SYNTHETIC_FRAMES, SYNTHETIC_SIZE = 25, 128  # of a synthetic clip: frames at 25 per second, pixels of a side


@dataclass(frozen=True)
class TrueSource:
    """A folder of true videos, or a number of held-out synthetic people.

    Args:
        folder: of the videos.
        synthetic: instead, how many people; the same number gives the same clips on every machine.
        frames: of a synthetic clip.
        size: of a synthetic clip, pixels.
        frame_rate: of folders of numbered frames among the true videos; None leaves them out.

    Raises:
        ValueError: for neither, or for both.
    """

    folder: Path | None = None
    synthetic: int | None = None
    frames: int = SYNTHETIC_FRAMES
    size: int = SYNTHETIC_SIZE
    frame_rate: float | None = None

    def __post_init__(self) -> None:
        if self.folder is None and self.synthetic is None:
            raise ValueError("nothing to compare with: give --reference DIR, or --synthetic N")
        if self.folder is not None and self.synthetic is not None:
            raise ValueError("--reference and --synthetic are both the true videos: leave one out")

    def clips(self, about: Mapping[str, Any] | None = None) -> "Clips":
        """The clips, each read or rendered when it is asked for.

        Args:
            about: of the clips of a folder, as `read_about` gives it.

        Raises:
            ValueError, OSError: as `clips_of_folder` and `synthetic_clips` say.
        """
        from evaluation.clips.folders import clips_of_folder
        from moee.clips.reading import ClipReader
        from moee.clips.sources import synthetic_clips

        if self.folder is not None:
            return clips_of_folder(self.folder, ClipReader(self.frame_rate).true, about, self.frame_rate)
        return synthetic_clips(self.synthetic or 0, self.frames, self.size)
