"""3DDFA_V2: a face's 3D morphable model from one picture. F frame, N picture, H row, W column, K landmark.

Guo et al. 2020; layers, names of tensors, crop and scaling were read in cleardusk/3DDFA_V2 1b6c676 (MIT): a
MobileNet of width 0.5 (Howard et al. 2017) gives 62 numbers, 12 of pose, 40 of shape and 10 of expression,
in units of the Basel Face Model.
"""

import zipfile
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.faces.mesh import FaceMesh, Faces, crop_squares, face_mesh
from evaluation.extractors.faces.per_face import in_batches, per_face
from evaluation.extractors.network import MovesNetwork, ready
from evaluation.extractors.weights import load_published
from evaluation.runtime.whole_files import file_digest
from evaluation.signals.head_angles import ANGLES, head_angles

SIZE, PARAMETERS, LANDMARK_NUMBERS = 120, 62, 136
POSE, EXPRESSION = slice(0, 12), slice(52, 62)
BATCH = 32
ADVICE = "run `moee weights fetch 3ddfa_v2_mb05`, or give cleardusk's mb05_120x120.pth"
BLOCKS = {  # name -> channels out, stride
    "dw2_1": (32, 1),
    "dw2_2": (64, 2),
    "dw3_1": (64, 1),
    "dw3_2": (128, 2),
    "dw4_1": (128, 1),
    "dw4_2": (256, 2),
    **{f"dw5_{i}": (256, 1) for i in range(1, 6)},
    "dw5_6": (512, 2),
    "dw6": (512, 1),
}


class Block(nn.Module):
    """3 x 3 convolution of each channel, then of all channels at each place."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs, bias=False)
        self.bn_dw = nn.BatchNorm2d(inputs)
        self.conv_sep = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn_sep = nn.BatchNorm2d(outputs)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return F.relu(self.bn_sep(self.conv_sep(F.relu(self.bn_dw(self.conv_dw(x_NCHW))))))


class MobileNet(nn.Module):
    """The regressor, with the tensor names of `mb05_120x120.pth`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 2, padding=1, bias=False), nn.BatchNorm2d(16)
        width = 16
        for name, (outputs, stride) in BLOCKS.items():
            self.add_module(name, Block(width, outputs, stride))
            width = outputs
        self.fc_param = nn.Linear(width, PARAMETERS)
        self.fc_lm = nn.Linear(width, LANDMARK_NUMBERS)  # helped in training only; published files hold it

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """The 62 numbers (N, 62), still normalised, of pictures (N, 3, 120, 120), BGR about zero."""
        x = F.relu(self.bn1(self.conv1(x_NCHW)))
        for name in BLOCKS:
            x = self.get_submodule(name)(x)
        return self.fc_param(x.mean((2, 3)))


def landmark_squares(landmarks_FK2: Tensor) -> Tensor:
    """Left, top and side (F, 3) of the authors' crop about landmarks: sqrt(2) times their larger extent."""
    low_F2, high_F2 = landmarks_FK2.amin(1), landmarks_FK2.amax(1)
    side_F1 = (high_F2 - low_F2).amax(-1, keepdim=True) * 2**0.5
    return torch.cat([(low_F2 + high_F2) / 2 - side_F1 / 2, side_F1], -1)


def _crops(frames_N3HW: Tensor, faces: Faces) -> Tensor:
    return crop_squares(frames_N3HW, landmark_squares(faces.landmarks), SIZE)


class Tddfa(MovesNetwork[MobileNet]):
    """Expression and pose of the largest face; an `Extractor` of published weights.

    Faces are found by MediaPipe in every frame anew, so the name says so; the crop about the 68 landmarks is
    the one the authors use for all frames of a video but the first.

    Args:
        faces: finds them.
    """

    name = "3ddfa-v2-mb05-mediapipe"
    published = True
    provides = ("expression_3ddfa", "pose_3ddfa")

    def __init__(self, faces: FaceMesh) -> None:
        self.faces, self.network, self.fingerprint = faces, MobileNet(), ""
        self.mean, self.std = torch.zeros(PARAMETERS), torch.ones(PARAMETERS)
        self.settings: dict[str, object] = {"size": SIZE, "crop": "landmarks", "batch_size": BATCH}
        self.settings |= faces.settings

    def parameters_of(self, crops_NCHW: Tensor) -> Tensor:
        """The 62 numbers (N, 62) of uint8 RGB crops (N, 3, 120, 120), in the model's units."""

        def numbers(batch_B3HW: Tensor) -> Tensor:
            return self.network((batch_B3HW.flip(1).float() - 127.5) / 128) * self.std + self.mean

        return in_batches(numbers, crops_NCHW, BATCH, PARAMETERS, self.name)

    def expression_and_pose(self, crops_NCHW: Tensor) -> Tensor:
        """Coefficients of expression, then yaw, pitch and roll in degrees (N, 13); crops as before."""
        numbers_N62 = self.parameters_of(crops_NCHW)
        return torch.cat([numbers_N62[:, EXPRESSION], head_angles(numbers_N62[:, POSE])], dim=1)

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`expression_3ddfa` (F, 10) coefficients and `pose_3ddfa` (F, 3) yaw, pitch, roll in degrees.

        A frame without a face holds NaN.

        Raises:
            ValueError: for a clip without any face.
        """
        both_FD = per_face(self.faces, frames_F3HW, self.name, _crops, self.expression_and_pose)
        expression_FD, pose_F3 = both_FD.tensor_split([both_FD.shape[1] - len(ANGLES)], dim=1)
        return {"expression_3ddfa": expression_FD.contiguous(), "pose_3ddfa": pose_F3.contiguous()}

    def to(self, device: torch.device) -> Self:
        """Look there from now on."""
        self.mean, self.std = self.mean.to(device), self.std.to(device)
        return super().to(device)

    @classmethod
    def load(cls, path: Path, mean_std: Path, landmarker: Path) -> Self:
        """Ready to measure, with the sha256 of the first file as its fingerprint.

        Args:
            path: the authors' `mb05_120x120.pth`, or the same tensors as safetensors.
            mean_std: `.npz` with `mean` and `std` (62,) each.
            landmarker: MediaPipe's `.task` file.
        """
        suffix = "" if Path(path).suffix == ".safetensors" else "state_dict"
        extractor = cls(face_mesh(Path(landmarker)))
        extractor.fingerprint = load_published(extractor.network, path, ADVICE, suffix, "module.")
        extractor.mean, extractor.std = read_mean_std(Path(mean_std))
        extractor.settings["mean_std_sha256"] = file_digest(mean_std)
        ready(extractor.network)
        return extractor


def read_mean_std(path: Path) -> tuple[Tensor, Tensor]:
    """What the 62 outputs are shifted and scaled by, (62,) float32 each.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if it holds anything else.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no mean and std of 3DDFA_V2 at {path}: see `moee weights list 3ddfa_v2_mean_std`"
        )
    try:
        with np.load(path, allow_pickle=False) as content:
            pair = [torch.from_numpy(content[name].astype(np.float32)) for name in ("mean", "std")]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        raise ValueError(f"{path} is no .npz with arrays mean and std") from None
    if any(tuple(x.shape) != (PARAMETERS,) or not torch.isfinite(x).all() for x in pair):
        raise ValueError(f"{path}: expected {PARAMETERS} finite means and deviations")
    return pair[0], pair[1]
