"""Finished videos and the true ones, from two folders or from a manifest. F frame, H row, W column."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.clips.folders import FinishedVideos, videos_of_folder
from evaluation.clips.true_clips import Clips
from evaluation.protocol import Protocol, prepare
from evaluation.results.system import System
from moee.clips.manifest import clips_of_manifest, frame_rates, read_manifest
from moee.clips.system_record import read_system, videos_and_record
from moee.clips.true_source import SYNTHETIC_FRAMES, TrueSource

if TYPE_CHECKING:
    from torch import Tensor

    from moee.clips.sources import Entry


@dataclass(frozen=True)
class VideoSource:
    """Where finished videos and the true ones lie: a manifest, or two folders of the same file stems.

    Args:
        manifest: lists both.
        generated: folder of the finished videos, or what `moee foreign` leaves.
        reference: folder of the true ones.
        synthetic: instead, the true clips are that many held-out synthetic people.
        frames: of a synthetic clip.
        frame_rate: of folders of numbered frames; None leaves them out.

    Raises:
        ValueError: for neither, or for one folder alone.
    """

    manifest: Path | None = None
    generated: Path | None = None
    reference: Path | None = None
    synthetic: int | None = None
    frames: int = SYNTHETIC_FRAMES
    frame_rate: float | None = None

    def __post_init__(self) -> None:
        if self.manifest is None and (
            self.generated is None or (self.reference is None and self.synthetic is None)
        ):
            raise ValueError(
                "finished videos need --manifest FILE, or --generated DIR and --reference or --synthetic"
            )

    @property
    def folder(self) -> Path | None:
        """Of the finished videos; None where a manifest lists them."""
        return videos_and_record(self.generated)[0] if self.generated else None

    @property
    def record(self) -> Path | None:
        """What made the videos, where `moee foreign` left that beside them."""
        return videos_and_record(self.generated)[1] if self.generated else None

    @property
    def path(self) -> Path:
        """What the videos are listed in, or the folder they lie in."""
        return self.manifest or self.generated or Path()

    def true(self, size: int) -> TrueSource:
        """The true clips of finished videos in a folder.

        Args:
            size: of synthetic clips, pixels.
        """
        return TrueSource(self.reference, self.synthetic, self.frames, size, self.frame_rate)

    @property
    def folders(self) -> list[Path]:
        """Those that are looked through for clips."""
        return [folder for folder in (self.folder, self.reference) if folder is not None]

    @property
    def name(self) -> str:
        """What a system is called whose videos have no other name."""
        return self.manifest.stem if self.manifest else self.path.resolve().name


def finished_entry(
    source: VideoSource,
    protocol: Protocol,
    about: Mapping[str, Any] | None = None,
    system_file: Path | None = None,
    name: str | None = None,
) -> "tuple[Clips, Entry]":
    """The true clips, and the finished videos as what is compared with them.

    Args:
        source: of both.
        protocol: whose preparation a portrait gets.
        about: of the clips of a folder, as `read_about` gives it.
        system_file: the record of what made them; None is the one beside them, if there is one.
        name: of the system; None is its record's, or the source's.

    Raises:
        ValueError: if the seeds of the record do not fit the videos, or as `finished_videos` says.
    """
    record = system_file or source.record
    system = read_system(record) if record else System(source.name)
    system = replace(system, name=name) if name else system
    clips, make, seeds = finished_videos(source, protocol, about)
    teller = "--system" if system_file else str(record)
    return clips, (replace(system, seeds=_seeds(source.path, seeds, system.seeds, teller)), make)


def finished_videos(
    source: VideoSource, protocol: Protocol, about: Mapping[str, Any] | None = None
) -> tuple[Clips, FinishedVideos, list[int]]:
    """The true clips, the finished videos, and their seeds where the manifest tells them.

    Args:
        source: of both.
        protocol: whose preparation a portrait gets.
        about: of the clips of a folder.

    Raises:
        ValueError: if portraits do not fit the protocol, or as `read_manifest` and `videos_of_folder` say.
    """
    from moee.clips.reading import ClipReader

    if source.manifest:
        listed = read_manifest(source.manifest, source.frame_rate)
        size = int(protocol.preprocessing["size"])
        if "face_crop" in protocol.preprocessing and any(entry.portrait for entry in listed):
            raise ValueError(
                f"{source.manifest}: {protocol.tag} cuts pictures where the true video shows its face, "
                "which says nothing of a portrait: leave `portrait` out, or evaluate face crops "
                "under another protocol"
            )
        reader = ClipReader(source.frame_rate, frame_rates(listed))
        return clips_of_manifest(listed, reader, lambda path: read_portrait(path, size))
    clips = source.true(int(protocol.preprocessing["size"])).clips(about)
    reader = ClipReader(source.frame_rate)
    return clips, videos_of_folder(source.folder or Path(), clips, reader, source.frame_rate), []


def _seeds(source: Path, of_videos: list[int], of_record: list[int], teller: str) -> list[int]:
    """Seeds of the videos, as the manifest or the system's record, which `teller` names, tells them."""
    if of_videos and of_record and of_videos != sorted(of_record):
        raise ValueError(f"{source} has videos of the seeds {of_videos}, {teller} tells of {of_record}")
    if not of_videos and len(of_record) > 1:
        raise ValueError(
            f"{source} has one video a clip, {teller} tells of the seeds {of_record}: "
            "give a --manifest with a `seed` for each video"
        )
    return of_videos or of_record


def read_portrait(path: Path, size: int) -> "Tensor":
    """A picture (3, size, size) uint8, prepared as video is.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is unreadable or not square.
    """
    from datamodules.media.reading import read_image

    picture_3HW = read_image(path)
    height, width = picture_3HW.shape[1:]
    if height != width:
        raise ValueError(f"{path}: is {width} x {height}, the protocol compares square face crops")
    return prepare(picture_3HW[None], size)[0]
