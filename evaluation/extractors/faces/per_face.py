"""How a network looks at the face of each frame. F frame, N frame with a face, D width of what it gives."""

from collections.abc import Callable

import torch
from torch import Tensor

from evaluation.extractors.faces.mesh import FaceMesh, Faces
from evaluation.extractors.shapes import check_features
from evaluation.runtime.exactness import exact


def per_face(
    finder: FaceMesh,
    frames_F3HW: Tensor,
    name: str,
    cut: Callable[[Tensor, Faces], Tensor],
    look: Callable[[Tensor], Tensor],
) -> Tensor:
    """What a network gives for the face of each frame (F, D), on the frames' device; NaN without a face.

    Args:
        finder: finds the faces.
        frames_F3HW: uint8 RGB.
        name: of the extractor, for errors.
        cut: the frames that show a face, and these faces -> one crop a frame (N, C, size, size).
        look: crops -> rows (N, D).

    Raises:
        ValueError: for other frames, or a clip without any face.
    """
    faces = finder.find(frames_F3HW, name)
    places_N = faces.has_face.nonzero()[:, 0]
    rows_ND = look(cut(frames_F3HW[places_N], faces.at(places_N)))
    rows_FD = rows_ND.new_full((len(frames_F3HW), rows_ND.shape[1]), torch.nan)
    rows_FD[places_N] = rows_ND
    return rows_FD


def in_batches(
    network: Callable[[Tensor], Tensor], crops_NCHW: Tensor, batch_size: int, width: int, name: str
) -> Tensor:
    """Rows (N, D) of crops, a batch at a time and in full float32.

    Args:
        network: a batch of crops -> rows (at most `batch_size`, D).
        crops_NCHW: as `network` takes them.
        batch_size: crops at a time.
        width: D.
        name: of the extractor, for errors.

    Raises:
        ValueError: for rows of another width.
    """
    with exact(crops_NCHW.device):
        rows_ND = torch.cat([network(batch_BCHW) for batch_BCHW in crops_NCHW.split(batch_size)])
    return check_features(rows_ND, (len(crops_NCHW), width), name)
