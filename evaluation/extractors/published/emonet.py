"""EmoNet: eight emotions of a face. N picture, F frame, C channel, H row, W column, L class.

Toisoul et al. 2021; layers, names of tensors, crop and input were read in face-analysis/emonet 49eef30 (CC
BY-NC-ND: not for commercial use). Two hourglasses that once found landmarks (Bulat & Tzimiropoulos 2017) give
features, which their own summed heat maps weigh, to a small classifier.
"""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.faces.mesh import FaceMesh, Faces, crop_squares, face_mesh
from evaluation.extractors.faces.per_face import in_batches, per_face
from evaluation.extractors.network import MovesNetwork, ready
from evaluation.extractors.weights import load_published

SIZE, WIDTH, LANDMARKS, CLASSES = 256, 256, 68, 8
DEPTH, STACKS = 4, 2
BATCH = 8
ADVICE = "get pretrained/emonet_8.pth of face-analysis/emonet by hand (CC BY-NC-ND: not for commercial use)"


class Block(nn.Module):
    """Three 3 x 3 convolutions in a row, their outputs side by side, and a shortcut (Bulat et al. 2017)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half, quarter = outputs // 2, outputs // 4
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, half, 3, padding=1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3, self.conv3 = nn.BatchNorm2d(quarter), nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False)
            )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(x_NCHW)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        shortcut = x_NCHW if self.downsample is None else self.downsample(x_NCHW)
        return torch.cat([first, second, third], 1) + shortcut


class Hourglass(nn.Module):
    """Features at four halvings of the size, brought back and added level by level (Newell et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        for level in range(DEPTH, 0, -1):
            for part in ("b1", "b2", *(("b2_plus",) if level == 1 else ()), "b3"):
                self.add_module(f"{part}_{level}", Block(WIDTH, WIDTH))

    def forward(self, x_NCHW: Tensor, level: int = DEPTH) -> Tensor:
        """The input's shape; its size must halve `level` times."""
        beside = self.get_submodule(f"b1_{level}")(x_NCHW)
        low = self.get_submodule(f"b2_{level}")(F.max_pool2d(x_NCHW, 2))
        low = self.forward(low, level - 1) if level > 1 else self.get_submodule("b2_plus_1")(low)
        low = self.get_submodule(f"b3_{level}")(low)
        return beside + F.interpolate(low, scale_factor=2, mode="nearest")


class EmoNetwork(nn.Module):
    """The regressor and classifier, with the tensor names of `emonet_8.pth`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, padding=3), nn.BatchNorm2d(64)
        self.conv2, self.conv3, self.conv4 = Block(64, 128), Block(128, 128), Block(128, WIDTH)
        for i in range(STACKS):
            self.add_module(f"m{i}", Hourglass())
            self.add_module(f"top_m_{i}", Block(WIDTH, WIDTH))
            self.add_module(f"conv_last{i}", nn.Conv2d(WIDTH, WIDTH, 1))
            self.add_module(f"bn_end{i}", nn.BatchNorm2d(WIDTH))
            self.add_module(f"l{i}", nn.Conv2d(WIDTH, LANDMARKS, 1))
        self.bl0, self.al0 = nn.Conv2d(WIDTH, WIDTH, 1), nn.Conv2d(LANDMARKS, WIDTH, 1)
        self.conv1x1_input_emo_2 = nn.Conv2d(WIDTH * (STACKS + 1), WIDTH, 1)
        blocks = (part for _ in range(4) for part in (Block(WIDTH, WIDTH), nn.MaxPool2d(2)))
        self.emo_net_2 = nn.Sequential(*blocks)
        self.emo_fc_2 = nn.Sequential(
            nn.Linear(WIDTH, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, CLASSES + 2)
        )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Scores of the classes, valence and arousal (N, 10) of pictures (N, 3, 256, 256) in [0, 1]."""
        x = F.max_pool2d(self.conv2(F.relu(self.bn1(self.conv1(x_NCHW)))), 2)
        x = self.conv4(self.conv3(x))
        first, maps = self._stack(0, x)
        first = self.bl0(first)
        second, maps = self._stack(1, x + first + self.al0(maps))
        weighed = torch.cat([first, second], 1) * maps.sum(1, keepdim=True)
        x = self.emo_net_2(self.conv1x1_input_emo_2(torch.cat([x, weighed], 1)))
        return self.emo_fc_2(x.mean((2, 3)))

    def _stack(self, i: int, x_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Features and heat maps of an hourglass."""
        x = self.get_submodule(f"top_m_{i}")(self.get_submodule(f"m{i}")(x_NCHW))
        x = F.relu(self.get_submodule(f"bn_end{i}")(self.get_submodule(f"conv_last{i}")(x)))
        return x, self.get_submodule(f"l{i}")(x)


def face_squares(landmarks_FK2: Tensor) -> Tensor:
    """Left, top and side (F, 3) of the authors' square: the landmarks' width plus height over 1.1."""
    low_F2, high_F2 = landmarks_FK2.amin(1), landmarks_FK2.amax(1)
    side_F1 = (high_F2 - low_F2).sum(-1, keepdim=True) / 1.1
    return torch.cat([(low_F2 + high_F2) / 2 - side_F1 / 2, side_F1], -1)


def _crops(frames_N3HW: Tensor, faces: Faces) -> Tensor:
    return crop_squares(frames_N3HW, face_squares(faces.landmarks), SIZE)


class EmoNet(MovesNetwork[EmoNetwork]):
    """Emotion of the largest face; an `Extractor` of published weights.

    Args:
        faces: finds them, by MediaPipe, which the name says; the authors test on FAN's landmarks.
    """

    name = "emonet8-mediapipe"
    published = True
    provides = ("emotion_emonet8",)

    def __init__(self, faces: FaceMesh) -> None:
        self.faces, self.network, self.fingerprint = faces, EmoNetwork(), ""
        self.settings: dict[str, object] = {"size": SIZE, "crop": "landmarks", "batch_size": BATCH}
        self.settings |= faces.settings

    def probabilities(self, crops_N3HW: Tensor) -> Tensor:
        """Probabilities (N, 8) of 8-bit crops (N, 3, 256, 256)."""

        def classes(batch_B3HW: Tensor) -> Tensor:
            return self.network(batch_B3HW.float() / 255)[:, :CLASSES].softmax(-1)

        return in_batches(classes, crops_N3HW, BATCH, CLASSES, self.name)

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`emotion_emonet8` (F, 8) probabilities in EmoNet's order; a frame without a face holds NaN.

        Raises:
            ValueError: for a clip without any face.
        """
        return {"emotion_emonet8": per_face(self.faces, frames_F3HW, self.name, _crops, self.probabilities)}

    @classmethod
    def load(cls, path: Path, landmarker: Path) -> Self:
        """Ready to measure, with the sha256 of the first file as its fingerprint.

        Args:
            path: the authors' `emonet_8.pth`, or the same tensors as safetensors.
            landmarker: MediaPipe's `.task` file.
        """
        extractor = cls(face_mesh(Path(landmarker)))
        extractor.fingerprint = load_published(extractor.network, path, ADVICE, prefix="module.")
        ready(extractor.network)
        return extractor
