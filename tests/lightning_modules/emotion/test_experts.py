import pytest
import torch

from lightning_modules.emotion.experts import EmotionExperts
from lightning_modules.emotion.gates import blend_gates, choose_hardest
from lightning_modules.interfaces import Hints
from lightning_modules.video.head_warp import PLACE_CHANNELS

LOCATIONS = {"a": 12, "b": 8}


def mixture(**options: object) -> EmotionExperts:
    torch.manual_seed(0)
    module = EmotionExperts(LOCATIONS, latent_width=16, inner=4, **options)  # type: ignore[arg-type]
    for place in module.places.values():
        torch.nn.init.normal_(place.to_out.weight)
    return module


def inputs(frames: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, frames, 5, 12), torch.randn(2, 1, 4, 16)


def mix(
    module: EmotionExperts, x: torch.Tensor, latent: torch.Tensor, palette: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """What is added at location `a`, and the gate that weighed it."""
    answer = module("a", x, latent, Hints(palette))
    return answer.added, answer.weight


def test_starts_as_nothing() -> None:
    x, latent = inputs()
    fresh = EmotionExperts(LOCATIONS, latent_width=16)
    added, gate = mix(fresh, x, latent)
    assert torch.equal(added, torch.zeros_like(x))
    torch.testing.assert_close(gate.sum(-1), torch.ones(2, 1))


def test_equals_the_papers_sum_expert_by_expert() -> None:
    """A loop over experts with plain matrix products, against the fused attention."""
    module, (x, latent) = mixture().eval(), inputs()
    place = module.places["a"]
    added, gate = mix(module, x, latent)
    normed = place.norm(x)
    local = place.local_gate(normed).sigmoid()
    total = torch.zeros_like(x)
    for i in range(6):
        rows = slice(4 * i, 4 * i + 4)
        query = (normed * local[..., i : i + 1]) @ place.to_q.weight[rows].T
        key, value = (latent @ layer.weight[rows].T for layer in (place.to_k, place.to_v))
        said = (query @ key.transpose(-1, -2) / 4**0.5).softmax(-1) @ value
        total = total + gate[:, :, None, i : i + 1] * (said @ place.to_out.weight[:, rows].T)
    torch.testing.assert_close(added, total, atol=1e-5, rtol=1e-4)


def test_contributions_add_up() -> None:
    module, (x, latent) = mixture().eval(), inputs()
    added, gate = mix(module, x, latent)
    alone = module.contributions("a", x, latent, gate)
    torch.testing.assert_close(alone.sum(0), added, atol=1e-5, rtol=1e-4)
    assert torch.equal(module.contributions("a", x, latent, gate, [4]), alone[4:5])


def test_local_gates_are_read_as_they_are_used() -> None:
    module, (x, latent) = mixture(local_gate="output").eval(), inputs()
    gate = mix(module, x, latent)[1]
    local, one = module.local_gates("a", x, latent), module.contributions("a", x, latent, gate, [2])
    module.local_gate = "none"
    free = module.contributions("a", x, latent, gate, [2])
    assert local.shape == (2, 3, 5, 6)
    assert 0 < local.min() < local.max() < 1
    place = module.places["a"]
    said = free @ torch.linalg.pinv(place.to_out.weight[:, 8:12]).T  # the four numbers of expert 2
    scaled = (said * local[None, ..., 2:3]) @ place.to_out.weight[:, 8:12].T
    torch.testing.assert_close(scaled, one, atol=1e-5, rtol=1e-3)
    assert (module.local_gates("a", x, latent) == 1).all()


@pytest.mark.parametrize("training", [True, False])
def test_one_hot_palette_shuts_the_other_five_out(training: bool) -> None:
    module, (x, latent) = mixture(global_gate="manual").train(training), inputs()
    palette = torch.eye(6)[2].expand(2, 1, 6)
    before, _ = mix(module, x, latent, palette)
    before.square().sum().backward()
    place = module.places["a"]
    for layer, dim in ((place.to_q, 0), (place.to_k, 0), (place.to_v, 0), (place.to_out, 1)):
        by_expert = layer.weight.grad.movedim(dim, 0).unflatten(0, (6, 4)).abs().sum((1, 2))
        assert (by_expert > 0).tolist() == [False, False, True, False, False, False]
    with torch.no_grad():
        for i in (0, 1, 3, 4, 5):
            for layer in (place.to_q, place.to_k, place.to_v):
                layer.weight[4 * i : 4 * i + 4] = 99.0
    torch.testing.assert_close(mix(module, x, latent, palette)[0], before.detach())


def test_skipping_inactive_experts_changes_nothing() -> None:
    module, (x, latent) = mixture(), inputs()
    palette = torch.tensor([0.5, 0, 0, 0, 0, 0.5]).expand(2, 1, 6)
    torch.testing.assert_close(
        mix(module.train(), x, latent, palette)[0],
        mix(module.eval(), x, latent, palette)[0],
        atol=1e-6,
        rtol=1e-4,
    )


def test_all_zero_palette_is_off() -> None:
    module, (x, latent) = mixture().eval(), inputs()
    assert not mix(module, x, latent, torch.zeros(2, 1, 6))[0].any()


@pytest.mark.parametrize("local", ["query", "output", "none"])
@pytest.mark.parametrize("gate", ["learned", "hard", "none"])
@pytest.mark.parametrize("pool", ["clip", "frame"])
def test_ablations_run_and_learn(local: str, gate: str, pool: str) -> None:
    module, (x, latent) = mixture(local_gate=local, global_gate=gate, pool=pool), inputs()
    added, weight = mix(module, x, latent)
    assert added.shape == x.shape
    torch.testing.assert_close(weight.sum(-1), torch.ones(weight.shape[:-1]))
    added.square().sum().backward()
    place = module.places["a"]
    assert (place.local_gate.weight.grad is not None) == (local != "none")
    assert place.to_out.weight.grad.abs().sum() > 0


def test_local_gate_is_not_normalised_away() -> None:
    """The norm stands before the product, otherwise the gate would cancel."""
    module, (x, latent) = mixture().eval(), inputs()
    before = mix(module, x, latent)[0]
    with torch.no_grad():
        module.places["a"].local_gate.bias.fill_(-20.0)
    assert not torch.allclose(mix(module, x, latent)[0], before, atol=1e-4)


def test_single_expert_is_the_ablation_without_mixture() -> None:
    module, (x, latent) = EmotionExperts(LOCATIONS, 16, experts=1, inner=24), inputs()
    _, weight = mix(module, x, latent)
    assert torch.equal(weight, torch.ones(2, 1, 1))


def test_per_frame_palette_acts_per_frame() -> None:
    module, (x, latent) = mixture(global_gate="manual").eval(), inputs()
    palette = torch.zeros(2, 3, 6)
    palette[:, 1, 0] = 1
    added, _ = mix(module, x, latent, palette)
    assert not added[:, 0].any()
    assert added[:, 1].abs().sum() > 0


def test_blended_gate_keeps_zeros_and_sum() -> None:
    mixed = blend_gates(torch.full((1, 1, 6), 1 / 6), torch.tensor([[[0.6, 0.4, 0, 0, 0, 0]]]), 0.5)
    assert mixed[0, 0, 2:].sum() == 0
    assert mixed.sum().item() == pytest.approx(1)


def test_errors_name_what_is_allowed() -> None:
    module, (x, latent) = mixture(global_gate="manual"), inputs()
    with pytest.raises(ValueError, match="no experts at 'zz'"):
        module("zz", x, latent, Hints())
    with pytest.raises(ValueError, match="needs a denoiser that tells places"):
        mix(mixture(places=True), x, latent)
    with pytest.raises(ValueError, match="experts=3"):
        EmotionExperts(LOCATIONS, 16, experts=3)


def test_without_a_palette_a_manual_gate_weighs_all_alike() -> None:
    module, (x, latent) = mixture(global_gate="manual"), inputs()
    torch.testing.assert_close(mix(module, x, latent)[1], torch.full((2, 1, 6), 1 / 6))


def test_a_palette_may_be_meant_for_some_clips_only() -> None:
    module, (x, latent) = mixture().eval(), inputs()
    palette, told = torch.eye(6)[3].expand(2, 1, 6), torch.tensor([True, False])
    answer, free = module("a", x, latent, Hints(palette, told)), module("a", x, latent, Hints())
    assert torch.equal(answer.weight[0], palette[0])
    assert torch.equal(answer.weight[1], free.weight[1])
    assert torch.equal(answer.learned, free.weight)


def test_a_tied_gate_still_learns_from_what_it_would_have_said() -> None:
    module, (x, latent) = mixture(), inputs()
    answer = module("a", x, latent, Hints(torch.eye(6)[3].expand(2, 1, 6)))
    (-answer.learned[..., 3].log()).mean().backward()
    assert module.places["a"].global_gate[0].weight.grad.abs().sum() > 0


def test_a_hard_gate_has_the_gradient_of_the_soft_one() -> None:
    gate = torch.tensor([[[0.2, 0.5, 0.3]]], requires_grad=True)
    hard = choose_hardest(gate)
    assert hard.tolist() == [[[0.0, 1.0, 0.0]]]
    (hard * torch.tensor([3.0, 2.0, 1.0])).sum().backward()
    assert gate.grad is not None
    assert gate.grad.tolist() == [[[3.0, 2.0, 1.0]]]
    module, (x, latent) = mixture(global_gate="hard"), inputs()
    mix(module, x, latent)[0].square().sum().backward()
    assert module.places["a"].global_gate[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("rest", [False, True])
def test_a_closed_query_gate_needs_a_rest_to_silence_an_expert(rest: bool) -> None:
    """With a query of zeros plain attention brings the mean value; a rest outweighs it."""
    module, (x, latent) = mixture(rest=rest, local_sees_latent=True).eval(), inputs()
    place = module.places["a"]
    with torch.no_grad():
        place.local_gate[-1].bias.fill_(-30.0)
        if rest:
            place.rest.fill_(12.0)
    assert bool(mix(module, x, latent)[0].abs().max() < 1e-2) == rest


def test_local_gates_that_see_the_latent_answer_it() -> None:
    (x, latent), other = inputs(), torch.randn(2, 1, 4, 16)
    blind, sees = mixture(), mixture(local_sees_latent=True)
    assert torch.equal(blind.local_gates("a", x, latent), blind.local_gates("a", x, other))
    assert not torch.allclose(sees.local_gates("a", x, latent), sees.local_gates("a", x, other))


def test_experts_with_places_tell_equal_tokens_apart() -> None:
    module, latent = mixture(places=True).eval(), inputs()[1]
    same, places = torch.ones(2, 3, 5, 12), torch.randn(2, 3, 5, PLACE_CHANNELS)
    added = module("a", same, latent, Hints(places=places)).added
    assert added.std(2).max() > 1e-3
    still = module("a", same, latent, Hints(places=torch.zeros_like(places))).added
    torch.testing.assert_close(still, still[:, :, :1].expand_as(still))
