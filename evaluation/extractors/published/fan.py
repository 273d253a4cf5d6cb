"""FAN, whose 68 points landmark distances are measured with. F frame, H row, W column, K landmark.

Bulat & Tzimiropoulos 2017, through the package `face-alignment`, from files of the user's: its own loader
would fetch them. As the reference code of AKD has it (Siarohin et al. 2019): two dimensions, no flipped
second look, and of several faces the one that S3FD is surest of. Points come from a 64 x 64 map with a
quarter of a cell as the finest step: some 1/256 of the face's square.
"""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from datamodules.batch import LANDMARKS
from datamodules.head_motion import lip_opening
from evaluation.extractors.shapes import check_features, check_frames
from evaluation.extractors.weights import load_published
from evaluation.runtime.exactness import exact

if TYPE_CHECKING:
    from face_alignment import FaceAlignment

STACKS = 4  # hourglasses of 2D-FAN-4
ADVICE = "run `moee weights fetch fan_2d s3fd`, or give the files of face-alignment's torch-hub folder"


class Reached(torch.nn.Module):
    """A network wherever it is, for a caller who stays on the CPU.

    Told that it is on CUDA, the package lets cuDNN try algorithms, and which one wins moves points.

    Args:
        network: gives a tensor or a list of them.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_NCHW: Tensor) -> Tensor | list[Tensor]:
        maps = self.network(x_NCHW.to(next(self.network.parameters()).device))
        return [part.cpu() for part in maps] if isinstance(maps, list) else maps.cpu()


class Fan:
    """Landmarks of one face; an `Extractor` of published weights.

    Args:
        aligner: of the package, with its weights.
        fingerprint: sha256 of FAN's file.
        detector_sha256: of S3FD's.
    """

    name = "fan-2d"
    published = True
    provides = ("landmarks", "lip_opening")

    def __init__(self, aligner: "FaceAlignment", fingerprint: str, detector_sha256: str) -> None:
        self.aligner, self.fingerprint, self.device = aligner, fingerprint, torch.device("cpu")
        self.settings: dict[str, object] = {
            "detector": "s3fd",
            "detector_sha256": detector_sha256,
            "face": "surest",
            "flip": False,
            "face-alignment": version("face-alignment"),  # its code crops and decodes
        }

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`landmarks` (F, 68, 2) in pixels and `lip_opening` (F,), float32; NaN where no face is found.

        Args:
            frames_F3HW: uint8 RGB; the reference code has them at 256 x 256.

        Raises:
            ValueError: if no frame shows a face.
        """
        check_frames(frames_F3HW, 1, self.name)
        with exact(self.device):
            points_FK2 = torch.stack([self.points(frame) for frame in frames_F3HW.cpu()])
        if points_FK2.isnan().all():
            raise ValueError(f"{self.name}: no face in any of the {len(frames_F3HW)} frames")
        return {"landmarks": points_FK2, "lip_opening": lip_opening(points_FK2)}

    def points(self, frame_3HW: Tensor, box: tuple[float, float, float, float] | None = None) -> Tensor:
        """Landmarks (K, 2) of the face in a box left, top, right, bottom; by default where S3FD sees one."""
        image_HW3 = frame_3HW.permute(1, 2, 0).contiguous().numpy()
        boxes = self.aligner.face_detector.detect_from_image(image_HW3.copy()) if box is None else [box]
        surest = list(boxes[:1])  # no look at less sure faces
        faces = self.aligner.get_landmarks_from_image(image_HW3, surest) if len(surest) else None
        if not faces:
            return torch.full((LANDMARKS, 2), torch.nan)
        return check_features(torch.as_tensor(faces[0]).float(), (LANDMARKS, 2), self.name)

    def to(self, device: torch.device) -> Self:
        """Let both networks look there from now on."""
        self.device = device
        for network in (self.aligner.face_alignment_net, self.aligner.face_detector.face_detector):
            network.to(device)
        return self

    @classmethod
    def load(cls, path: Path, detector: Path) -> "Fan":
        """Ready to measure, with the file's sha256 as its fingerprint; nothing is fetched.

        Args:
            path: the published state dict, `2DFAN4-11f355bf06.pth.tar`.
            detector: the published `s3fd-619a316812.pth`.

        Raises:
            FileNotFoundError: if one is not there.
            ValueError: if one cannot be read or holds another network.
        """
        from face_alignment.detection.sfd.net_s3fd import s3fd
        from face_alignment.models import FAN

        network = FAN(STACKS)
        fingerprint = load_published(network, path, ADVICE)
        detector_sha256 = load_published(s3fd(), detector, ADVICE)
        return cls(_aligner(network, detector), fingerprint, detector_sha256)


def _aligner(network: torch.nn.Module, detector: Path) -> "FaceAlignment":
    """The package's aligner with a network given to it, where its own constructor would fetch one."""
    from face_alignment import FaceAlignment, LandmarksType

    class Given(FaceAlignment):
        def _load_native(self, *_: Any) -> torch.nn.Module:
            return Reached(network.eval().requires_grad_(False))

    aligner = Given(
        LandmarksType.TWO_D,
        device="cpu",
        flip_input=False,
        face_detector="sfd",
        face_detector_kwargs={"path_to_detector": str(detector)},
        compile=False,
    )
    aligner.face_detector.face_detector = Reached(aligner.face_detector.face_detector)
    return aligner
