"""How gates are taught, tied and used: by clip, by location, by palette and by region."""

import pytest
import torch

from datamodules.batch import TalkingHeadBatch, collate
from lightning_modules import LabelEncoder, RegionalLabelEncoder
from lightning_modules.conditioning import Dropout, NoisySampling, noisy_clips, swapped_cues
from lightning_modules.diffusion.objective import Losses
from lightning_modules.emotion.experts import GlobalGate
from lightning_modules.interfaces import EmotionCue
from lightning_modules.losses import gate_terms
from tests.lightning_modules.test_talking_head import clip, model, step


@pytest.fixture(scope="module")
def batch() -> TalkingHeadBatch:
    return collate([clip("a"), clip("bb"), clip("ccc")])


def test_gates_are_tied_to_each_clip_with_a_blend(monkeypatch: pytest.MonkeyPatch) -> None:
    """One clip without a blend must not keep the others' gates from being tied."""
    without = clip("bb")
    del without["blend"]  # type: ignore[misc]
    batch = collate([clip("a"), without, clip("ccc")])
    module = model(stage="emotion", onehot_steps=1, dropout=Dropout(emotion=0.0, second=0.0))
    emotion, _, named = module._emotion(batch, batch["blend"], torch.zeros(3, dtype=torch.bool))
    assert emotion.told is not None
    assert emotion.told.tolist() == named.tolist() == [True, False, True]
    assert emotion.palette is not None
    assert emotion.palette[0, 0].tolist() == [1, 0, 0, 0, 0, 0]


def test_a_gate_learns_the_blend_while_it_is_tied(
    batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = model(stage="emotion", onehot_steps=100, losses=Losses(gate=1.0), dropout=Dropout(emotion=0.0))
    monkeypatch.setattr(module, "log", lambda *a, **k: None)
    values: list[float] = []
    monkeypatch.setattr(module, "log_dict", lambda parts, **k: values.append(float(parts["train/gate"])))
    optimizer = torch.optim.Adam((p for p in module.parameters() if p.requires_grad), lr=0.02)
    for _ in range(12):
        optimizer.zero_grad()
        module.training_step(batch, 0).backward()
        optimizer.step()
    assert sum(values[-3:]) < 0.7 * sum(values[:3])


def test_a_swapped_cue_names_another_emotion_at_the_same_intensity() -> None:
    blend = torch.tensor(
        [[0.4, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0.25, 0, 0, 0, 0, 0.25], [0, 0.7, 0, 0, 0, 0]]
    )
    tied = torch.tensor([True, True, True, False])
    named, swapped = swapped_cues(blend, tied, 1.0)
    assert swapped.tolist() == [True, False, False, False]
    assert named[0, 0] == 0
    assert named[0].sum() == blend[0].sum()
    assert torch.equal(named[1:], blend[1:])


def test_compounds_are_mixed_at_every_location() -> None:
    """One emotion here and another there costs more than both everywhere."""
    half, blend = torch.tensor([[[0.5, 0.5]]]), torch.tensor([[0.4, 0.4]])
    apart = {"a": torch.tensor([[[0.99, 0.01]]]), "b": torch.tensor([[[0.01, 0.99]]])}
    known = torch.ones(1, dtype=torch.bool)
    mixed = gate_terms({"a": half, "b": half}, blend, known, 0.05)["gate"]
    assert gate_terms(apart, blend, known, 0.05)["gate"] > 3 * mixed


@pytest.mark.parametrize("gate", ["learned", "manual", "blended", "hard", "none"])
def test_every_gate_trains_and_animates_with_guidance_and_strength(
    gate: GlobalGate, batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = model(stage="emotion")
    module.mixture.global_gate = gate
    for _ in range(2):
        step(module, batch, monkeypatch).backward()
    cue = EmotionCue(label=torch.eye(6)[:1])
    options = {"emotion_strength": 1.5, "emotion_guidance": 2.0, "audio_guidance": 2.0}
    video = list(module.eval().animate(batch["reference"][0], batch["waveform"][0], cue, steps=1, **options))
    assert len(torch.cat(video)) == 4


def test_brows_and_mouth_may_be_told_different_emotions() -> None:
    encoder = RegionalLabelEncoder(8, 8)
    angry, happy = torch.eye(6)[2], torch.eye(6)[0]
    above, swapped = (encoder(torch.stack(pair)[None, None]) for pair in ((angry, happy), (happy, angry)))
    assert above.shape == (1, 1, 2, 8)
    assert not torch.allclose(above, swapped)
    same = encoder(torch.stack([angry, angry])[None, None])
    assert torch.equal(same, encoder(angry[None, None]))
    assert torch.equal(same[:, :, 0], above[:, :, 0])
    whole = LabelEncoder(8, 1, 8)
    torch.testing.assert_close(
        whole(torch.stack([angry, happy])[None, None]), whole((angry + happy)[None, None] / 2)
    )
    with pytest.raises(ValueError, match=r"got shape \(1, 1, 3, 6\)"):
        encoder(torch.zeros(1, 1, 3, 6))


def test_a_noisy_clip_has_a_blend_and_so_has_its_neighbour() -> None:
    blend, known = torch.rand(4, 6) / 6, torch.tensor([True, True, False, True])
    mixed, chosen = noisy_clips(blend, known, NoisySampling(1.0))
    assert chosen.tolist() == [True, True, False, False]
    assert torch.equal(mixed[2:], blend[2:])


@pytest.mark.parametrize("gate", ["manual", "blended"])
def test_palette_gates_train_on_clips_of_which_one_has_no_blend(
    gate: GlobalGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = clip("bb")
    del without["blend"]  # type: ignore[misc]
    module = model(stage="emotion", dropout=Dropout(emotion=0.0))
    module.mixture.global_gate = gate
    for place in module.mixture.places.values():
        torch.nn.init.normal_(place.to_out.weight, std=0.1)
    step(module, collate([clip("a"), without]), monkeypatch).backward()
    assert module.mixture.places["mid_0_0"].to_out.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("gate", ["manual", "blended"])
@pytest.mark.parametrize(
    "options", [{"emotion_strength": 1.5}, {"emotion_guidance": 2.0}, {"audio_guidance": 2.0}]
)
def test_palette_gates_animate_with_strength_and_guidance(
    gate: GlobalGate, options: dict[str, float], batch: TalkingHeadBatch
) -> None:
    module = model().eval()
    module.mixture.global_gate = gate
    for part in (*module.mixture.places.values(), module.denoiser.unet.conv_out):
        for parameter in part.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    happy, fear = torch.eye(6)[0:1], torch.eye(6)[4:5]

    def frames(cue: EmotionCue) -> torch.Tensor:
        return torch.cat(
            list(module.animate(batch["reference"][0], batch["waveform"][0], cue, steps=2, **options))
        )

    told = frames(EmotionCue(label=happy, palette=fear))
    assert not torch.equal(told, frames(EmotionCue(label=happy, palette=happy)))
    assert torch.equal(frames(EmotionCue(label=happy)), frames(EmotionCue(label=happy, palette=happy)))
    with pytest.raises(ValueError, match="palette: weights sum to 2"):
        frames(EmotionCue(label=happy, palette=2 * happy))


def test_a_palette_weighs_experts_in_bfloat16_too(batch: TalkingHeadBatch) -> None:
    module = model().eval()
    module.use_bfloat16()
    cue = EmotionCue(label=torch.eye(6)[:1], palette=torch.eye(6)[:1])
    assert (
        len(torch.cat(list(module.animate(batch["reference"][0], batch["waveform"][0], cue, steps=1)))) == 4
    )
