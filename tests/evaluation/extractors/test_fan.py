"""FAN from files, without a network; the package's own classes with random weights."""

import pytest
import torch

from evaluation.extractors.interface import Configured, Extractor, describe
from evaluation.extractors.published.fan import Fan

fa = pytest.importorskip("face_alignment")


class Told:
    """An aligner and its detector that find what they are told, picture by picture, and a second face."""

    def __init__(self, *found: torch.Tensor | None) -> None:
        self.left, self.face_detector = list(found), self

    def detect_from_image(self, image):
        if self.left[0] is None:
            self.left.pop(0)
            return []
        return [(1.0, 2.0, 9.0, 9.0, 0.9), (5.0, 5.0, 9.0, 9.0, 0.6)]

    def get_landmarks_from_image(self, image, boxes):
        assert [box[-1] for box in boxes] == [0.9]  # FAN looks at one face alone
        return [self.left.pop(0).numpy()]


def test_the_first_face_counts_and_none_is_no_number():
    g = torch.Generator().manual_seed(0)
    points = torch.rand(68, 2, generator=g) * 100
    frames = torch.zeros(3, 3, 32, 32, dtype=torch.uint8)
    found = Fan(Told(points, None, points + 1), "a" * 64, "b" * 64).measure(frames)
    assert torch.equal(found["landmarks"][0], points)
    assert torch.allclose(found["landmarks"][2], points + 1)
    assert found["landmarks"][1].isnan().all()
    assert found["lip_opening"].isfinite().tolist() == [True, False, True]
    with pytest.raises(ValueError, match="fan-2d: no face in any of the 2 frames"):
        Fan(Told(None, None), "a" * 64, "b" * 64).measure(frames[:2])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    folder = tmp_path_factory.mktemp("fan")
    torch.manual_seed(0)
    for name, network in (("fan.pth", FAN(4)), ("s3fd.pth", s3fd())):
        torch.save(network.state_dict(), folder / name)
    return folder


@pytest.mark.slow
def test_it_loads_from_files_and_never_fetches(files, monkeypatch):
    def fetched(*_, **__):
        raise AssertionError("a download")

    monkeypatch.setattr("torch.hub.download_url_to_file", fetched)
    monkeypatch.setattr("face_alignment.utils.download_url_to_file", fetched)
    monkeypatch.setattr("face_alignment.detection.sfd.sfd_detector.load_state_dict_from_url", fetched)
    fan = Fan.load(files / "fan.pth", files / "s3fd.pth")
    assert isinstance(fan, Extractor)
    assert isinstance(fan, Configured)
    assert len(fan.fingerprint) == len(describe(fan)["settings"]["detector_sha256"]) == 64
    assert not torch.backends.cudnn.benchmark
    frame = torch.randint(
        0, 256, (3, 200, 220), generator=torch.Generator().manual_seed(2), dtype=torch.uint8
    )
    box = (60.0, 50.0, 140.0, 130.0)
    points = fan.points(frame, box)
    moved = fan.points(frame.roll((12, 7), (1, 2)), (67.0, 62.0, 147.0, 142.0))
    assert points.shape == (68, 2)
    apart = (moved - points - torch.tensor([7.0, 12.0])).abs().amax(-1)
    assert apart.median() <= 1  # a map of random weights may have two peaks
    assert points.unique(dim=0).shape[0] > 20


@pytest.mark.slow
def test_files_of_another_network_and_missing_ones(files):
    with pytest.raises(ValueError, match="does not fit FAN"):
        Fan.load(files / "s3fd.pth", files / "s3fd.pth")
    with pytest.raises(ValueError, match="does not fit s3fd"):
        Fan.load(files / "fan.pth", files / "fan.pth")
    with pytest.raises(FileNotFoundError, match=r"no FAN weights at .*moee weights fetch fan_2d s3fd"):
        Fan.load(files / "none.pth", files / "s3fd.pth")
