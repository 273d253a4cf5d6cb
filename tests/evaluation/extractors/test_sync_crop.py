"""SyncNet's cut against OpenCV, NumPy and SciPy, which the original is made of."""

import cv2
import numpy as np
import pytest
import torch
from places import SHARED
from scipy.signal import medfilt
from synthetic_weights import fill

from evaluation.extractors.catalogue import published
from evaluation.extractors.faces.mesh import Faces
from evaluation.extractors.faces.sync_crop import CroppedSyncNet, bridged, smoothed, sync_crops, sync_squares
from evaluation.extractors.interface import Listener, describe
from evaluation.extractors.published.syncnet import SyncNet

MODEL = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"


def pictures(frames: int, height: int = 120, width: int = 140) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (frames, 3, height, width), generator=g, dtype=torch.uint8)


def boxes(frames: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(1)
    centre = torch.tensor([70.0, 55.0]) + 3 * torch.randn(frames, 2, generator=g)
    half = torch.tensor([24.0, 30.0]) + torch.rand(frames, 2, generator=g)
    return torch.cat([centre - half, centre + half], dim=1)


def test_the_median_is_scipys():
    value = boxes(40)[:, 0].double()
    assert smoothed(value).tolist() == medfilt(value.numpy(), 13).tolist()


def test_squares_hold_the_longer_side():
    square = sync_squares(torch.tensor([[10.0, 20, 50, 80]]).expand(30, 4))
    assert square[10].tolist() == [30, 50, 30]


def test_gaps_are_bridged_and_the_ends_held():
    whole = torch.arange(10.0)[:, None] * torch.tensor([1.0, 2, 3, 4])
    holed = whole.clone()
    holed[[0, 3, 4, 9]] = torch.nan
    found = bridged(holed)
    assert torch.allclose(found[1:9], whole[1:9])
    assert torch.equal(found[0], whole[1])
    assert torch.equal(found[9], whole[8])


@pytest.mark.parametrize("inside", [True, False])
def test_cuts_are_opencvs(inside):
    frames = pictures(20)
    square = sync_squares(boxes(20))
    if not inside:
        square[:, 1] += 40  # the chin reaches beyond the picture
    crops = sync_crops(frames, square)
    assert crops.shape == (20, 3, 224, 224)
    for frame, crop, (x, y, half) in zip(frames, crops, square.numpy(), strict=True):
        edge = int(half * 1.8)
        padded = np.pad(
            frame.permute(1, 2, 0).numpy(), ((edge, edge), (edge, edge), (0, 0)), constant_values=110
        )
        rows = slice(int(y + edge - half), int(y + edge + half * 1.8))
        columns = slice(int(x + edge - half * 1.4), int(x + edge + half * 1.4))
        wanted = torch.from_numpy(cv2.resize(padded[rows, columns], (224, 224))).permute(2, 0, 1)
        assert (crop.int() - wanted.int()).abs().max() <= 1  # OpenCV rounds its weights to 1/2048
    if not inside:
        assert (crops[:, :, -5:] == 110).all()


def test_a_face_that_is_hardly_there_is_one_line():
    with pytest.raises(ValueError, match="at least 7 of 13 frames"):
        sync_crops(pictures(3), sync_squares(boxes(3)))


class Told:
    """Finds the face where it is told."""

    settings: dict[str, object] = {"landmarker_sha256": "f" * 64}  # noqa: RUF012

    def __init__(self, box: torch.Tensor) -> None:
        self.box = box

    def find(self, frames: torch.Tensor, who: str) -> Faces:
        low, high = self.box[:, :2], self.box[:, 2:]
        share = torch.linspace(0, 1, 478)[:, None]
        return Faces(low[:, None] * (1 - share) + high[:, None] * share, ({},) * len(frames))


@pytest.mark.slow
def test_the_cut_face_is_what_syncnet_sees():
    network = fill(SyncNet()).eval().requires_grad_(False)
    box, frames = boxes(16), pictures(16)
    cropped = CroppedSyncNet(network, Told(box))  # type: ignore[arg-type]
    found = cropped.measure(frames)["sync_video"]
    crops = sync_crops(frames, sync_squares(box))
    assert torch.equal(found, network.measure(crops)["sync_video"])
    assert not torch.allclose(found, network.measure(frames)["sync_video"], rtol=1e-2)
    sound = torch.rand(16 * 640, generator=torch.Generator().manual_seed(0)) - 0.5
    assert torch.equal(cropped.measure_sound(sound)["sync_audio"], network.measure_sound(sound)["sync_audio"])


def test_the_name_tells_the_cut():
    family = published("syncnet-v2-mediapipe")
    assert family is not None
    assert family.beside == ("face_landmarker",)
    assert published("syncnet-v2") is not family
    cropped = CroppedSyncNet(SyncNet(), Told(boxes(3)))  # type: ignore[arg-type]
    assert isinstance(cropped, Listener)
    settings = describe(cropped)["settings"]
    assert settings["below"] == 1.8
    assert settings["landmarker_sha256"] == "f" * 64
    assert settings["size"] == 224


@pytest.mark.slow
@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.skipif(not MODEL.is_file(), reason="the face landmarker is not here")
def test_a_real_face_is_cut_from_brow_to_below_the_chin(tmp_path):
    from datamodules.media.reading import read_video
    from evaluation.extractors.faces.mesh import face_mesh

    frames = read_video(SHARED / "data" / "clips" / "grid_pwij3p.mp4").frames[:20]
    mesh = face_mesh(MODEL).find(frames, "test").mesh
    square = sync_squares(bridged(torch.cat([mesh.amin(1), mesh.amax(1)], dim=1)))
    crops = sync_crops(frames, square)
    again = face_mesh(MODEL).find(crops, "test").landmarks[10]
    chin, brows = again[8, 1], again[17:27, 1].min()
    assert 0 < brows < 80
    assert 140 < chin < 190
    assert again[48:68, 0].mean() == pytest.approx(112, abs=12)
