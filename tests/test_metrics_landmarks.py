import numpy as np
import pytest
import torch

from evaluation.metrics import (
    FaceLandmarkDistance,
    IdentityToFrame,
    IdentityToReference,
    KeypointDistance,
    KeypointEuclidean,
    MouthLandmarkDistance,
)
from evaluation.metrics.identity import cosine_frames
from evaluation.metrics.landmarks import MOUTH, keypoint_euclidean, keypoint_l1


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


@pytest.mark.parametrize(
    "kind", [KeypointDistance, KeypointEuclidean, FaceLandmarkDistance, MouthLandmarkDistance]
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
