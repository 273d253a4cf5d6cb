"""MediaPipe's Face Landmarker as a measure. F frame, K landmark, P mesh point, A action unit."""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from datamodules.action_units import from_blendshapes
from datamodules.batch import ACTION_UNITS
from datamodules.head_motion import lip_opening
from evaluation.extractors.faces.mesh import Faces, face_mesh

FIELDS = {
    "landmarks": ("landmarks", "lip_opening", "mesh_478"),
    "mesh": ("mesh_478",),  # beside another network's landmarks
    "blendshapes": ("action_units",),
}
WHATS = tuple(FIELDS)


class MediaPipeFace:
    """Points or expression of the largest face; an `Extractor` of published weights.

    A JPEG's noise alone moves points by 0.2 to 0.65 % of the face's width: smaller distances mean nothing.

    Args:
        path: the `.task` file with blendshapes.
        what: `landmarks` for the 68 of iBUG 300-W, the 478 of the mesh and the lips' opening; `mesh` for the
            478 alone; `blendshapes` for action units by `from_blendshapes`, a rough mapping. Part of the
            name, so that a protocol says which of its networks fills a field.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: for another `what`.
    """

    published = True

    def __init__(self, path: Path, what: str = "landmarks") -> None:
        if what not in WHATS:
            raise ValueError(f"unknown {what!r}: known are {', '.join(WHATS)}")
        self.faces = face_mesh(Path(path))
        self.name, self.fingerprint = f"mediapipe-face-v2-{what}", self.faces.fingerprint
        self.settings: dict[str, object] = dict(self.faces.settings)
        self.provides: tuple[str, ...] = FIELDS[what]

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """The provided fields of uint8 RGB frames; a frame without a face holds NaN.

        `landmarks` (F, 68, 2) and `mesh_478` (F, 478, 2) in pixels, `lip_opening` (F,), `action_units`
        (F, A) in [0, 1].

        Raises:
            ValueError: for a clip without any face.
        """
        faces = self.faces.find(frames_F3HW, self.name)
        if "action_units" in self.provides:
            return {"action_units": action_units(faces)}
        if "landmarks" not in self.provides:
            return {"mesh_478": faces.mesh}
        points_FK2 = faces.landmarks
        return {"landmarks": points_FK2, "lip_opening": lip_opening(points_FK2), "mesh_478": faces.mesh}

    def to(self, device: torch.device) -> Self:
        """Takes frames from there; MediaPipe itself looks on the CPU, once for all that share its face."""
        return self


def action_units(faces: Faces) -> Tensor:
    """Intensities (F, A) from blendshapes; NaN without a face."""
    nothing_A = torch.full((len(ACTION_UNITS),), torch.nan)
    return torch.stack([from_blendshapes(s) if s is not None else nothing_A for s in faces.blendshapes])
