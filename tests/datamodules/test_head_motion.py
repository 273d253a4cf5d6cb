import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.batch import HEAD_MOTION
from datamodules.head_motion import eye_opening, head_motion, lip_opening


def face() -> torch.Tensor:
    points = torch.rand(68, 2, generator=torch.Generator().manual_seed(0)) * 20 + torch.tensor([40.0, 50.0])
    for start, x in ((36, 40.0), (42, 75.0)):
        across = torch.tensor([0.0, 3.0, 6.0, 9.0, 6.0, 3.0])
        down = torch.tensor([0.0, -2.0, -2.0, 0.0, 2.0, 2.0])
        points[start : start + 6] = torch.stack([x + across, 45 + down], 1)
    points[30] = torch.tensor([62.0, 62.0])
    return points


def measured(moved: torch.Tensor) -> dict[str, float]:
    return dict(zip(HEAD_MOTION, head_motion(moved[None], face())[0].tolist(), strict=True))


def test_the_reference_itself_does_not_move() -> None:
    assert head_motion(face()[None], face()).abs().max() < 1e-6


@settings(max_examples=20)
@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-0.3, 0.3), st.floats(0.8, 1.2))
def test_similarities_are_read_off_exactly(dx: float, dy: float, angle: float, scale: float) -> None:
    turn = torch.tensor(angle)
    rotation = scale * torch.stack(
        [torch.stack([turn.cos(), -turn.sin()]), torch.stack([turn.sin(), turn.cos()])]
    )
    middle = torch.stack([face()[36:42].mean(0), face()[42:48].mean(0)]).mean(0)
    moved = (face() - middle) @ rotation.T + middle + torch.tensor([dx, dy])
    found, width = measured(moved), 35.0
    assert found["shift_x"] == pytest.approx(dx / width, abs=1e-4)
    assert found["shift_y"] == pytest.approx(dy / width, abs=1e-4)
    assert found["roll"] == pytest.approx(angle, abs=1e-4)
    assert found["log_scale"] == pytest.approx(torch.tensor(scale).log().item(), abs=1e-4)
    assert found["yaw"] == pytest.approx(0, abs=1e-4)
    assert found["pitch"] == pytest.approx(0, abs=1e-4)


def test_closed_eyes() -> None:
    shut = face()
    shut[[37, 38, 40, 41, 43, 44, 46, 47], 1] = 45.0
    assert measured(shut)["eye_closure"] == pytest.approx(1)
    assert eye_opening(face()[None]).item() == pytest.approx(4 / 9)


def test_lip_opening_in_inter_ocular_distances() -> None:
    open_mouth = face()
    open_mouth[[61, 62, 63]] = torch.tensor([[55.0, 80.0], [60.0, 80.0], [65.0, 80.0]])
    open_mouth[[67, 66, 65]] = torch.tensor([[55.0, 87.0], [60.0, 87.0], [65.0, 87.0]])
    assert lip_opening(open_mouth[None]).item() == pytest.approx(0.2)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(F, 68, 2\)"):
        head_motion(torch.zeros(3, 5, 2), face())
