import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention import Attention

from lightning_modules.emotion.experts import EmotionExperts
from lightning_modules.interfaces import Conditions, EmotionPass, Hints
from lightning_modules.video.attention import ShortAttention, attention, attention_with_reference
from lightning_modules.video.head_warp import face_places
from lightning_modules.video.reference_net import ReferenceNet
from lightning_modules.video.unet import VideoUNet

TINY = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": [8, 16],
    "layers_per_block": 1,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "cross_attention_dim": 6,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
PLACES = {"down_0_0": 8, "mid_0_0": 16, "up_1_0": 8, "up_1_1": 8}


def network(**options: object) -> VideoUNet:
    torch.manual_seed(0)
    options = {"concat_reference": False, "motion_locations": ["mid_0_0"], "motion_heads": 2} | options
    return VideoUNet(TINY, speech_width=6, speech_tokens=3, **options).eval()  # type: ignore[arg-type]


def call(
    net: VideoUNet, emotion: EmotionPass | None = None, frames: int = 3, **changes: torch.Tensor
) -> torch.Tensor:
    torch.manual_seed(1)
    z = torch.randn(2, frames, 4, 8, 8)
    inputs = {
        "portrait": torch.randn(2, 1, 4, 8, 8),
        "speech": torch.randn(2, frames, 3, 6),
        "head_motion": torch.randn(2, frames, 7),
    }
    z, steps = changes.pop("z_BFCHW", z), torch.full((2, frames), 500)
    return net(z, steps, Conditions(**(inputs | changes)), emotion)  # type: ignore[arg-type]


@pytest.mark.parametrize("linear", [True, False])
def test_plain_path_equals_diffusers(linear: bool) -> None:
    config = TINY | {"use_linear_projection": linear}
    torch.manual_seed(0)
    peer = UNet2DConditionModel(**config).eval()
    ours = VideoUNet(config, [], concat_reference=False, speech_width=6, speech_tokens=3).eval()
    ours.unet.load_state_dict(peer.state_dict())
    z, speech = torch.randn(2, 3, 4, 8, 8), torch.randn(2, 3, 3, 6)
    timestep = torch.tensor([[10, 10, 10], [700, 700, 700]])
    mine = ours(z, timestep, Conditions(speech=speech))
    theirs = peer(z.flatten(0, 1), timestep.flatten(), speech.flatten(0, 1)).sample
    torch.testing.assert_close(mine.flatten(0, 1), theirs, atol=1e-5, rtol=1e-5)


def test_sd15_shape_has_its_686_keys() -> None:
    config = {"cross_attention_dim": 768, "attention_head_dim": 8, "out_channels": 4}
    with torch.device("meta"):
        peer = UNet2DConditionModel(**config)
        ours = VideoUNet(
            config, [], concat_reference=False, speech_modules=True, speech_width=768, speech_tokens=32
        )
        reference = ReferenceNet(config, channels=4)
    assert set(ours.unet.state_dict()) == set(peer.state_dict())
    assert len(ours.unet.state_dict()) == 686
    assert len(reference.unet.state_dict()) == 682
    assert len(ours.locations) == 16
    assert sum(p.numel() for p in ours.unet.parameters()) == 859_520_964


def test_the_reference_network_ends_at_its_last_attention() -> None:
    config = TINY | {
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    }
    torch.manual_seed(0)
    short, portrait = ReferenceNet(config, channels=4).eval(), torch.randn(2, 4, 8, 8)
    assert len(short.unet.up_blocks) == 1
    assert list(short(portrait)) == list(VideoUNet(config, []).locations)
    assert {name.split(".")[0] for name, _ in short.unet.named_parameters()} >= {"conv_in", "up_blocks"}
    for parameter in short.parameters():
        parameter.requires_grad_(True)
    torch.stack([t.sum() for t in short(portrait).values()]).sum().backward()
    assert short.unet.conv_in.weight.grad is not None


def test_reference_attention_equals_concatenation() -> None:
    attn = network().unet.down_blocks[0].attentions[0].transformer_blocks[0].attn1
    x, portrait = torch.randn(6, 5, 8), torch.randn(2, 7, 8)
    together = torch.cat([x, portrait.repeat_interleave(3, 0)], 1)
    torch.testing.assert_close(
        attention_with_reference(attn, x, portrait),
        attn(x, encoder_hidden_states=together),
        atol=1e-6,
        rtol=1e-5,
    )


@pytest.mark.parametrize("speech_modules", [True, False])
def test_everything_added_starts_at_zero(speech_modules: bool) -> None:
    net = network(motion_locations=list(PLACES), speech_modules=speech_modules)
    plain = network(motion_locations=[])
    plain.unet.load_state_dict(net.unet.state_dict())
    mixture = EmotionPass(EmotionExperts(PLACES, 16), torch.randn(2, 1, 4, 16))
    assert torch.equal(call(net), call(net, mixture))
    torch.testing.assert_close(call(net), call(plain), atol=1e-6, rtol=1e-5)
    assert set(mixture.gates) == set(PLACES)


def test_reference_net_speaks_at_every_location() -> None:
    reference = ReferenceNet(TINY, channels=4)(torch.randn(2, 4, 8, 8))
    assert {name: tokens.shape[-1] for name, tokens in reference.items()} == PLACES
    net = network()
    assert not torch.allclose(call(net), call(net, reference=reference), atol=1e-5)


def test_frames_meet_only_in_motion_modules() -> None:
    """Gradient masks: frame 0 reaches frame 2 through attention over time, and in no other way."""
    for places, meets in (([], False), (list(PLACES), True)):
        net = network(motion_locations=places)
        for module in net.motion_modules.values():
            torch.nn.init.normal_(module.proj_out.weight)
        z = torch.randn(2, 3, 4, 8, 8, requires_grad=True)
        call(net, z_BFCHW=z)[:, 2].square().sum().backward()
        assert (z.grad[:, 0].abs().sum() > 0) == meets
        assert z.grad[:, 2].abs().sum() > 0


def test_clips_do_not_meet() -> None:
    net = network(motion_locations=list(PLACES))
    for module in net.motion_modules.values():
        torch.nn.init.normal_(module.proj_out.weight)
    z = torch.randn(2, 3, 4, 8, 8, requires_grad=True)
    call(net, z_BFCHW=z)[0].square().sum().backward()
    assert z.grad[1].abs().sum() == 0


def test_too_long_a_clip_and_unknown_place_are_refused() -> None:
    with pytest.raises(ValueError, match="33 frames"):
        call(network(), frames=33)
    with pytest.raises(ValueError, match="nowhere"):
        network(motion_locations=["nowhere"])


def test_short_attention_equals_the_fused_kernel() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 2, 5, 8), torch.randn(2, 2, 7, 8), torch.randn(2, 2, 7, 8)
    exact = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert torch.equal(attention(query, key, value), exact)
    short = attention(query.bfloat16(), key.bfloat16(), value.bfloat16())
    assert short.dtype == torch.bfloat16
    torch.testing.assert_close(short.float(), exact, atol=0.03, rtol=0.03)


def test_every_attention_of_the_networks_takes_the_short_way() -> None:
    for net in (network(), ReferenceNet(TINY, channels=4)):
        found = [part for part in net.modules() if isinstance(part, Attention)]
        assert found
        assert all(isinstance(part.processor, ShortAttention) for part in found)


def test_strength_pushes_away_from_no_emotion() -> None:
    torch.manual_seed(0)
    experts, x = EmotionExperts(PLACES, 16), torch.randn(2, 3, 4, 16)
    for place in experts.places.values():
        torch.nn.init.normal_(place.to_out.weight)
    felt, null = torch.randn(2, 1, 4, 16), torch.randn(2, 1, 4, 16)
    said, nothing = (experts("mid_0_0", x, latent, Hints()).added for latent in (felt, null))
    for strength in (1.0, 0.0, 2.5):
        asked = EmotionPass(experts, felt, null=null, strength=strength)
        torch.testing.assert_close(asked.added("mid_0_0", x), nothing + strength * (said - nothing))
        assert set(asked.gates) == {"mid_0_0"}


def test_cells_are_told_where_in_the_face_they_lie() -> None:
    torch.manual_seed(0)
    net = VideoUNet(
        TINY | {"in_channels": 12}, speech_width=6, speech_tokens=3, motion_locations=[],
        concat_reference=False, face_places=True,
    ).eval()  # fmt: skip
    still, moved = torch.zeros(2, 3, 7), torch.zeros(2, 3, 7)
    moved[..., 0] = 0.5
    # The frame embedding is zero at the start: the difference comes through the places alone.
    assert not torch.allclose(call(net, head_motion=still), call(net, head_motion=moved))


def test_experts_may_stand_where_there_is_no_attention() -> None:
    torch.manual_seed(0)
    net = VideoUNet(
        TINY | {"in_channels": 16}, ["mid_0_0"], face_places=True, speech_width=6, speech_tokens=3,
        expert_locations=["down_0_0", "mid_0_0", "up_1_1"],
    ).eval()  # fmt: skip
    experts = EmotionExperts(net.locations, 16, places=True)
    asked = EmotionPass(experts, torch.randn(2, 1, 4, 16))
    plain = call(net)
    assert torch.equal(call(net, emotion=asked), plain)  # experts start as nothing
    assert list(asked.gates) == ["down_0_0", "mid_0_0", "up_1_1"]
    for location in asked.gates:
        torch.nn.init.normal_(experts.places[location].to_out.weight)
        assert not torch.equal(call(net, emotion=asked), plain)
        torch.nn.init.zeros_(experts.places[location].to_out.weight)
    with pytest.raises(
        ValueError, match=r"expert_locations \['up_9_9'\] do not exist; this UNet has \['down_0_0'"
    ):
        VideoUNet(TINY, [], expert_locations=["up_9_9"])


def test_places_are_those_of_the_head_motion_unless_given() -> None:
    torch.manual_seed(0)
    net = VideoUNet(TINY | {"in_channels": 16}, [], face_places=True, speech_width=6, speech_tokens=3).eval()
    motion = torch.randn(2, 3, 7) * 0.1
    own = face_places(motion, 8)
    assert torch.equal(call(net, head_motion=motion), call(net, head_motion=motion, places=own))
    assert not torch.equal(call(net, head_motion=motion), call(net, head_motion=motion, places=-own))


def test_a_condition_that_is_needed_is_named() -> None:
    z, steps = torch.randn(1, 1, 4, 8, 8), torch.zeros(1, 1)
    with pytest.raises(ValueError, match=r"conditions\.speech: missing"):
        network()(z, steps, Conditions())
    whole = VideoUNet(TINY | {"in_channels": 8}, [], speech_width=6, speech_tokens=3)
    with pytest.raises(ValueError, match=r"conditions\.portrait: missing"):
        whole(z, steps, Conditions(speech=torch.zeros(1, 1, 3, 6)))


def test_conditions_change_their_type_together() -> None:
    exact = Conditions({"a": torch.zeros(1)}, portrait=torch.zeros(1), masks={"lips": torch.zeros(1)})
    half = exact.to(torch.bfloat16)
    assert half.reference["a"].dtype == half.portrait.dtype == half.masks["lips"].dtype == torch.bfloat16
    assert half.speech is None
