"""ArcFace, which identity is scored with. F frame, N picture, C channel, H row, W column, D width.

Deng et al. 2019; layers and names of tensors were read in insightface's `arcface_torch` (code MIT, weights
for research that is not commercial): IResNet of 50 or 100 layers on 112 x 112 faces, aligned by five points,
RGB in [-1, 1]. The set of people it was trained on moves a score, so it is in the name.
"""

from pathlib import Path
from typing import Self

from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.faces.alignment import SIZE, aligned
from evaluation.extractors.faces.mesh import FaceMesh, Faces, face_mesh
from evaluation.extractors.faces.per_face import in_batches, per_face
from evaluation.extractors.faces.points import five_points
from evaluation.extractors.weights import load_published

LAYERS = {"r50": (3, 4, 14, 3), "r100": (3, 13, 30, 3)}  # blocks of each stage
PEOPLE = ("ms1mv3", "glint360k")
WIDTHS = (64, 128, 256, 512)
WIDTH = 512
BATCH = 32  # pictures at a time
ADVICE = "give the backbone.pth of that name from arcface_torch's model zoo"


class Block(nn.Module):
    """Two 3 x 3 convolutions around a skip; the second one strides."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = (
            None
            if stride == 1
            else nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x_NCHW))))))
        return y + (x_NCHW if self.downsample is None else self.downsample(x_NCHW))


class ArcFace(nn.Module):
    """Who is in the picture; an `Extractor` of published weights.

    Args:
        people: the set it was trained on, `ms1mv3` or `glint360k`; only a part of the name.
        layers: `r50` or `r100`.
        faces: finds them.
    """

    published = True
    provides = ("identity",)

    def __init__(self, people: str, layers: str, faces: FaceMesh) -> None:
        super().__init__()
        self.fingerprint = ""
        self.name = f"arcface-{people}-{layers}"
        self.faces = faces
        self.settings: dict[str, object] = {"size": SIZE, "batch_size": BATCH} | faces.settings
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        stages = zip((64, *WIDTHS), WIDTHS, LAYERS[layers], strict=False)
        for number, (inputs, width, blocks) in enumerate(stages, 1):
            more = [Block(width, width, 1) for _ in range(blocks - 1)]
            setattr(self, f"layer{number}", nn.Sequential(Block(inputs, width, 2), *more))
        self.bn2 = nn.BatchNorm2d(WIDTHS[-1])
        self.fc = nn.Linear(WIDTHS[-1] * (SIZE // 16) ** 2, WIDTH)
        self.features = nn.BatchNorm1d(WIDTH)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Embeddings (N, 512), not yet of unit length, of faces (N, 3, 112, 112) in [-1, 1]."""
        x = self.prelu(self.bn1(self.conv1(x_NCHW)))
        for number in range(1, len(WIDTHS) + 1):
            x = getattr(self, f"layer{number}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))

    def embed(self, faces_N3HW: Tensor) -> Tensor:
        """Unit embeddings (N, 512), float32, of aligned faces (N, 3, 112, 112) uint8."""

        def unit(batch_B3HW: Tensor) -> Tensor:
            return F.normalize(self(batch_B3HW.float() / 127.5 - 1), dim=-1)

        return in_batches(unit, faces_N3HW, BATCH, WIDTH, self.name)

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`identity` (F, 512), float32 unit vectors of uint8 RGB frames; NaN where no face is found.

        Raises:
            ValueError: if no frame shows a face.
        """
        return {"identity": per_face(self.faces, frames_F3HW, self.name, _aligned, self.embed)}

    @classmethod
    def load(cls, path: Path, landmarker: Path, people: str, layers: str) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint.

        Args:
            path: the published state dict, `backbone.pth`, or the same as safetensors.
            landmarker: MediaPipe's `.task` file; its sha256 stands in the settings.
            people: `ms1mv3` or `glint360k`.
            layers: `r50` or `r100`.
        """
        network = cls(people, layers, face_mesh(landmarker))
        network.fingerprint = load_published(network, path, ADVICE)
        return network.eval().requires_grad_(False)


def _aligned(frames_N3HW: Tensor, faces: Faces) -> Tensor:
    return aligned(frames_N3HW, five_points(faces.mesh).to(frames_N3HW.device))
