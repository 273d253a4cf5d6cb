"""HSEmotion, by which emotions are recognised. N picture, F frame, L class.

Savchenko 2022; the network (timm's EfficientNet-B0), classes and input rules were read in
av-savchenko/hsemotion 25124a7 (Apache-2.0). Its file holds a whole program of an old timm, which is never run
here. The user converts it to a state dict once, in an environment of its own, by the command that
`moee weights list hsemotion_b0_8_vgaf` prints.

Its authors squash the box of the face, which MTCNN finds, to 224 x 224; here it is that of MediaPipe's mesh.
"""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from evaluation.extractors.faces.boxes import cut_boxes, mesh_boxes
from evaluation.extractors.faces.mesh import FaceMesh, Faces, face_mesh
from evaluation.extractors.faces.per_face import in_batches, per_face
from evaluation.extractors.network import MovesNetwork
from evaluation.extractors.weights import load_published, read_state

SIZE, CLASSES = 224, 8
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
BATCH = 16  # pictures at a time
CONVERT = "convert enet_b0_8_best_vgaf.pt by the command that `moee weights list hsemotion_b0_8_vgaf` prints"


def _crops(frames_N3HW: Tensor, faces: Faces) -> Tensor:
    return cut_boxes(frames_N3HW, mesh_boxes(faces.mesh), SIZE)


class HSEmotion(MovesNetwork[nn.Module]):
    """Emotion of the largest face; an `Extractor` of published weights.

    Args:
        faces: finds them.
    """

    name = "hsemotion-b0-8-vgaf"
    published = True
    provides = ("emotion_hsemotion8",)

    def __init__(self, faces: FaceMesh) -> None:
        import timm

        self.faces, self.fingerprint = faces, ""
        self.network: nn.Module = timm.create_model("tf_efficientnet_b0", num_classes=CLASSES)
        self.network.eval().requires_grad_(False)
        self.settings: dict[str, object] = {"size": SIZE, "box": "mesh", "batch_size": BATCH} | faces.settings

    def classify(self, faces_N3HW: Tensor) -> Tensor:
        """Probabilities (N, 8), float32, of faces (N, 3, 224, 224) 0..255 RGB, in the authors' order."""
        mean, spread = (faces_N3HW.new_tensor(x, dtype=torch.float32).view(3, 1, 1) for x in (MEAN, SPREAD))

        def classes(batch_B3HW: Tensor) -> Tensor:
            return self.network((batch_B3HW.float() / 255 - mean) / spread).softmax(-1)

        return in_batches(classes, faces_N3HW, BATCH, CLASSES, self.name)

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`emotion_hsemotion8` (F, 8) of uint8 RGB frames; NaN where no face is found.

        Raises:
            ValueError: if no frame shows a face.
        """
        return {self.provides[0]: per_face(self.faces, frames_F3HW, self.name, _crops, self.classify)}

    @classmethod
    def load(cls, path: Path, landmarker: Path) -> Self:
        """Ready to measure, with the file's sha256 as its fingerprint.

        Args:
            path: the converted state dict.
            landmarker: MediaPipe's `.task` file; its sha256 stands in the settings.

        Raises:
            FileNotFoundError: if one is not there.
            ValueError: for the published file itself, or another network's.
        """
        extractor = cls(face_mesh(landmarker))
        if Path(path).is_file():
            try:
                read_state(path)
            except ValueError:
                raise ValueError(
                    f"{path} is no state dict but perhaps a program, never run here: {CONVERT}"
                ) from None
        extractor.fingerprint = load_published(extractor.network, path, CONVERT)
        return extractor
