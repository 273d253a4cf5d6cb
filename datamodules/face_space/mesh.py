"""A face laid out flat: where MediaPipe's 478 points lie in it, and how a picture is unwrapped onto it.

A part of the contract: it imports torch only. K point, T triangle, A side of the layout in texels, N picture.
Points are pixels of their picture with the centre of pixel i at i, x then y. The file ships beside this
module; `python -m datamodules.synthetic.head.source.face_layout` makes it again from the shipped head.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

MESH_FILE = Path(__file__).with_name("data") / "face-mesh.safetensors"
POINTS, IRIS = 478, 468  # the last ten are the irises
ATLAS = 96  # texels a side

# Numbers of points, read off the published topology of MediaPipe's Face Mesh.
RIGHT_CORNER, LEFT_CORNER = (
    33,
    263,
)  # outer corners of the eyes; the person's right is our left
INNER_LIPS = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
EYE_RINGS = (  # outer corner, lower lid, inner corner, upper lid
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))  # centre first
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
SKIN, MOUTH, EYE = 0, 1, 2  # kinds of triangles


@dataclass(frozen=True)
class FaceMesh:
    """The layout.

    Args:
        atlas: places (K, 2) of the points in it, in [0, 1].
        rest: the points of a mean face at rest (K, 3) in its own frame: unit is the distance of the outer eye
            corners, origin between them, x to the picture's right, y down, z towards the viewer.
        triangles: (T, 3) of the points without the irises.
        kinds: (T,) `SKIN`, `MOUTH` (between the inner lips) or `EYE` (between the lids).
        texel_points: (A * A, 3) points whose mean by `texel_weights` (A * A, 3) a texel is; weights of texels
            beside the face are zero.
    """

    atlas: Tensor
    rest: Tensor
    triangles: Tensor
    kinds: Tensor
    texel_points: Tensor
    texel_weights: Tensor

    @property
    def covered(self) -> Tensor:
        """Which texels lie in the face (A, A) bool."""
        return (self.texel_weights.sum(-1) > 0).view(ATLAS, ATLAS)


@lru_cache(maxsize=1)
def face_mesh() -> FaceMesh:
    """The shipped layout, read once a process; treat it as constant."""
    from safetensors.torch import load_file

    arrays = load_file(MESH_FILE)
    return FaceMesh(
        atlas=arrays["atlas"],
        rest=arrays["rest"],
        triangles=arrays["triangles"].long(),
        kinds=arrays["kinds"].long(),
        texel_points=arrays["texel_points"].long(),
        texel_weights=arrays["texel_weights"].float(),
    )


def over_face(values_NKC: Tensor) -> Tensor:
    """Values at the points spread over the layout: (N, K, C) to (N, C, A, A); zero beside the face."""
    mesh = face_mesh()
    corners_NXVC = values_NKC[:, mesh.texel_points.to(values_NKC.device)]
    spread_NXC = (corners_NXVC * mesh.texel_weights.to(values_NKC)[..., None]).sum(2)
    return spread_NXC.transpose(1, 2).unflatten(-1, (ATLAS, ATLAS))


def at_points(field_NCAA: Tensor) -> Tensor:
    """What a field over the layout says at the points: (N, C, A, A) to (N, K, C).

    Points of the outline lie on the rim of what is covered: they are read from the covered texels alone.
    """
    mesh = face_mesh()
    covered_11AA = mesh.covered.to(field_NCAA)[None, None]
    grid = (2 * mesh.atlas - 1).to(field_NCAA)[None, None]
    read_NCK = _sampled(field_NCAA * covered_11AA, grid) / _sampled(covered_11AA, grid).clamp(min=1e-3)
    return read_NCK.transpose(1, 2)


def _sampled(field_NCAA: Tensor, grid_11K2: Tensor) -> Tensor:
    """Bilinear readings (N, C, K)."""
    grid = grid_11K2.expand(len(field_NCAA), -1, -1, -1)
    read_NC1K = torch.nn.functional.grid_sample(field_NCAA, grid, align_corners=False, padding_mode="border")
    return read_NC1K[:, :, 0]


def unwrap(picture_N3HW: Tensor, points_NK2: Tensor) -> Tensor:
    """Pictures laid out flat by their points: (N, 3, A, A) float in the pictures' range."""
    height, width = picture_N3HW.shape[-2:]
    place_N2AA = over_face(points_NK2.float())
    side = torch.tensor([width, height], device=points_NK2.device).view(1, 2, 1, 1)
    grid_NAA2 = ((2 * place_N2AA + 1) / side - 1).permute(0, 2, 3, 1)
    return torch.nn.functional.grid_sample(
        picture_N3HW.float(), grid_NAA2, align_corners=False, padding_mode="border"
    )


def face_frame(points_NK2: Tensor) -> tuple[Tensor, Tensor]:
    """The frame of a face: origin (N, 2) between the outer eye corners, and its axes (N, 2, 2) in pixels.

    The first axis leads from the one corner to the other, the second at a right angle downwards; both are as
    long as the corners are apart.
    """
    right_N2, left_N2 = points_NK2[:, RIGHT_CORNER], points_NK2[:, LEFT_CORNER]
    across_N2 = left_N2 - right_N2
    down_N2 = torch.stack([-across_N2[:, 1], across_N2[:, 0]], -1)
    return (right_N2 + left_N2) / 2, torch.stack([across_N2, down_N2], 1)


def in_frame(points_NK2: Tensor, origin_N2: Tensor, axes_N22: Tensor) -> Tensor:
    """Points (N, K, 2) in a face's own frame: units of the distance of its outer eye corners."""
    unit_N11 = axes_N22[:, :1].square().sum(-1, keepdim=True)
    return (points_NK2 - origin_N2[:, None]) @ axes_N22.transpose(1, 2) / unit_N11


def from_frame(points_NK2: Tensor, origin_N2: Tensor, axes_N22: Tensor) -> Tensor:
    """Inverse of `in_frame`: pixels."""
    return points_NK2 @ axes_N22 + origin_N2[:, None]
