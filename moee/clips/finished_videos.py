"""Finished videos and the true ones, from two folders or from a manifest. F frame, H row, W column."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.clips.pair import Clips, FinishedVideos, clips_of_folder, videos_made
from evaluation.protocol import Protocol, prepare
from evaluation.results.system import System
from moee.clips.manifest import clips_of_manifest, read_manifest

if TYPE_CHECKING:
    from torch import Tensor

    from moee.clips.sources import Entry


def finished(
    args: argparse.Namespace, protocol: Protocol, about: Mapping[str, Any] | None
) -> "tuple[Clips, list[Entry]]":
    """The true clips, and the finished videos as the only entry.

    Raises:
        ValueError: if the seeds told do not fit the videos, or as `finished_videos` says.
    """
    from moee.judging.evaluate import read_system

    system = read_system(args.system) if args.system else System(source_name(args))
    system = replace(system, name=args.name) if args.name else system
    clips, make, seeds = finished_videos(args, protocol, about)
    return clips, [
        (replace(system, seeds=_seeds(args.manifest or args.generated, seeds, system.seeds)), make)
    ]


def source_name(args: argparse.Namespace) -> str:
    """What a system is called whose videos have no other name."""
    return args.manifest.stem if args.manifest else args.generated.resolve().name


def finished_videos(
    args: argparse.Namespace, protocol: Protocol, about: Mapping[str, Any] | None
) -> tuple[Clips, FinishedVideos, list[int]]:
    """The true clips, the finished videos, and their seeds where the manifest tells them.

    Args:
        args: `manifest`, or `generated` and `reference`.
        protocol: whose preparation a portrait gets.
        about: of the clips of a folder.

    Raises:
        ValueError: if portraits do not fit the protocol, or as `read_manifest` and `videos_made` say.
    """
    from datamodules.media.reading import read_video

    if args.manifest:
        listed, size = read_manifest(args.manifest), int(protocol.preprocessing["size"])
        if "face_crop" in protocol.preprocessing and any(entry.portrait for entry in listed):
            raise ValueError(
                f"{args.manifest}: {protocol.tag} cuts pictures where the true video shows its face, "
                "which says nothing of a portrait: leave `portrait` out, or evaluate face crops "
                "under another protocol"
            )
        return clips_of_manifest(listed, read_video, lambda path: read_portrait(path, size))
    clips = clips_of_folder(args.reference, read_video, about)
    return clips, videos_made(args.generated, clips, read_video), []


def _seeds(source: Path, found: list[int], told: list[int]) -> list[int]:
    """Seeds of the videos, as the manifest or the system's record tells them."""
    if found and told and found != sorted(told):
        raise ValueError(f"{source} has videos of the seeds {found}, --system tells of {told}")
    if not found and len(told) > 1:
        raise ValueError(
            f"{source} has one video a clip, --system tells of the seeds {told}: "
            "give a --manifest with a `seed` for each video"
        )
    return found or told


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
