"""Mini-Xception: seven emotions of a grey face. N picture, F frame, H row, W column, L class.

Arriaga et al. 2017, trained on FER-2013; layers, grey levels and label order were read in the Keras file and
in oarriaga/face_classification b861d21 (MIT). Keras pads at the right and bottom where a stride leaves an odd
pixel, and its batch normalisation adds 1e-3 to variances.
"""

from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.faces.mesh import FaceMesh, Faces, crop_squares, face_mesh
from evaluation.extractors.faces.per_face import in_batches, per_face
from evaluation.extractors.network import MovesNetwork, ready
from evaluation.runtime.whole_files import file_digest

SIZE, CLASSES, BATCH = 64, 7, 64
WIDTHS = (8, 16, 32, 64, 128)
EPSILON = 1e-3
# The square of OpenCV's Haar cascade, which the authors classify in, from 68 landmarks: its side, and how far
# it lies above their middle, in their larger extent. Medians over 36 faces of clips and portraits (deviations
# 0.09 and 0.03).
SIDE, UP = 1.22, 0.19
NORM_VARIABLES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as OpenCV makes grey
ADVICE = "run `moee weights fetch fer2013_mini_xception`, or give oarriaga's .hdf5 file"


class Separable(nn.Module):
    """3 x 3 convolution of each channel, then of all channels at each place, normalised."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=EPSILON)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.bn(self.pointwise(self.depthwise(x_NCHW)))


class Block(nn.Module):
    """Two separable convolutions and a maximum beside a strided shortcut; half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=EPSILON)
        self.first, self.second = Separable(inputs, outputs), Separable(outputs, outputs)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        x = self.second(F.relu(self.first(x_NCHW)))
        rows, columns = ((size - 1) // 2 * 2 + 3 - size for size in x.shape[-2:])
        before = rows // 2, columns // 2
        padding = (before[1], columns - before[1], before[0], rows - before[0])
        x = F.max_pool2d(F.pad(x, padding, value=-torch.inf), 3, stride=2)
        return x + self.bn(self.shortcut(x_NCHW))


class Network(nn.Module):
    """Probabilities of the seven classes, in FER-2013's order."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8, eps=EPSILON)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8, eps=EPSILON)
        self.blocks = nn.ModuleList(Block(*pair) for pair in pairwise(WIDTHS))
        self.scores = nn.Conv2d(WIDTHS[-1], CLASSES, 3, padding=1)

    def forward(self, x_N1HW: Tensor) -> Tensor:
        """Probabilities (N, 7) of grey pictures (N, 1, 64, 64) in [-1, 1]."""
        x = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x_N1HW))))))
        for block in self.blocks:
            x = block(x)
        return self.scores(x).mean((2, 3)).softmax(-1)


def keras_names() -> dict[str, tuple[str, str]]:
    """Our tensors' names -> Keras' layer and variable; its counters follow the order of creation."""
    names = {"conv1.weight": ("conv2d_1", "kernel"), "conv2.weight": ("conv2d_2", "kernel")}
    names |= {"scores.weight": ("conv2d_7", "kernel"), "scores.bias": ("conv2d_7", "bias")}
    norms = {"bn1": 1, "bn2": 2}
    for i in range(len(WIDTHS) - 1):
        names[f"blocks.{i}.shortcut.weight"] = f"conv2d_{3 + i}", "kernel"
        for j, part in enumerate(("first", "second")):
            layer = f"separable_conv2d_{2 * i + j + 1}"
            for kind in ("depthwise", "pointwise"):
                names[f"blocks.{i}.{part}.{kind}.weight"] = layer, f"{kind}_kernel"
        parts = (f"blocks.{i}.bn", f"blocks.{i}.first.bn", f"blocks.{i}.second.bn")
        norms |= {part: 3 * i + 3 + j for j, part in enumerate(parts)}
    for place, number in norms.items():
        for ours, theirs in NORM_VARIABLES.items():
            names[f"{place}.{ours}"] = f"batch_normalization_{number}", theirs
    return names


def read_keras(path: Path) -> dict[str, Tensor]:
    """Our tensors from the Keras HDF5 file, which is read and never run.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no HDF5 file, or lacks one of the tensors.
    """
    import h5py

    if not path.is_file():
        raise FileNotFoundError(f"no mini-Xception weights at {path}: {ADVICE}")
    try:
        with h5py.File(path, "r") as file:
            return {
                ours: _from_keras(np.asarray(file[f"model_weights/{layer}/{layer}_1/{variable}:0"]), variable)
                for ours, (layer, variable) in keras_names().items()
            }
    except (OSError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise ValueError(f"{path} is not the Keras file of mini-Xception: {reason}") from None


def _from_keras(value: np.ndarray, variable: str) -> Tensor:
    """Kernels lie as row, column, input, output there; depthwise ones as row, column, channel, 1."""
    axes = {"kernel": (3, 2, 0, 1), "pointwise_kernel": (3, 2, 0, 1), "depthwise_kernel": (2, 3, 0, 1)}
    return torch.from_numpy(value.transpose(axes[variable]).copy() if variable in axes else value)


def face_squares(landmarks_FK2: Tensor) -> Tensor:
    """Left, top and side (F, 3) of the square a Haar detector would draw, roughly."""
    low_F2, high_F2 = landmarks_FK2.amin(1), landmarks_FK2.amax(1)
    extent_F1 = (high_F2 - low_F2).amax(-1, keepdim=True)
    middle_F2 = (low_F2 + high_F2) / 2 - torch.tensor([0.0, UP]) * extent_F1
    return torch.cat([middle_F2 - SIDE * extent_F1 / 2, SIDE * extent_F1], -1)


def grey(frames_F3HW: Tensor) -> Tensor:
    """8-bit grey (F, 1, H, W) of 8-bit RGB."""
    weights_311 = torch.tensor(LUMA, device=frames_F3HW.device)[:, None, None]
    return (frames_F3HW.float() * weights_311).sum(1, keepdim=True).round().to(torch.uint8)


def _crops(frames_N3HW: Tensor, faces: Faces) -> Tensor:
    return crop_squares(grey(frames_N3HW), face_squares(faces.landmarks), SIZE)


class MiniXception(MovesNetwork[Network]):
    """Emotion of the largest face; an `Extractor` of published weights.

    Args:
        faces: finds them, by MediaPipe, which the name says; the authors used OpenCV's Haar cascade.
    """

    name = "mini-xception-fer2013-mediapipe"
    published = True
    provides = ("emotion_fer2013",)

    def __init__(self, faces: FaceMesh) -> None:
        self.faces, self.network, self.fingerprint = faces, Network(), ""
        self.settings: dict[str, object] = {"size": SIZE, "crop": "haar-like", "batch_size": BATCH}
        self.settings |= faces.settings

    def probabilities(self, crops_N1HW: Tensor) -> Tensor:
        """Probabilities (N, 7) of 8-bit grey crops (N, 1, 64, 64)."""

        def classes(batch_B1HW: Tensor) -> Tensor:
            return self.network((batch_B1HW.float() / 255 - 0.5) * 2)

        return in_batches(classes, crops_N1HW, BATCH, CLASSES, self.name)

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`emotion_fer2013` (F, 7) probabilities in FER-2013's order; a frame without a face holds NaN.

        Raises:
            ValueError: for a clip without any face.
        """
        return {"emotion_fer2013": per_face(self.faces, frames_F3HW, self.name, _crops, self.probabilities)}

    @classmethod
    def load(cls, path: Path, landmarker: Path) -> Self:
        """Ready to measure, with the sha256 of the first file as its fingerprint.

        Args:
            path: the authors' Keras file, `fer2013_mini_XCEPTION.102-0.66.hdf5`.
            landmarker: MediaPipe's `.task` file.

        Raises:
            FileNotFoundError: if a file is not there.
            ValueError: if it is another network's, or damaged.
        """
        state = read_keras(Path(path))
        extractor = cls(face_mesh(Path(landmarker)))
        own = extractor.network.state_dict()
        wrong = [name for name, value in state.items() if own[name].shape != value.shape]
        wrong += [name for name, value in state.items() if not torch.isfinite(value).all()]
        if wrong:
            raise ValueError(f"{path} does not fit mini-Xception: the first wrong tensor is {wrong[0]}")
        extractor.network.load_state_dict(state, strict=False)
        extractor.fingerprint = file_digest(path)
        ready(extractor.network)
        return extractor
