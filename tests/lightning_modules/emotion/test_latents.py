import pytest
import torch

from lightning_modules.emotion.latents import EmotionToLatents
from lightning_modules.interfaces import EmotionFeatures


def generator() -> EmotionToLatents:
    torch.manual_seed(0)
    return EmotionToLatents({"label": 6, "text": 10}, width=8, tokens=3, table=5, heads=2)


def test_any_mix_of_modalities() -> None:
    gen = generator()
    tokens = {"label": torch.randn(3, 1, 2, 6), "text": torch.randn(3, 1, 7, 10)}
    present = {"label": torch.tensor([True, False, False]), "text": torch.tensor([True, True, False])}
    latent = gen(EmotionFeatures(tokens, present), 3)
    assert latent.shape == (3, 1, 3, 8)
    only_text = gen(EmotionFeatures({"text": tokens["text"]}, {"text": present["text"]}), 3)
    assert not torch.allclose(latent[0], only_text[0])
    torch.testing.assert_close(latent[1], only_text[1])
    torch.testing.assert_close(latent[2, 0], gen.null)
    torch.testing.assert_close(gen(EmotionFeatures(), 2), gen.null.expand(2, 1, 3, 8))


def test_absent_modality_gets_no_gradient() -> None:
    gen = generator()
    tokens = {"label": torch.randn(2, 1, 2, 6), "text": torch.randn(2, 1, 7, 10, requires_grad=True)}
    present = {"label": torch.ones(2, dtype=torch.bool), "text": torch.tensor([True, False])}
    gen(EmotionFeatures(tokens, present), 2).square().sum().backward()
    grad = tokens["text"].grad
    assert grad[0].abs().sum() > 0
    assert grad[1].abs().sum() == 0


def test_action_units_give_a_latent_per_frame() -> None:
    gen = EmotionToLatents({"label": 6, "action_units": 4}, width=8, tokens=3, table=5, heads=2)
    tokens = {"label": torch.randn(2, 1, 1, 6), "action_units": torch.randn(2, 5, 1, 4)}
    present = dict.fromkeys(tokens, torch.ones(2, dtype=torch.bool))
    assert gen(EmotionFeatures(tokens, present), 2).shape == (2, 5, 3, 8)


def test_unknown_modality_and_bad_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="'smell'"):
        generator()(EmotionFeatures({"smell": torch.zeros(1, 1, 1, 6)}, {"smell": torch.ones(1)}), 1)
    with pytest.raises(ValueError, match="3 heads"):
        EmotionToLatents({"label": 6}, width=8, heads=3)


def test_all_that_is_said_was_read_in_the_table() -> None:
    gen = generator()
    features = EmotionFeatures({"label": torch.randn(2, 1, 1, 6)}, {"label": torch.ones(2, dtype=torch.bool)})
    assert not torch.allclose(*gen(features, 2))
    with torch.no_grad():
        gen.table.zero_()
    torch.testing.assert_close(*gen(features, 2))
    past = EmotionToLatents({"label": 6}, width=8, tokens=3, table=5, heads=2, bypass=True)
    with torch.no_grad():
        past.table.zero_()
    assert not torch.allclose(*past(features, 2))
