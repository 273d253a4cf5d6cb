"""OpenGraphAU, which action units are scored with. B picture, F frame, N unit, P place, D width.

Luo et al. 2022, "Learning multi-dimensional edge feature-based AU relation graph for facial action unit
recognition"; layers, names of tensors, the order of units and input rules were read in CVI-SZU/ME-GraphAU,
folder OpenGraphAU, dda53cb (MIT): ResNet-50, second stage, as published in
`OpenGprahAU-ResNet50_second_stage.pth`.

Its authors feed faces that MTCNN found and do not say how they were cut. In the two training pictures that
they show, the side is 1.03 and 1.30 times the longer side of MediaPipe's face mesh: here it is 1.15.
"""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.action_units import OPEN_GRAPH_AU
from datamodules.batch import ACTION_UNITS
from evaluation.extractors.faces.boxes import cut_boxes, mesh_boxes, squares_about
from evaluation.extractors.faces.mesh import FaceMesh, Faces, face_mesh
from evaluation.extractors.faces.per_face import in_batches, per_face
from evaluation.extractors.weights import load_published

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27, 32, 38, 39)
SIDES = 14  # left and right halves of seven units, which nothing here asks for
WIDTH = 512
MARGIN = 1.15  # side of the square over the longer side of the mesh
RESIZED, SIZE = 256, 224  # pixels, then the middle of them
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
BATCH = 8  # pictures at a time
ADVICE = "get OpenGprahAU-ResNet50_second_stage.pth from OpenGraphAU's list of models"


class LinearBlock(nn.Module):
    """A linear map of each place, normalised and rectified."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, x_BPD: Tensor) -> Tensor:
        return F.relu(self.bn(self.fc(x_BPD).mT)).mT


class CrossAttention(nn.Module):
    """Attention of one set of places over another, with half as wide queries."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_q = nn.Linear(width, width // 2)
        self.linear_k = nn.Linear(width, width // 2)
        self.linear_v = nn.Linear(width, width)

    def weights(self, asking: Tensor, asked: Tensor) -> Tensor:
        """Softmax weights (..., P, P) of tokens (..., P, D); leading dimensions broadcast."""
        query, key = self.linear_q(asking), self.linear_k(asked)
        return (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)


class EdgeFeatures(nn.Module):
    """What joins each two units, from their places and those of the whole face (GEM)."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.FAM = CrossAttention(width)
        self.ARM = CrossAttention(width)
        self.edge_proj = nn.Linear(width, width)
        self.bn = nn.BatchNorm2d(units**2)

    def forward(self, unit_BNPD: Tensor, face_BPD: Tensor) -> Tensor:
        """Edges (B, N * N, D), those into the first unit first.

        The mean over places is taken of the attention weights: all that follows them is linear in the places.
        """
        face_B1PD = face_BPD[:, None]
        seen_BNPD = self.FAM.weights(unit_BNPD, face_B1PD) @ self.FAM.linear_v(face_B1PD)
        from_B1NPD, into_BN1PD = seen_BNPD[:, None], seen_BNPD[:, :, None]
        weight_BNNP = self.ARM.weights(from_B1NPD, into_BN1PD).mean(-2)
        edge_BNND = self.edge_proj(weight_BNNP @ self.ARM.linear_v(seen_BNPD))
        return self.bn(edge_BNND.flatten(1, 2)[..., None])[..., 0]


class GraphLayer(nn.Module):
    """Gated graph convolution over all pairs of units (Bresson & Laurent 2017)."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.U, self.V, self.A, self.B, self.E = (nn.Linear(width, width, bias=False) for _ in range(5))
        self.bnv = nn.BatchNorm1d(units)
        self.bne = nn.BatchNorm1d(units**2)

    def forward(self, unit_BND: Tensor, edge_BED: Tensor) -> tuple[Tensor, Tensor]:
        """Units (B, N, D) and edges (B, N * N, D), the same in and out."""
        units = unit_BND.shape[1]
        ends_BNND = self.A(unit_BND)[:, :, None] + self.B(unit_BND)[:, None]
        edge_BED = edge_BED + F.relu(self.bne(ends_BNND.flatten(1, 2) + self.E(edge_BED)))
        gate_BNND = edge_BED.sigmoid().unflatten(1, (units, units)).softmax(2)
        message_BND = (gate_BNND * self.V(unit_BND)[:, None]).sum(2) / units
        return unit_BND + F.relu(self.bnv(self.U(unit_BND) + message_BND)), edge_BED


class Graph(nn.Module):
    """Two layers."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.graph_layers = nn.ModuleList(GraphLayer(width, units) for _ in range(2))

    def forward(self, unit_BND: Tensor, edge_BED: Tensor) -> Tensor:
        for layer in self.graph_layers:
            unit_BND, edge_BED = layer(unit_BND, edge_BED)
        return unit_BND


class Head(nn.Module):
    """How near each unit's feature lies to the learned feature of its presence."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.main_class_linears = nn.ModuleList(LinearBlock(width, width) for _ in range(units))
        self.edge_extractor = EdgeFeatures(width, units)
        self.gnn = Graph(width, units)
        self.main_sc = nn.Parameter(torch.zeros(units, width))
        self.sub_sc = nn.Parameter(torch.zeros(SIDES, width))

    def forward(self, x_BPD: Tensor) -> Tensor:
        """Cosines (B, N) in [0, 1]; both sides are rectified."""
        unit_BNPD = torch.stack([linear(x_BPD) for linear in self.main_class_linears], dim=1)
        unit_BND = self.gnn(unit_BNPD.mean(2), self.edge_extractor(unit_BNPD, x_BPD))
        return (F.normalize(unit_BND, dim=-1) * F.normalize(F.relu(self.main_sc), dim=-1)).sum(-1)


def _crops(frames_N3HW: Tensor, faces: Faces) -> Tensor:
    return cut_boxes(frames_N3HW, squares_about(mesh_boxes(faces.mesh), MARGIN), RESIZED)


class OpenGraphAU(nn.Module):
    """Action units of the largest face; an `Extractor` of published weights.

    Args:
        faces: finds them.
    """

    name = "opengraphau-resnet50"
    published = True
    provides = ("action_units",)

    def __init__(self, faces: FaceMesh) -> None:
        from torchvision.models import resnet50

        super().__init__()
        self.fingerprint, self.faces = "", faces
        named = [f"AU{unit}" for unit in ACTION_UNITS if unit in OPEN_GRAPH_AU.values()]
        about = {"margin": MARGIN, "size": SIZE, "batch_size": BATCH, "units": " ".join(named)}
        self.settings: dict[str, object] = about | faces.settings
        self.backbone = resnet50(weights=None)
        self.backbone.register_module("fc", nn.Identity())
        self.global_linear = LinearBlock(4 * WIDTH, WIDTH)
        self.head = Head(WIDTH, len(UNITS))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """How surely each of `UNITS` is there (B, N) in [0, 1], of pictures (B, 3, 224, 224) normalised."""
        net = self.backbone
        x = net.maxpool(net.relu(net.bn1(net.conv1(x_BCHW))))
        x = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        return self.head(self.global_linear(x.flatten(2).mT))

    def detect(self, faces_B3HW: Tensor) -> Tensor:
        """How surely each of `UNITS` is there (B, N), float32, of faces (B, 3, 256, 256) 0..255 RGB."""
        mean, spread = (faces_B3HW.new_tensor(x, dtype=torch.float32).view(3, 1, 1) for x in (MEAN, SPREAD))
        edge = (RESIZED - SIZE) // 2

        def units(batch_B3HW: Tensor) -> Tensor:
            return self((batch_B3HW[:, :, edge:-edge, edge:-edge].float() / 255 - mean) / spread)

        return in_batches(units, faces_B3HW, BATCH, len(UNITS), self.name)

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`action_units` (F, A) in [0, 1], float32, of uint8 RGB frames; NaN where no face is found.

        Raises:
            ValueError: if no frame shows a face.
        """
        units_FN = per_face(self.faces, frames_F3HW, self.name, _crops, self.detect)
        return {"action_units": units_FN[:, [UNITS.index(unit) for unit in ACTION_UNITS]]}

    @classmethod
    def load(cls, path: Path, landmarker: Path) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint.

        Args:
            path: the published checkpoint, or its tensors as safetensors.
            landmarker: MediaPipe's `.task` file; its sha256 stands in the settings.
        """
        network = cls(face_mesh(landmarker))
        within = "" if Path(path).suffix == ".safetensors" else "state_dict"
        network.fingerprint = load_published(network, path, ADVICE, within, prefix="module.")
        return network.eval().requires_grad_(False)
