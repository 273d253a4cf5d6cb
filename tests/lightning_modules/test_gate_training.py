"""How gates are taught, tied and used: by clip, by location, by palette and by region."""

import pytest
import torch

from datamodules.batch import TalkingHeadBatch, collate
from lightning_modules import (
    EmotionExperts,
    EmotionToLatents,
    LabelEncoder,
    ReferenceNet,
    RegionalLabelEncoder,
    TalkingHead,
    VideoUNet,
)
from lightning_modules.conditioning import Dropout, NoisySampling, noisy_clips, swapped_cues, tied_palette
from lightning_modules.diffusion.objective import Losses
from lightning_modules.emotion.experts import GlobalGate
from lightning_modules.interfaces import EmotionCue, EmotionPass
from lightning_modules.losses import gate_terms
from tests.lightning_modules.test_talking_head import UNET, clip, model, step


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


def told_of(batch: TalkingHeadBatch, **options: object) -> tuple[EmotionPass, torch.Tensor, torch.Tensor]:
    module = model(stage="emotion", **options)
    return module._emotion(batch, batch["blend"], torch.zeros(len(batch["key"]), dtype=torch.bool))


def test_a_swapped_clip_keeps_its_gate_and_teaches_what_its_latent_says(batch: TalkingHeadBatch) -> None:
    always = Dropout(emotion=0.0, second=1.0)
    emotion, named, known = told_of(batch, onehot_share=1.0, latent_swap=1.0, dropout=always)
    assert emotion.told is not None
    assert emotion.palette is not None
    assert emotion.told.all()
    assert known.all()
    assert (emotion.palette[:, 0, 0] == 1).all()  # the clips are happy
    assert (named[:, 0] == 0).all()
    torch.testing.assert_close(named.sum(1), batch["blend"].sum(1))
    torch.manual_seed(0)
    module = model(stage="emotion")
    label = {"label": named[:, None]}
    present = {"label": torch.ones(3, dtype=torch.bool)}
    alone = module.latent_generator(module.emotion_features(label, present), 3)  # type: ignore[arg-type]
    torch.testing.assert_close(emotion.latent, alone)  # the text beside it is not heard


@pytest.mark.parametrize("gate", ["learned", "manual", "blended"])
def test_the_null_latent_has_no_palette(gate: GlobalGate, batch: TalkingHeadBatch) -> None:
    module = model(stage="emotion", onehot_steps=9, dropout=Dropout(emotion=1.0))
    module.mixture.global_gate = gate
    emotion, _, known = module._emotion(batch, batch["blend"], torch.zeros(3, dtype=torch.bool))
    assert emotion.told is not None
    assert not emotion.told.any()
    assert not known.any()


def test_a_tied_neutral_clip_has_one_expert_any_of_them() -> None:
    palette = tied_palette(torch.zeros(200, 6))[:, 0]
    assert (palette.sum(1) == 1).all()
    assert (palette.amax(1) == 1).all()
    assert (palette.sum(0) > 10).all()


def test_noisy_sampling_needs_labels(batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"stage": "emotion", "modalities": ["text"]}
    plain = step(model(**options), batch, monkeypatch)
    noisy = step(model(noisy_sampling=NoisySampling(1.0, "both"), **options), batch, monkeypatch)
    torch.testing.assert_close(noisy, plain)


def test_a_hidden_mouth_sends_nothing_back_through_the_decoder(
    batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half the picture is a mouth: what lies beside it is decoded from hidden cells, too."""
    mouth = torch.zeros_like(batch["mouth_mask"])
    mouth[..., :16] = True
    module = model(
        stage="emotion",
        noisy_sampling=NoisySampling(1.0, "loss"),
        losses=Losses(spatial=1.0),
        motion_frames=0,
    )
    outputs: list[torch.Tensor] = []

    def keep(_: object, __: object, output: torch.Tensor) -> torch.Tensor:
        outputs.append(output.detach().requires_grad_())
        return outputs[-1]

    module.denoiser.register_forward_hook(keep)
    step(module, batch | {"mouth_mask": mouth}, monkeypatch).backward()  # type: ignore[arg-type]
    gradient = outputs[0].grad
    assert gradient is not None
    assert not gradient[..., :2].any()
    assert gradient[..., 2:].abs().sum() > 0


@pytest.mark.parametrize("half", [False, True])
def test_the_mended_network_trains_and_shows_two_emotions_in_one_face(
    half: bool, batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = model()
    unet = VideoUNet(
        UNET, ["mid_0_0"], 2, face_places=True, expert_locations=["down_0_0", "mid_0_0", "up_1_1"]
    )
    encoders = dict(plain.emotion_encoders) | {"label": RegionalLabelEncoder(8, 8)}
    mixture = EmotionExperts(inner=4, local_sees_latent=True, places=True, rest=True)
    module = TalkingHead(
        plain.codec, plain.speech_features, encoders,
        EmotionToLatents(width=8, tokens=2, table=4, heads=2), mixture, ReferenceNet(UNET), unet,
        stage="emotion", size=32, chunk=4, onehot_share=0.5, latent_swap=0.5,
    )  # fmt: skip
    for place in module.mixture.places.values():
        torch.nn.init.normal_(place.to_out.weight, std=0.3)
    torch.nn.init.normal_(module.denoiser.unet.conv_out.weight, std=0.3)
    step(module, batch, monkeypatch).backward()
    module.eval()
    if half:
        module.use_bfloat16()
    options = {"steps": 1, "emotion_strength": 1.5, "emotion_guidance": 2.0}
    videos = []
    for pair in ([2, 0], [0, 2]):
        cue = EmotionCue(label=torch.eye(6)[pair][None])
        chunks = module.animate(batch["reference"][0], batch["waveform"][0], cue, **options)  # type: ignore[arg-type]
        videos.append(torch.cat(list(chunks)))
    assert len(videos[0]) == 4
    assert not torch.equal(*videos)
