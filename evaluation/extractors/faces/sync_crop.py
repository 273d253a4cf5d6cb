"""SyncNet's own cut of a face: smoothed boxes, room below the chin. F frame, H row, W column.

The rules were read in joonson/syncnet_python (MIT, `run_pipeline.py`): a median over 13 frames of centre and
half size, beyond the ends zeros; a square from one half size above the centre to 1.8 below and 1.4 to either
side, cut at whole pixels towards zero; grey 110 outside the picture; 224 pixels. Boxes there are S3FD's,
found in a picture a quarter as wide; here they go around MediaPipe's points, which the name says. Its detour
over JPEG and XVID is left out.
"""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.extractors.faces.mesh import FaceMesh, face_mesh
from evaluation.extractors.network import MovesNetwork
from evaluation.extractors.published.syncnet import SIZE, SyncNet

MEDIAN = 13  # frames
BESIDE, BELOW = 1.4, 1.8  # half sizes from the centre
OUTSIDE = 110


def bridged(box_F4: Tensor) -> Tensor:
    """Boxes with the gaps filled linearly in time; before the first and after the last one they are held.

    The original's tracks begin and end with a face; held boxes keep the windows beside their sound.

    Args:
        box_F4: NaN rows are gaps; at least one row is none.
    """
    frames = torch.arange(len(box_F4), device=box_F4.device)
    known = torch.isfinite(box_F4).all(1).nonzero()[:, 0]
    after = torch.searchsorted(known, frames).clamp(max=len(known) - 1)
    before = (torch.searchsorted(known, frames, right=True) - 1).clamp(min=0)
    start, end = known[before], known[after]
    share = (frames - start) / (end - start).clamp(min=1)
    return torch.lerp(box_F4[start], box_F4[end], share.to(box_F4)[:, None])


def smoothed(value_F: Tensor) -> Tensor:
    """Median over 13 frames around each; what lies beyond the ends counts as zero."""
    return F.pad(value_F, (MEDIAN // 2, MEDIAN // 2)).unfold(0, MEDIAN, 1).median(1).values


def sync_squares(box_F4: Tensor) -> Tensor:
    """Centre x, centre y and half size (F, 3) of boxes left, top, right, bottom, all smoothed."""
    low_F2, high_F2 = box_F4.double()[:, :2], box_F4.double()[:, 2:]
    half_F = (high_F2 - low_F2).amax(1) / 2
    centre_F2 = (low_F2 + high_F2) / 2
    return torch.stack([smoothed(value) for value in (*centre_F2.unbind(1), half_F)], dim=1)


def sync_crops(frames_F3HW: Tensor, square_F3: Tensor) -> Tensor:
    """Cuts (F, 3, 224, 224) uint8 of uint8 frames around centre x, centre y and half size.

    Raises:
        ValueError: for a square of no size, as a median leaves it of a face seen in few frames.
    """
    crops = []
    for frame_3HW, (x, y, half) in zip(frames_F3HW, square_F3.tolist(), strict=True):
        if half < 1:
            raise ValueError("SyncNet's cut needs a face in at least 7 of 13 frames: give a longer clip")
        edge = int(half * BELOW)
        padded = F.pad(frame_3HW, (edge, edge, edge, edge), value=OUTSIDE)
        top, bottom = int(y + edge - half), int(y + edge + half * BELOW)
        left, right = int(x + edge - half * BESIDE), int(x + edge + half * BESIDE)
        face = padded[None, :, max(top, 0) : bottom, max(left, 0) : right].float()
        crops.append(F.interpolate(face, (SIZE, SIZE), mode="bilinear", align_corners=False)[0])
    return torch.stack(crops).round().to(torch.uint8)


class CroppedSyncNet(MovesNetwork[SyncNet]):
    """SyncNet v2 on its own cut of the face, not the whole picture; an `Extractor` of published weights.

    Args:
        network: measures.
        faces: finds them.
    """

    name = "syncnet-v2-mediapipe"
    published = True
    provides = SyncNet.provides

    def __init__(self, network: SyncNet, faces: FaceMesh) -> None:
        self.network, self.faces, self.fingerprint = network, faces, network.fingerprint
        about = {"median": MEDIAN, "beside": BESIDE, "below": BELOW, "outside": OUTSIDE}
        self.settings: dict[str, object] = network.settings | about | faces.settings

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`sync_video` (F - 5, 1024) of uint8 RGB frames; errors as of `SyncNet` and `FaceMesh`."""
        mesh_FP2 = self.faces.find(frames_F3HW, self.name).mesh
        box_F4 = torch.cat([mesh_FP2.amin(1), mesh_FP2.amax(1)], dim=1)
        return self.network.measure(sync_crops(frames_F3HW, sync_squares(bridged(box_F4))))

    def measure_sound(self, sound_S: Tensor) -> dict[str, Tensor]:
        """As `SyncNet.measure_sound`."""
        return self.network.measure_sound(sound_S)

    @classmethod
    def load(cls, path: Path, landmarker: Path) -> Self:
        """Ready to measure.

        Args:
            path: `syncnet_v2.model`, or the same as safetensors.
            landmarker: MediaPipe's `.task` file.
        """
        return cls(SyncNet.load(path), face_mesh(Path(landmarker)))
