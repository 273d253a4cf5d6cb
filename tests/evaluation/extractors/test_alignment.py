"""Five points and the faces they bring into place, against scikit-image and OpenCV."""

import pytest
import torch
from places import SHARED
from told_faces import mesh_of, moving_face

from datamodules.media.reading import read_image
from evaluation.extractors.faces.alignment import SIZE, TEMPLATE, aligned, similarity, warp
from evaluation.extractors.faces.mesh import face_mesh
from evaluation.extractors.faces.points import five_points

MODEL = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"
needs_model = pytest.mark.skipif(
    not (MODEL.is_file() and (SHARED / "data").is_dir()),
    reason="the face landmarker or the portraits are not here",
)


def points(count: int, seed: int = 0) -> torch.Tensor:
    """Turned, scaled and shaken copies of the template."""
    g = torch.Generator().manual_seed(seed)
    turn, scale = torch.rand(count, generator=g) - 0.5, 0.5 + 2 * torch.rand(count, generator=g)
    matrix = scale.view(-1, 1, 1) * torch.stack(
        [torch.stack([turn.cos(), -turn.sin()], -1), torch.stack([turn.sin(), turn.cos()], -1)], 1
    )
    shake = torch.randn(count, 5, 2, generator=g) * 4
    return torch.tensor(TEMPLATE)[None] @ matrix.mT + 30 * torch.rand(count, 1, 2, generator=g) + shake


def picture(height: int = 150, width: int = 190) -> torch.Tensor:
    x = torch.linspace(0, 9, width).sin()[None] * torch.linspace(0, 7, height).cos()[:, None]
    noise = torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))
    return (100 + 90 * x + 60 * noise).clamp(0, 255).to(torch.uint8)


def test_the_matrix_is_scikit_images():
    peer = pytest.importorskip("skimage.transform")
    found = similarity(points(8), torch.tensor(TEMPLATE))
    for own, five in zip(found, points(8), strict=True):
        other = peer.SimilarityTransform.from_estimate(
            five.double().numpy(), torch.tensor(TEMPLATE).double().numpy()
        )
        assert torch.allclose(own, torch.from_numpy(other.params[:2]), atol=1e-9)


def test_the_picture_is_opencvs():
    cv2 = pytest.importorskip("cv2")
    frame, matrix = picture(), similarity(points(3, 5), torch.tensor(TEMPLATE))
    found = warp(frame[None].expand(3, -1, -1, -1), matrix, SIZE)
    for own, one in zip(found, matrix, strict=True):
        other = cv2.warpAffine(frame.permute(1, 2, 0).numpy(), one.numpy(), (SIZE, SIZE), borderValue=0.0)
        difference = (own.permute(1, 2, 0).int() - torch.from_numpy(other).int()).abs().float()
        assert difference.mean() < 0.6  # OpenCV places in steps of 1/32 pixel
        assert difference.quantile(0.99) <= 4
    assert found.float().std() > 20


def test_a_face_in_place_is_not_touched():
    frame = picture(SIZE, SIZE)[None]
    assert torch.equal(aligned(frame, torch.tensor(TEMPLATE)[None]), frame)


def test_moving_the_face_and_the_picture_changes_nothing():
    frame = picture(300, 300)
    moved = torch.stack([frame, frame.roll((3, 8), (1, 2))])
    five = torch.stack([moving_face(1)[0] + 40, moving_face(1)[0] + 40 + torch.tensor([8.0, 3.0])])
    first, second = aligned(moved, five)
    assert torch.equal(first, second)


def test_a_frame_without_a_face_is_black():
    five = moving_face(3)
    five[1] = torch.nan
    found = aligned(picture()[None].expand(3, -1, -1, -1), five)
    assert found[1].max() == 0
    assert found[0].float().std() > 10


def test_five_points_of_a_mesh():
    five = points(4)
    assert torch.allclose(five_points(mesh_of(five)), five, atol=1e-4)


@needs_model
@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.slow
def test_real_faces_are_found_and_come_into_place():
    portraits = sorted((SHARED / "data" / "portraits").glob("*.*"))[:2] or None
    assert portraits
    for path in portraits:
        frame = read_image(path)[None]
        five = five_points(face_mesh(MODEL).find(frame, "test").mesh)
        right_eye, left_eye, nose, right_mouth, left_mouth = five[0]
        assert right_eye[0] < nose[0] < left_eye[0]
        assert right_mouth[0] < left_mouth[0]
        assert right_eye[1] < nose[1] < right_mouth[1]
        inside = similarity(five, torch.tensor(TEMPLATE))
        placed = five.double() @ inside[:, :, :2].mT + inside[:, None, :, 2]
        assert (placed - torch.tensor(TEMPLATE)).norm(dim=-1).max() < 10  # of 112 pixels
