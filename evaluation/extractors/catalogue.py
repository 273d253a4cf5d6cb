"""Published networks by the names that protocols and results use."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.extractors.faces.square import FaceSquare
from evaluation.extractors.faces.sync_crop import CroppedSyncNet
from evaluation.extractors.interface import Extractor
from evaluation.extractors.published.arcface import LAYERS, PEOPLE, ArcFace
from evaluation.extractors.published.emonet import EmoNet
from evaluation.extractors.published.fan import Fan
from evaluation.extractors.published.hsemotion import HSEmotion
from evaluation.extractors.published.i3d import CROPS, I3d
from evaluation.extractors.published.inception import Inception
from evaluation.extractors.published.mediapipe_face import WHATS, MediaPipeFace
from evaluation.extractors.published.mini_xception import MiniXception
from evaluation.extractors.published.open_graph_au import OpenGraphAU
from evaluation.extractors.published.syncnet import SyncNet
from evaluation.extractors.published.tddfa import Tddfa
from evaluation.extractors.published.video_mae import VideoMae
from evaluation.extractors.resize import FILTERS


@dataclass(frozen=True)
class Published:
    """A family of extractors that share a weights file.

    Args:
        pattern: of their names.
        weights: the file's name in the registry of `moee weights`.
        load: file, files beside it and the pattern's groups -> ready to measure.
        beside: names in the registry of more files it needs, such as what finds the face.
    """

    pattern: str
    weights: str
    load: Callable[..., Extractor]
    beside: tuple[str, ...] = ()


FACES = ("face_landmarker",)  # for networks that see the face cropped their own way
PUBLISHED = (
    Published(
        rf"inception-tf2015-({'|'.join(sorted(FILTERS, reverse=True))})(?:-(\d+))?",
        "inception_tf2015",
        lambda path, resize, frames: Inception.load(path, resize, int(frames or 0)),
    ),
    Published(
        rf"i3d-kinetics400-({'|'.join(CROPS)})-(\d+)",
        "i3d_kinetics400",
        lambda path, crop, window: I3d.load(path, crop, int(window)),
    ),
    Published(VideoMae.name, "videomae2_giant_ssv2", lambda path: VideoMae.load(path)),
    Published("syncnet-v2", "syncnet_v2", SyncNet.load),
    Published(CroppedSyncNet.name, "syncnet_v2", CroppedSyncNet.load, FACES),
    *(
        Published(f"arcface-({people})-({layers})", f"arcface_{people}_{layers}", ArcFace.load, FACES)
        for people in PEOPLE
        for layers in LAYERS
    ),
    Published("opengraphau-resnet50", "opengraphau_resnet50", OpenGraphAU.load, FACES),
    Published("hsemotion-b0-8-vgaf", "hsemotion_b0_8_vgaf", HSEmotion.load, FACES),
    Published("fan-2d", "fan_2d", Fan.load, ("s3fd",)),
    Published(FaceSquare.name, "face_landmarker", FaceSquare),
    Published(rf"mediapipe-face-v2-({'|'.join(WHATS)})", "face_landmarker", MediaPipeFace),
    Published(EmoNet.name, "emonet8", EmoNet.load, ("face_landmarker",)),
    Published(MiniXception.name, "fer2013_mini_xception", MiniXception.load, ("face_landmarker",)),
    Published(Tddfa.name, "3ddfa_v2_mb05", Tddfa.load, ("3ddfa_v2_mean_std", "face_landmarker")),
)


def published(name: str) -> Published | None:
    """The family that a name belongs to; None for any other network."""
    return next((family for family in PUBLISHED if re.fullmatch(family.pattern, name)), None)


def load_published_extractor(name: str, path: Path, beside: Sequence[Path] = ()) -> Extractor:
    """A published network by its full name, from a file the user brings and those it needs beside it.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: for an unknown name, files too few or too many, or one that does not hold this network.
    """
    family = published(name)
    if family is None:
        raise ValueError(
            f"no published network {name!r}: known are {', '.join(f.pattern for f in PUBLISHED)}"
        )
    if len(beside) != len(family.beside):
        raise ValueError(f"{name} needs beside its own file: {', '.join(family.beside) or 'nothing'}")
    match = re.fullmatch(family.pattern, name)
    assert match is not None  # it is how the family was found
    return family.load(path, *beside, *match.groups())
