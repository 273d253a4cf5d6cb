import numpy as np
import pytest
import torch

from evaluation.metrics import (
    FaceAligned,
    FaceCentred,
    FaceLandmarkDistance,
    IdentityOfMeans,
    IdentityToFrame,
    IdentityToReference,
    KeypointDistance,
    KeypointEuclidean,
    MouthAligned,
    MouthCentred,
    MouthLandmarkDistance,
    MouthOverSixtyEight,
    MouthPixels,
)
from evaluation.metrics.identity.similarity import cosine_frames, cosine_of_means
from evaluation.metrics.landmarks.distances import MOUTH, keypoint_euclidean, keypoint_l1
from evaluation.metrics.landmarks.variants import align, aligned_distance, centred_distance


@pytest.fixture
def faces() -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(5)
    true = rng.uniform(60, 200, (6, 68, 2))
    return torch.from_numpy(true + rng.normal(0, 3, true.shape) + (4, -2)), torch.from_numpy(true)


def test_distances_of_the_reference_case(faces):
    pred, true = faces
    assert keypoint_l1(pred, true).mean().item() == pytest.approx(3.580233, abs=1e-6)
    assert keypoint_euclidean(pred, true).mean().item() == pytest.approx(5.600515, abs=1e-6)
    assert keypoint_euclidean(pred, true, MOUTH).mean().item() == pytest.approx(5.974205, abs=1e-6)


def test_normalised_distance_of_the_reference_case(faces):
    metric = FaceLandmarkDistance()
    metric.update(*faces)
    assert metric.compute().item() == pytest.approx(0.114918, abs=1e-6)


def test_a_pure_shift(faces):
    _, true = faces
    moved = true + torch.tensor([3.0, -4.0])
    for kind, wanted in ((KeypointDistance, 3.5), (KeypointEuclidean, 5.0)):
        metric = kind()
        metric.update(moved, true)
        assert metric.compute().item() == pytest.approx(wanted)


def value(kind, pred: torch.Tensor, true: torch.Tensor) -> float:
    metric = kind()
    metric.update(pred, true)
    return metric.compute().item()


def test_mouth_distances_of_the_literature(faces):
    assert value(MouthPixels, *faces) == pytest.approx(5.974205, abs=1e-6)
    assert value(MouthOverSixtyEight, *faces) == pytest.approx(1.757119, abs=1e-6)
    assert value(KeypointEuclidean, *faces) == pytest.approx(5.600515, abs=1e-6)  # F-LMD in pixels


def test_a_shift_is_forgiven_by_the_centred_and_a_turn_and_scale_by_the_aligned(faces):
    _, true = faces
    shifted = true + torch.tensor([3.0, -4.0])
    for kind in (MouthCentred, FaceCentred, MouthAligned, FaceAligned):
        assert value(kind, shifted, true) == pytest.approx(0, abs=1e-9)
    c, s = 1.3 * np.cos(0.4), 1.3 * np.sin(0.4)
    turned = shifted @ torch.tensor([[c, s], [-s, c]], dtype=torch.float64)
    for kind in (MouthAligned, FaceAligned):
        assert value(kind, turned, true) == pytest.approx(0, abs=1e-9)
    assert value(FaceCentred, turned, true) > 1


def test_a_mirrored_face_is_not_forgiven(faces):
    _, true = faces
    mirrored = true * torch.tensor([-1.0, 1.0])
    assert value(FaceAligned, mirrored, true) > 0.1


def test_the_centred_distance_by_hand():
    true = torch.zeros(1, 68, 2)
    pred = true.clone()
    pred[:, 48:58, 0] = 2.0  # half of the mouth two pixels to the right: one pixel from the middle each
    assert centred_distance(pred, true, slice(48, 68)).item() == pytest.approx(1)


def test_alignment_agrees_with_scipy(faces):
    procrustes = pytest.importorskip("scipy.spatial").procrustes
    pred, true = faces
    found = align(pred, true)
    for i in range(len(pred)):
        wanted = procrustes(true[i].numpy(), pred[i].numpy())[2]
        spread = (true[i] - true[i].mean(0)).square().sum()
        assert ((found[i] - true[i]).square().sum() / spread).item() == pytest.approx(wanted, rel=1e-9)


def test_more_noise_is_further_away_under_every_name(faces):
    pred, true = faces
    noise = pred - true - torch.tensor([4.0, -2.0])
    for kind in (MouthPixels, MouthOverSixtyEight, MouthCentred, MouthAligned, FaceCentred, FaceAligned):
        values = [value(kind, true + level * noise, true) for level in (0, 1, 2, 4)]
        assert values[0] == pytest.approx(0, abs=1e-9)
        assert values == sorted(values)
        assert values[1] > 0


def test_an_aligned_mouth_shows_its_own_error(faces):
    _, true = faces
    pred = true.clone()
    pred[:, 48:68, 1] += 10
    moved = pred + torch.tensor([25.0, 5.0])
    assert torch.allclose(aligned_distance(pred, true), aligned_distance(moved, true))
    assert (aligned_distance(moved, true, slice(48, 68)) > aligned_distance(moved, true)).all()


def test_centred_distances_weigh_clips_alike(faces):
    pred, true = faces
    metric = FaceCentred()
    metric.update(pred, true)
    metric.update(true[:2], true[:2])  # a short clip without any error
    metric.update(torch.full_like(true[:3], torch.nan), true[:3])  # a clip without a face
    assert metric.compute().item() == pytest.approx(centred_distance(pred, true).mean().item() / 2)
    assert metric.details(metric.sums) == {"coverage": pytest.approx(8 / 11), "clips": 2}


@pytest.mark.parametrize(
    "kind",
    [
        *(KeypointDistance, KeypointEuclidean, FaceLandmarkDistance, MouthLandmarkDistance),
        *(MouthPixels, MouthOverSixtyEight, MouthCentred, MouthAligned, FaceCentred, FaceAligned),
    ],
)
def test_missing_faces_lower_the_coverage_and_not_the_distance(kind, faces):
    pred, true = faces
    whole, part = kind(), kind()
    whole.update(pred[2:], true[2:])
    pred = pred.clone()
    pred[:2] = torch.nan
    part.update(pred, true)
    assert part.compute().item() == pytest.approx(whole.compute().item())
    assert part.details(part.sums)["coverage"] == pytest.approx(4 / 6)


def test_wrong_number_of_points_is_refused():
    with pytest.raises(ValueError, match="68, 2"):
        keypoint_l1(torch.zeros(1, 5, 2), torch.zeros(1, 5, 2))


def test_identity_is_the_mean_of_cosines():
    rng = np.random.default_rng(8)
    u = rng.standard_normal((10, 128))
    v = torch.from_numpy(u + 0.5 * rng.standard_normal(u.shape))
    u = torch.from_numpy(u)
    assert cosine_frames(u, v).mean().item() == pytest.approx(0.88635422, abs=1e-8)
    metric = IdentityToFrame()
    metric.update(u, v)
    assert metric.compute().item() == pytest.approx(0.88635422, abs=1e-8)


def test_identity_to_one_reference_picture():
    metric = IdentityToReference()
    metric.update(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    assert metric.compute().item() == pytest.approx(0.5)


@pytest.mark.parametrize("kind", [IdentityToReference, IdentityToFrame])
def test_frames_without_a_face_lower_the_coverage_and_not_the_identity(kind):
    metric = kind()
    made = torch.tensor([[1.0, 0.0], [torch.nan, torch.nan], [0.0, 1.0], [1.0, 0.0]])
    metric.update(made, torch.tensor([[1.0, 0.0]]).expand(4, 2))
    assert metric.compute().item() == pytest.approx(2 / 3)
    assert metric.details(metric.sums)["coverage"] == pytest.approx(3 / 4)


def test_the_cosine_of_means_is_another_number():
    rng = np.random.default_rng(8)
    u = rng.standard_normal((10, 128))
    v = torch.from_numpy(u + 0.5 * rng.standard_normal(u.shape))
    u = torch.from_numpy(u)
    assert cosine_of_means(u, v).item() == pytest.approx(0.89026382, abs=1e-8)
    assert (2 - 2 * cosine_frames(u, v)).mean().item() == pytest.approx(0.227292, abs=1e-6)
    metric = IdentityOfMeans()
    metric.update(u, v)
    metric.update(torch.full_like(u, torch.nan), v)  # no face: no clip
    assert metric.compute().item() == pytest.approx(0.89026382, abs=1e-8)


def test_a_wavering_face_is_forgiven_by_the_cosine_of_means():
    middle = torch.tensor([[1.0, 0.0]])
    wavering = torch.tensor([[0.8, 0.6], [0.8, -0.6]])
    assert cosine_of_means(wavering, middle.expand(2, 2)).item() == pytest.approx(1)
    assert cosine_frames(wavering, middle.expand(2, 2)).mean().item() == pytest.approx(0.8)
