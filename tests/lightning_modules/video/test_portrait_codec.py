"""The portrait-relative codec: a still frame is zero, movements come back, what is bared is painted."""

import pytest
import torch

from datamodules.face_space.mesh import ATLAS, INNER_LIPS, POINTS, face_mesh
from lightning_modules.interfaces import Portrait
from lightning_modules.video.portrait_codec import PortraitCodec, flat_portrait, portrait_of

UNIT = 70.0


def face(open_by: float = 0.0) -> torch.Tensor:
    """Points (1, K, 2) of the mean face in 256 pixels, lower lip and chin dropped by so many units."""
    points = face_mesh().rest[None, :, :2].clone()
    number, height = torch.arange(POINTS), face_mesh().rest[:, 1]
    lower, ring = torch.tensor(INNER_LIPS[11:]), torch.tensor(INNER_LIPS)
    below = (height > height[14]) & ~torch.isin(number, ring) | torch.isin(number, lower)
    points[:, below, 1] += open_by
    return points * UNIT + torch.tensor([128.0, 110.0])


def fitted() -> PortraitCodec:
    """A codec whose transforms fit random smooth fields."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(24, 5, 8, 8, generator=generator) * 0.05
    fields = torch.nn.functional.interpolate(coarse, (ATLAS, ATLAS), mode="bicubic")
    codec = PortraitCodec(moving=24, painted=36)
    codec.start_from(fields[:, :2], fields[:, 2:], fields)
    return codec.eval()


def portrait(open_by: float = 0.0) -> Portrait:
    picture = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return portrait_of(torch.nn.functional.avg_pool2d(picture, 9, 1, 4), face(open_by))


def test_a_frame_that_is_the_portrait_has_a_latent_of_zeros() -> None:
    still = portrait()
    still.moved = still.points
    z = fitted().encode(still.flat, still)
    assert z.shape == (1, 60, 16, 16)
    torch.testing.assert_close(z, torch.zeros_like(z), atol=1e-4, rtol=0)


@torch.no_grad()
def test_points_come_back_to_a_part_of_a_pixel() -> None:
    codec, still = fitted(), portrait()
    still.moved = face(0.15)
    moved, keep, _ = codec.layers(codec.encode(still.flat, still), still)
    assert (moved - still.moved).norm(dim=-1).mean() < 0.15 * UNIT * 0.1
    assert keep.shape == (1, 1, ATLAS, ATLAS)


def test_an_opening_mouth_is_occluded_and_a_smile_is_not() -> None:
    codec, still = fitted(), portrait()
    centre = (face_mesh().atlas[[13, 14]].mean(0) * ATLAS).long()
    opened = codec.occlusion(face(0.25), still)[0, 0]
    assert opened[centre[1], centre[0]] > 0.9
    assert opened[: ATLAS // 2].max() < 0.1  # brows and eyes have not moved
    wide = still.points.clone()
    wide[:, [61, 291], 0] += torch.tensor([-6.0, 6.0])
    assert codec.occlusion(wide, still).mean() < 0.01


def test_what_the_portrait_shows_is_not_painted_anew() -> None:
    codec, laughing = fitted(), portrait(0.25)
    assert codec.occlusion(face(0.25), laughing).max() < 0.01


def test_shut_lips_have_no_colour_inside() -> None:
    codec, still = fitted(), portrait(-0.035)  # the mean face's own lips are a little apart
    _, colour = codec.fields(torch.ones(1, 3, ATLAS, ATLAS), still.points, still)
    centre = (face_mesh().atlas[[13, 14]].mean(0) * ATLAS).long()
    assert colour[0, :, centre[1], centre[0]].abs().max() < 0.3
    assert colour.abs().max() > 0.5


def test_decoding_is_the_portrait_where_latents_are_zero() -> None:
    codec, still = fitted(), portrait()
    torch.testing.assert_close(codec.decode(torch.zeros(1, 60, 16, 16), still), still.flat)


def test_a_codec_that_is_relative_asks_for_the_portrait() -> None:
    codec = PortraitCodec()
    with pytest.raises(ValueError, match="needs the portrait"):
        codec.encode(torch.zeros(1, 3, ATLAS, ATLAS))
    with pytest.raises(ValueError, match="needs the portrait"):
        codec.decode(torch.zeros(1, codec.channels, 16, 16))
    with pytest.raises(ValueError, match="divisors of 96"):
        PortraitCodec(factor=7)


def test_a_portrait_tells_how_its_face_is_built() -> None:
    codec = fitted()
    narrow = face()
    narrow[..., 0] = 128 + (narrow[..., 0] - 128) * 0.9
    flat = torch.zeros(1, 3, ATLAS, ATLAS)
    own, other = (codec.describe(flat_portrait(flat, points)) for points in (face(), narrow))
    assert own.abs().max() < 0.2 * other.abs().max()
