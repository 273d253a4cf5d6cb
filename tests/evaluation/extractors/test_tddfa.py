import numpy as np
import pytest
import torch
from synthetic_weights import fill

from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.published.tddfa import MobileNet, Tddfa, landmark_squares, read_mean_std
from evaluation.metrics import ExpressionOfSets, HeadAngleRange
from evaluation.signals.head_angles import head_angles
from tests.evaluation.extractors.test_face_extractors import (
    ANIMALS,
    LANDMARKER,
    clip,
    extractor,
    needs_weights,
    portrait,
)

FILES = ("mb05_120x120.pth", "param_mean_std_62d_120x120.npz", LANDMARKER.name)


def test_names_and_parameters():
    network = MobileNet()
    assert sum(p.numel() for p in network.parameters()) == 920_166
    state = network.state_dict()
    for name, shape in {
        "conv1.weight": (16, 3, 3, 3),
        "dw2_2.conv_dw.weight": (32, 1, 3, 3),
        "dw4_2.conv_sep.weight": (256, 128, 1, 1),
        "dw5_6.bn_sep.running_var": (512,),
        "dw6.conv_sep.weight": (512, 512, 1, 1),
        "fc_param.weight": (62, 512),
        "fc_lm.bias": (136,),
    }.items():
        assert tuple(state[name].shape) == shape, name


def test_numbers_of_the_authors_network_with_weights_anyone_can_make():
    """What cleardusk's MobileNet gives, filled by the same rule."""
    network = fill(MobileNet()).eval()
    x = torch.from_numpy(np.random.default_rng(9).standard_normal((2, 3, 120, 120)).astype(np.float32))
    with torch.inference_mode():
        found = network(x)[:, [0, 20, 61]]
    wanted = torch.tensor([[0.1616, 0.4713, -0.4402], [0.1000, 0.4917, -0.3891]])
    assert torch.allclose(found, wanted, atol=2e-4)


def test_the_crop_of_the_authors():
    points = torch.tensor([[[10.0, 20.0], [50.0, 100.0]]])  # 40 wide, 80 high
    left, top, side = landmark_squares(points)[0].tolist()
    assert side == pytest.approx(80 * 2**0.5)
    assert (left + side / 2, top + side / 2) == pytest.approx((30, 60))


def turn(yaw: float, pitch: float, roll: float) -> torch.Tensor:
    """Rotation about x by pitch, then y by -yaw, then z by roll, degrees."""
    a, b, c = np.radians([pitch, -yaw, roll])
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return torch.from_numpy(z @ y @ x)


@pytest.mark.parametrize("angles", [(0, 0, 0), (25, 0, 0), (0, -15, 0), (0, 0, 30), (35, 10, -20)])
def test_angles_of_a_known_turn(angles):
    camera = torch.cat([3e-4 * turn(*angles), torch.tensor([[60.0], [70.0], [-66.0]])], 1)
    assert head_angles(camera.flatten()[None].float())[0].tolist() == pytest.approx(angles, abs=1e-3)


def test_a_wrong_mean_and_std_gets_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="no mean and std of 3DDFA_V2 at"):
        read_mean_std(tmp_path / "none.npz")
    (tmp_path / "a.npz").write_text("no archive")
    np.savez(tmp_path / "b.npz", mean=np.zeros(62))
    np.savez(tmp_path / "c.npz", mean=np.zeros(62), std=np.array([{}], dtype=object))
    for name in "abc":
        with pytest.raises(ValueError, match=r"is no \.npz with arrays mean and std"):
            read_mean_std(tmp_path / f"{name}.npz")
    np.savez(tmp_path / "d.npz", mean=np.zeros(61), std=np.ones(62))
    with pytest.raises(ValueError, match="expected 62 finite means"):
        read_mean_std(tmp_path / "d.npz")


class TestReal:
    pytestmark = needs_weights

    def network(self) -> Extractor:
        return extractor(Tddfa.name, *FILES)

    def test_a_clip_against_itself_and_another_emotion(self):
        happy, sad = (
            self.network().measure(clip(f"cremad_1001_DFA_{name}_XX", 12)) for name in ("HAP", "SAD")
        )
        again = self.network().measure(clip("cremad_1001_DFA_HAP_XX", 12).clone())
        assert torch.equal(happy["expression_3ddfa"], again["expression_3ddfa"])
        one, other = happy["expression_3ddfa"], sad["expression_3ddfa"]
        assert abs(ExpressionOfSets().of_people([one], [one])[0]) < 1e-9
        assert ExpressionOfSets().of_people([one], [other])[0] > 1
        metric = HeadAngleRange()
        metric.update(happy["pose_3ddfa"], happy["pose_3ddfa"])
        assert metric.compute() == 1
        assert happy["pose_3ddfa"].abs().max() < 30  # they look at the camera

    def test_the_jaw_opens_with_the_lips(self):
        frames = clip("cremad_1001_DFA_NEU_XX", 12)
        found = self.network().measure(frames)["expression_3ddfa"]
        lips = extractor("mediapipe-face-v2-landmarks", LANDMARKER.name).measure(frames)["lip_opening"]
        both = torch.cat([found, lips[:, None]], 1).mT
        r = torch.corrcoef(both)[-1, :-1]
        assert r.abs().max() > 0.7

    def test_a_mirrored_head_turns_the_other_way(self):
        frames = clip("hdtf_WDA_AOC_000", 4)
        one, other = (self.network().measure(x)["pose_3ddfa"] for x in (frames, frames.flip(-1)))
        assert (one[:, [0, 2]] + other[:, [0, 2]]).abs().mean() < 3
        assert (one[:, 1] - other[:, 1]).abs().mean() < 3
        assert one[:, 0].abs().max() > 3

    def test_without_a_face(self):
        frames = clip("cremad_1001_DFA_HAP_XX").clone()
        frames[2] = 90
        found = self.network().measure(frames)
        for name in ("expression_3ddfa", "pose_3ddfa"):
            assert found[name].isnan().all(-1).tolist() == [i == 2 for i in range(10)]
        for name in ANIMALS:
            with pytest.raises(ValueError, match="mediapipe: no face in any of the 1 frames"):
                self.network().measure(portrait(name))

    def test_what_a_result_records(self):
        record = describe(self.network())
        assert record["sha256"].startswith("f93ed7f1c4c0382b")
        assert record["settings"]["mean_std_sha256"].startswith("0d388ea967886499")
        assert record["settings"]["landmarker_sha256"].startswith("64184e229b263107")
