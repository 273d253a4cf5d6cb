"""A talking head whose latents are relative to the portrait: training, and frames of any size."""

import pytest
import torch

from datamodules.batch import TalkingHeadBatch, collate, parse_blend
from datamodules.face_space.mesh import face_mesh
from datamodules.synthetic.clip import synthetic_clip
from lightning_modules import (
    EmotionExperts,
    EmotionToLatents,
    MelSpeechFeatures,
    PatchCodec,
    PortraitCodec,
    ReferenceNet,
    RegionalLabelEncoder,
    TalkingHead,
    VideoUNet,
)
from lightning_modules.diffusion.objective import Losses
from lightning_modules.interfaces import EmotionCue, LatentCodec
from lightning_modules.video.clip_latents import frames as frame_latents
from tests.lightning_modules.test_talking_head import UNET


def model(codec: LatentCodec | None = None) -> TalkingHead:
    torch.manual_seed(0)
    return TalkingHead(
        codec or PortraitCodec(moving=2, painted=4),
        MelSpeechFeatures(width=8, hidden=8, bands=16),
        {"label": RegionalLabelEncoder(8)},
        EmotionToLatents(width=8, tokens=2, table=4, heads=2),
        EmotionExperts(inner=4, places=True, local_gate="output"),
        ReferenceNet(UNET),
        VideoUNet(UNET, ["mid_0_0"], motion_heads=2, face_places=True, expert_locations=["up_1_0"]),
        stage="joint",
        losses=Losses(spatial=0.1),
        size=64,
        chunk=4,
    )


@pytest.fixture(scope="module")
def batch() -> TalkingHeadBatch:
    return collate(
        [
            synthetic_clip(seed, frames=5, size=64, blend=parse_blend(emotion), world="head")
            for seed, emotion in ((1, "happy"), (2, "sad"))
        ]
    )


def portrait(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth picture and the points of the mean face in it."""
    place = torch.linspace(40, 210, side)
    picture = torch.stack([place.expand(side, -1), place[:, None].expand(-1, side), place.expand(side, -1)])
    return picture.to(torch.uint8), face_mesh().rest[:, :2] * 0.35 * side + torch.tensor([0.5, 0.42]) * side


def test_every_loss_trains_every_part_that_acts(batch: TalkingHeadBatch) -> None:
    head = model()
    loss, parts = head._loss(batch, None, torch.zeros(2, dtype=torch.bool))
    assert set(parts) == {"latent", "spatial"}
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in head.denoiser.parameters() if p.grad is not None)
    assert head.denoiser.unet.conv_in.weight.grad.abs().sum() > 0


def test_latents_are_relative_and_the_denoiser_predicts_them_as_they_are(batch: TalkingHeadBatch) -> None:
    head = model()
    z = frame_latents(head.codec, batch)
    assert z.shape == (2, 5, 6, 16, 16)
    torch.testing.assert_close(head.to_residual(z, torch.ones_like(z)), z * head.latent_gain)


@pytest.mark.parametrize("side", [64, 96])
@torch.no_grad()
def test_frames_have_the_portraits_own_size(side: int) -> None:
    head = model().eval()
    picture, points = portrait(side)
    sound = 0.1 * torch.randn(6 * 640, generator=torch.Generator().manual_seed(0))
    cue = EmotionCue(label=parse_blend("happy")[None])
    frames = torch.cat(list(head.animate(picture, sound, cue, steps=1, points=points)))
    assert frames.shape == (6, 3, side, side)
    assert frames.dtype == torch.uint8
    border = (frames[:, :, 0].int() - picture[:, 0].int()).abs()
    assert border.max() <= 1  # what is not face stays


@torch.no_grad()
def test_a_moved_head_moves_the_face_and_not_the_background() -> None:
    head = model().eval()
    head.denoiser.unet.conv_out.weight.zero_()
    head.denoiser.unet.conv_out.bias.zero_()
    picture, points = portrait(64)
    motion = torch.zeros(2, 7)
    motion[1, 0] = 0.2  # a fifth of the pupils' distance to the right
    sound = torch.zeros(2 * 640)
    still, moved = torch.cat(list(head.animate(picture, sound, EmotionCue(), motion, 1, points=points)))
    nose = points[1].round().long()
    assert moved[0, nose[1], nose[0]].int() < still[0, nose[1], nose[0]].int()  # what was left of it
    assert (moved[:, 0].int() - still[:, 0].int()).abs().max() <= 1


def test_a_portrait_without_points_is_refused() -> None:
    with pytest.raises(ValueError, match="478 points"):
        next(model().animate(portrait(64)[0], torch.zeros(640), EmotionCue()))


def test_clips_of_pictures_are_refused_in_one_line() -> None:
    painted = collate([synthetic_clip(1, frames=5, size=64)])
    with pytest.raises(ValueError, match=r"train\.world: head"):
        frame_latents(PortraitCodec(), painted)
    assert frame_latents(PatchCodec(channels=4, width=8), painted).shape == (1, 5, 4, 8, 8)
