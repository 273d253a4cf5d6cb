"""What frozen parts make of a clip, kept: the same training step, without making it again."""

from typing import Any

import pytest
import torch

from datamodules.batch import TalkingHeadBatch, collate
from lightning_modules.frozen_features import encoders, fingerprint, keep, pack, unpack
from tests.lightning_modules.test_talking_head import clip, model, step


class Kept:
    """A data module that keeps what it is asked to."""

    def __init__(self) -> None:
        self.clips = [clip("a"), clip("bb")]
        self.versions: dict[str, str] = {}

    def keep_ahead(self, name: str, function: Any, version: str) -> None:
        self.versions[name] = version
        for sample in self.clips:
            sample[name] = function(sample)  # type: ignore[literal-required]

    def batch(self) -> TalkingHeadBatch:
        return collate(self.clips)


def kept(module: Any) -> Kept:
    data = Kept()
    keep(module, data, True, lambda: None)
    return data


def test_only_what_is_frozen_is_kept() -> None:
    always = {"latent", "reference_latent", "speech_tokens"}
    assert set(encoders(model(stage="portrait"))) == always
    assert set(encoders(model(stage="joint"))) == always | {"voice_tokens"}
    assert set(encoders(model(stage="joint", modalities=["label"]))) == always
    assert set(encoders(model(stage="emotion"))) == always | {"voice_tokens", "reference_tokens"}
    assert "reference_tokens" in encoders(model(stage="joint", frozen=["reference_net"]))


@pytest.mark.parametrize("frozen", [[], ["reference_net"]])
def test_a_step_on_kept_things_is_the_same_step(frozen: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    module = model(stage="joint", frozen=frozen)
    for place in module.mixture.places.values():
        torch.nn.init.normal_(place.to_out.weight, std=0.1)
    data = kept(module)
    assert module.training
    module.on_train_epoch_start()
    plain = step(module, collate([clip("a"), clip("bb")]), monkeypatch)
    module.emotion_encoders["speech"].forward = None  # type: ignore[method-assign,assignment]
    again = step(module, data.batch(), monkeypatch)
    torch.testing.assert_close(again, plain)


def test_a_frozen_part_of_the_stage_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    module = model(stage="joint", frozen=["reference_net"])
    step(module, collate([clip("a"), clip("bb")]), monkeypatch).backward()
    assert all(p.grad is None for p in module.reference_net.parameters())
    assert any(p.grad is not None for p in module.denoiser.parameters())
    with pytest.raises(ValueError, match=r"frozen=\['codec'\]: stage 'joint' trains reference_net, denoiser"):
        model(stage="joint", frozen=["codec"])


def test_versions_follow_the_weights() -> None:
    module = model(stage="emotion")
    before = kept(module).versions
    with torch.no_grad():
        next(module.reference_net.parameters()).add_(1)
    after = kept(module).versions
    assert {name for name in before if before[name] != after[name]} == {"reference_tokens"}
    assert len(fingerprint(module.codec)) == 8


def test_reference_tokens_survive_packing() -> None:
    tokens = {"down_0_0": torch.randn(3, 4, 2), "mid_0_0": torch.randn(3, 1, 5)}
    rows = torch.stack([pack({name: x[i : i + 1] for name, x in tokens.items()}) for i in range(3)])
    back = unpack(rows, {name: x[:1] for name, x in tokens.items()})
    assert all(torch.equal(back[name], x) for name, x in tokens.items())


def test_a_clip_without_another_voice_is_kept_too() -> None:
    encode, _ = encoders(model(stage="joint").eval())["voice_tokens"]
    with torch.no_grad():
        own, other = encode(clip("a")), encode(clip("a") | {"voice": torch.randn(16000) * 0.1})  # type: ignore[arg-type]
    assert own.isfinite().all()
    assert not torch.equal(own, other)
