"""The layout of faces: what goes in comes out, and lips and lids lie apart in it."""

import torch

from datamodules.face_space.mesh import (
    ATLAS,
    EYE_RINGS,
    INNER_LIPS,
    OVAL,
    POINTS,
    at_points,
    face_frame,
    face_mesh,
    from_frame,
    in_frame,
    over_face,
    unwrap,
)


def turned_face(angle: float, scale: float, shift: tuple[float, float]) -> torch.Tensor:
    """The mean face (1, K, 2), rolled, scaled and moved."""
    flat = face_mesh().rest[None, :, :2]
    cos, sin = torch.tensor(angle).cos(), torch.tensor(angle).sin()
    return scale * flat @ torch.stack([torch.stack([cos, sin]), torch.stack([-sin, cos])]) + torch.tensor(
        shift
    )


def test_the_frame_of_a_face_undoes_roll_scale_and_place() -> None:
    points = turned_face(0.4, 80.0, (120.0, 90.0))
    own = in_frame(points, *face_frame(points))
    reference = in_frame(face_mesh().rest[None, :, :2], *face_frame(face_mesh().rest[None, :, :2]))
    torch.testing.assert_close(own, reference, atol=1e-5, rtol=0)
    torch.testing.assert_close(from_frame(own, *face_frame(points)), points, atol=1e-3, rtol=0)


def test_values_at_points_survive_the_layout() -> None:
    smooth = face_mesh().atlas[None] @ torch.tensor([[1.0, 0.3], [-0.4, 2.0]])
    field = over_face(smooth)
    assert field.shape == (1, 2, ATLAS, ATLAS)
    inner = torch.tensor([*INNER_LIPS, *EYE_RINGS[0], *EYE_RINGS[1]])
    torch.testing.assert_close(at_points(field)[:, inner], smooth[:, inner], atol=5e-3, rtol=0)
    outline = torch.tensor(OVAL)
    torch.testing.assert_close(at_points(field)[:, outline], smooth[:, outline], atol=0.03, rtol=0)
    ones = torch.ones(1, POINTS, 1)
    torch.testing.assert_close(at_points(over_face(ones)), ones, atol=1e-3, rtol=0)


def test_lips_and_lids_lie_apart() -> None:
    atlas = face_mesh().atlas * ATLAS
    assert (atlas[14] - atlas[13])[1] > 8
    for upper, lower in ((159, 145), (386, 374)):
        assert (atlas[lower] - atlas[upper])[1] > 4


def test_a_texel_shows_the_pixel_that_its_points_surround() -> None:
    size = 64
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    picture = torch.stack([x, y, x + y]).float()[None]
    points = turned_face(0.0, 30.0, (32.0, 24.0))
    places = over_face(points)[0]
    inside = face_mesh().covered & (places > 1).all(0) & (places < size - 2).all(0)
    flat = unwrap(picture, points)[0]
    torch.testing.assert_close(flat[:2, inside], places[:, inside], atol=1e-3, rtol=0)


def test_the_layout_is_symmetric_and_whole() -> None:
    mesh = face_mesh()
    assert mesh.atlas.shape == (POINTS, 2)
    mirrored = mesh.atlas * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    nearest = torch.cdist(mirrored, mesh.atlas).amin(1)
    assert nearest.max() < 0.01
    corners = mesh.atlas[mesh.triangles]
    edges = corners[:, 1:] - corners[:, :1]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    assert (area.abs() > 1e-7).all()
