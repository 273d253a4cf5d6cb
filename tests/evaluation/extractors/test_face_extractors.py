"""Published networks that measure faces, on real portraits and clips where these and the weights are here."""

from functools import lru_cache
from pathlib import Path

import pytest
import torch
from places import SHARED
from torch import Tensor

from datamodules.batch import ACTION_UNITS
from datamodules.head_motion import MESH_TO_IBUG
from datamodules.media.reading import read_image, read_video
from evaluation.extractors.catalogue import load_published_extractor
from evaluation.extractors.faces.mesh import crop_squares
from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.published.mediapipe_face import MediaPipeFace
from evaluation.metrics.landmarks.distances import KeypointDistance
from evaluation.metrics.motion.head_pose import head_pose

WEIGHTS, DATA = SHARED / "weights", SHARED / "data"
LANDMARKER = WEIGHTS / "face_landmarker_v2_with_blendshapes.task"
needs_weights = [
    pytest.mark.mediapipe,
    pytest.mark.weights,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (WEIGHTS.is_dir() and DATA.is_dir()), reason="published weights or real data are not here"
    ),
]
ANIMALS = ("negative_cat_s40.jpg",)


def weights(file: str) -> Path:
    return WEIGHTS / file


@lru_cache
def clip(name: str, count: int = 10) -> Tensor:
    """Frames spread over a real clip."""
    frames = read_video(DATA / "clips" / f"{name}.mp4").frames
    return frames[torch.linspace(0, len(frames) - 1, count).long()]


def portrait(name: str) -> Tensor:
    return read_image(DATA / "portraits" / name)[None]


@lru_cache
def extractor(name: str, file: str, *beside: str) -> Extractor:
    return load_published_extractor(name, weights(file), [weights(other) for other in beside])


def test_squares_are_cut_as_opencv_does():
    cv2 = pytest.importorskip("cv2")
    g = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (2, 3, 50, 70), generator=g, dtype=torch.uint8)
    found = crop_squares(frames, torch.tensor([[10.2, 4.9, 40.0], [-20.0, 20.4, 60.6]]), 24)
    padded = torch.nn.functional.pad(frames, (100, 100, 100, 100)).permute(0, 2, 3, 1).numpy()
    for got, whole, (x0, y0, x1, y1) in zip(found, padded, ((10, 5, 50, 45), (-20, 20, 41, 81)), strict=True):
        wanted = cv2.resize(whole[y0 + 100 : y1 + 100, x0 + 100 : x1 + 100], (24, 24))
        assert (got.permute(1, 2, 0).int() - torch.from_numpy(wanted).int()).abs().max() <= 1
    assert (found[1, :, :, 0] == 0).all()  # beyond the picture


def test_a_missing_landmarker_and_another_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no face landmarker at .*: run `moee weights fetch face"):
        MediaPipeFace(tmp_path / "none.task")
    with pytest.raises(ValueError, match="unknown 'lips': known are landmarks, mesh, blendshapes"):
        MediaPipeFace(tmp_path / "none.task", "lips")
    (tmp_path / "bad.task").write_text("no model")
    with pytest.raises(ValueError, match="not a face landmarker"):
        MediaPipeFace(tmp_path / "bad.task").measure(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))


class TestMediaPipe:
    pytestmark = needs_weights

    def points(self) -> Extractor:
        return extractor("mediapipe-face-v2-landmarks", LANDMARKER.name)

    def units(self) -> Extractor:
        return extractor("mediapipe-face-v2-blendshapes", LANDMARKER.name)

    def test_frames_without_a_face_hold_no_number(self, capfd):
        frames = clip("cremad_1001_DFA_HAP_XX").clone()
        frames[3] = 0
        found = self.points().measure(frames)
        seen = torch.isfinite(found["landmarks"]).all(-1).all(-1)
        assert seen.tolist() == [i != 3 for i in range(10)]
        assert torch.isfinite(found["lip_opening"]).equal(seen)
        assert found["mesh_478"].shape == (10, 478, 2)
        assert torch.equal(found["mesh_478"][seen][:, list(MESH_TO_IBUG)], found["landmarks"][seen])
        mesh = extractor("mediapipe-face-v2-mesh", LANDMARKER.name).measure(frames)
        assert list(mesh) == ["mesh_478"]
        assert torch.equal(mesh["mesh_478"][seen], found["mesh_478"][seen])
        metric = KeypointDistance()
        sums = metric.clip_sums(found["landmarks"], self.points().measure(frames.clone())["landmarks"])
        assert metric.finish(sums) == 0  # bit by bit
        assert metric.details(sums) == {"coverage": 0.9}
        assert torch.isfinite(head_pose(found["landmarks"])).all(-1).equal(seen)
        assert "W0000" not in capfd.readouterr().err

    def test_a_clip_without_any_face_is_refused(self):
        for name in ANIMALS:
            with pytest.raises(ValueError, match="landmarks: no face in any of the 1 frames"):
                self.points().measure(portrait(name))

    def test_the_larger_of_two_faces_counts(self):
        small, large = clip("cremad_1001_DFA_NEU_XX")[:1, :, ::2, ::2], clip("cremad_1001_DFA_NEU_XX")[:1]
        pair = torch.cat([torch.nn.functional.pad(small, (0, 0, 90, 90)), large], 3)
        alone = self.points().measure(large)["landmarks"] + torch.tensor([180.0, 0.0])
        assert (self.points().measure(pair)["landmarks"] - alone).norm(dim=-1).mean() < 3

    def test_points_move_with_the_picture(self):
        frames = clip("cremad_1001_DFA_NEU_XX")[:3]
        moved = self.points().measure(frames.roll((7, -5), (-1, -2)))["landmarks"]
        shift = (moved - self.points().measure(frames)["landmarks"]).mean((0, 1))
        assert (shift - torch.tensor([7.0, -5.0])).abs().max() < 1

    def test_a_smile_lifts_the_corners_of_the_lips(self):
        found = {
            name: self.units().measure(clip(f"cremad_1001_DFA_{name}_XX"))["action_units"].mean(0)
            for name in ("HAP", "NEU", "SAD")
        }
        smile = ACTION_UNITS.index(12)
        assert found["HAP"][smile] > max(found["NEU"][smile], found["SAD"][smile]) + 0.1
        assert all(0 <= x.min() <= x.max() <= 1 for x in found.values())

    def test_what_a_result_records(self):
        record = describe(self.units())
        assert record["published"]
        assert record["sha256"] == record["settings"]["landmarker_sha256"]
        assert record["provides"] == ["action_units"]
        assert describe(self.points())["name"] != record["name"]
