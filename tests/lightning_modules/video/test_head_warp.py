"""The portrait that follows the head."""

import torch

from datamodules.batch import HEAD_MOTION
from lightning_modules.video.head_warp import (
    EYES_X,
    EYES_Y,
    FOLLOW,
    PUPILS,
    face_places,
    followers,
    height,
    warp_head,
)

SIZE = 128


def motion(**told: float) -> torch.Tensor:
    return torch.tensor([told.get(name, 0.0) for name in HEAD_MOTION])[None, None]


def spot(x: float, y: float) -> torch.Tensor:
    """A soft spot at a place in widths of the picture."""
    place = (torch.arange(SIZE) + 0.5) / SIZE
    far = (place - x).square() + (place[:, None] - y).square()
    return torch.exp(-far / 2e-4)[None, None]


def centre(picture: torch.Tensor) -> tuple[float, float]:
    weight, place = picture[0, 0, 0] / picture.sum(), (torch.arange(SIZE) + 0.5) / SIZE
    return (weight.sum(0) * place).sum().item(), (weight.sum(1) * place).sum().item()


def test_no_motion_changes_nothing() -> None:
    picture = torch.rand(2, 3, 64, 64)
    moved = warp_head(picture, torch.zeros(2, 4, len(HEAD_MOTION)))
    assert moved.shape == (2, 4, 3, 64, 64)
    torch.testing.assert_close(moved, picture[:, None].expand(-1, 4, -1, -1, -1), atol=1e-5, rtol=0)


def test_the_eyes_go_where_they_are_told() -> None:
    x, y = centre(warp_head(spot(EYES_X, EYES_Y), motion(shift_x=0.3, shift_y=-0.2)))
    assert abs(x - EYES_X - 0.3 * PUPILS) < 2e-3
    assert abs(y - EYES_Y + 0.2 * PUPILS) < 2e-3


def test_roll_and_scale_turn_and_stretch_about_the_eyes() -> None:
    x, y = centre(warp_head(spot(EYES_X + 0.1, EYES_Y), motion(roll=0.2)))
    assert abs(x - EYES_X - 0.1 * torch.tensor(0.2).cos().item()) < 2e-3
    assert abs(y - EYES_Y - 0.1 * torch.tensor(0.2).sin().item()) < 2e-3  # positive roll: the left eye sinks
    x, _ = centre(warp_head(spot(EYES_X + 0.1, EYES_Y), motion(log_scale=0.2)))
    assert abs(x - EYES_X - 0.1 * torch.tensor(0.2).exp().item()) < 2e-3


def test_the_background_stays() -> None:
    picture = torch.rand(1, 3, SIZE, SIZE)
    moved = warp_head(picture, motion(shift_x=0.5, roll=0.3))
    torch.testing.assert_close(moved[0, 0, :, :50, :4], picture[0, :, :50, :4], atol=1e-5, rtol=0)
    assert followers(torch.tensor(0.5), torch.tensor(0.4)) == 1
    assert followers(torch.tensor(0.0), torch.tensor(0.0)) == 0


def test_shoulders_follow_a_part_of_the_way() -> None:
    assert abs(followers(torch.tensor(0.1), torch.tensor(1.0)).item() - FOLLOW) < 1e-6
    down = torch.linspace(0.45, 1.0, 20)
    assert (followers(torch.full_like(down, EYES_X), down).diff() <= 1e-6).all()


def test_a_turn_slides_what_is_near_and_keeps_the_measured_places() -> None:
    turned = motion(yaw=0.05)  # heads of the synthetic world turn up to about 0.06
    eye, _ = centre(warp_head(spot(EYES_X + PUPILS / 2, EYES_Y), turned))
    nose, _ = centre(warp_head(spot(EYES_X, EYES_Y + 0.1), turned))
    assert abs(eye - EYES_X - PUPILS / 2) < 3e-3  # the shift says where the eyes go, and it was zero
    assert nose - EYES_X > 0.004
    ear, _ = centre(warp_head(spot(EYES_X - 0.22, EYES_Y + 0.05), turned))
    assert ear < EYES_X - 0.22  # behind the eyes: it slides the other way
    assert height(torch.tensor(EYES_X), torch.tensor(0.51)) == 1


def test_face_places_move_with_the_head() -> None:
    still, moved = face_places(motion(), 16), face_places(motion(shift_x=16 / 128 / PUPILS), 16)
    assert still.shape == (1, 1, 8, 16, 16)
    torch.testing.assert_close(moved[..., 6:8, 8:10], still[..., 6:8, 6:8], atol=0.05, rtol=0)
    torch.testing.assert_close(moved[..., :4, 0], still[..., :4, 0])


def test_it_moves_a_synthetic_head_closer_to_its_frames() -> None:
    from datamodules.synthetic.clip import synthetic_clip

    clip = synthetic_clip(3, frames=8)
    frames, portrait = clip["frames"].float(), clip["reference"].float()[None]
    moved = warp_head(portrait, clip["head_motion"][None])[0]
    assert (moved - frames).square().mean() < 0.5 * (portrait - frames).square().mean()
