import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from datamodules.batch import Sample, TalkingHeadBatch, collate
from lightning_modules import (
    ActionUnitEncoder,
    EmotionExperts,
    EmotionToLatents,
    LabelEncoder,
    MelSpeechFeatures,
    PatchCodec,
    ReferenceNet,
    SpeechEmotionEncoder,
    TalkingHead,
    TextEncoder,
    VideoUNet,
)
from lightning_modules.conditioning import (
    Dropout,
    NoisySampling,
    choose_modalities,
    expert_palette,
    latent_features,
    noisy_clips,
)
from lightning_modules.diffusion.objective import Losses, Noise
from lightning_modules.interfaces import EmotionCue

UNET = {
    "block_out_channels": [8, 16],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}


def model(**options: object) -> TalkingHead:
    torch.manual_seed(0)
    encoders = {
        "label": LabelEncoder(8, 1, 8),
        "text": TextEncoder(8, 1, layers=1, heads=2),
        "speech": SpeechEmotionEncoder(8, 1, hidden=8, dropout=0.0),
        "action_units": ActionUnitEncoder(8, 1, 8),
    }
    options = {"size": 32, "chunk": 4, "motion_frames": 2} | options
    return TalkingHead(
        PatchCodec(channels=4, width=8),
        MelSpeechFeatures(width=8, hidden=8, bands=16),
        encoders,
        EmotionToLatents(width=8, tokens=2, table=4, heads=2),
        EmotionExperts(inner=4),
        ReferenceNet(UNET),
        VideoUNet(UNET, ["mid_0_0"], motion_heads=2),
        **options,  # type: ignore[arg-type]
    )


def clip(key: str, frames: int = 4) -> Sample:
    g = torch.Generator().manual_seed(len(key))
    return {
        "key": key,
        "corpus": "test",
        "identity": key,
        "frames": torch.randint(0, 256, (frames, 3, 32, 32), dtype=torch.uint8, generator=g),
        "reference": torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=g),
        "waveform": torch.randn(frames * 640, generator=g) * 0.1,
        "label": "happy",
        "text": "she smiles",
        "blend": torch.tensor([0.8, 0, 0, 0, 0, 0]),
        "action_units": torch.rand(frames, 15, generator=g),
        "head_motion": torch.zeros(frames, 7),
        "mouth_mask": torch.zeros(frames, 32, 32, dtype=torch.bool),
    }


@pytest.fixture(scope="module")
def batch() -> TalkingHeadBatch:
    return collate([clip("a"), clip("bb"), clip("ccc")])


def step(module: TalkingHead, batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    monkeypatch.setattr(module, "log", lambda *a, **k: None)
    monkeypatch.setattr(module, "log_dict", lambda *a, **k: None)
    torch.manual_seed(3)
    return module.training_step(batch, 0)


PARTS = ("codec", "speech_features", "emotion_encoders.text", "emotion_encoders.label", "latent_generator",
"mixture",
         "reference_net", "denoiser")  # fmt: skip
LEARNS = {
    "portrait": {"reference_net", "denoiser"},
    "emotion": {"mixture", "latent_generator", "emotion_encoders.label"},
    "joint": {"reference_net", "denoiser", "mixture", "latent_generator", "emotion_encoders.label"},
}


@pytest.mark.parametrize("stage", ["portrait", "emotion", "joint"])
def test_each_stage_trains_its_parts_and_no_other(
    stage: str, batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = model(stage=stage, dropout=Dropout(emotion=0.0, second=1.0))
    for place in module.mixture.places.values():
        torch.nn.init.normal_(place.to_out.weight, std=0.1)
    before = {name: p.clone() for name, p in module.state_dict().items()}
    optimizer = torch.optim.SGD((p for p in module.parameters() if p.requires_grad), lr=0.1)
    step(module, batch, monkeypatch).backward()
    optimizer.step()
    for part in PARTS:
        grads = [p.grad for p in module.get_submodule(part).parameters() if p.grad is not None]
        assert bool(grads) == (part in LEARNS[stage]), part
        changed = any(
            not torch.equal(before[n], p) for n, p in module.state_dict().items() if n.startswith(part + ".")
        )
        assert changed == (part in LEARNS[stage]), part


def test_stage_one_network_is_stage_two_without_mixture(batch: TalkingHeadBatch) -> None:
    """At step 0 the experts say nothing: mixture on equals mixture off, to the bit."""
    module = model().eval()
    options = {"sound": batch["waveform"][0], "steps": 2, "seed": 5}
    plain = torch.cat(list(module.animate(batch["reference"][0], cue=EmotionCue(), **options)))
    asked = torch.cat(list(module.animate(batch["reference"][0], cue=EmotionCue(text="in rage"), **options)))
    assert torch.equal(plain, asked)


def test_mouth_of_a_noisy_clip_has_no_gradient(
    batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere = batch | {"mouth_mask": torch.ones_like(batch["mouth_mask"])}
    module = model(
        stage="emotion",
        noisy_sampling=NoisySampling(1.0, "loss"),
        losses=Losses(spatial=1.0),
        perceptual=SquaredDistance(),
        motion_frames=0,
    )
    loss = step(module, everywhere, monkeypatch)  # type: ignore[arg-type]
    assert loss.item() == 0
    loss.backward()
    assert all(not p.grad.any() for p in module.parameters() if p.grad is not None)


class SquaredDistance(torch.nn.Module):
    """A distance of pictures that is not L1."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first - second).square().mean((1, 2, 3))


@pytest.mark.parametrize("mask", ["loss", "input", "both"])
def test_noisy_sampling_modes_run(
    mask: str, batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = model(stage="emotion", noisy_sampling=NoisySampling(0.5, mask))  # type: ignore[arg-type]
    assert step(module, batch, monkeypatch).isfinite()


def test_epsilon_prediction_trains(batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    module = model(noise=Noise(prediction="epsilon", zero_terminal_snr=False))
    step(module, batch, monkeypatch).backward()
    with pytest.raises(ValueError, match="zero terminal SNR"):
        model(noise=Noise(prediction="epsilon"))


def test_parts_that_disagree_are_named() -> None:
    module = model()
    with pytest.raises(ValueError, match=r"mixture\.latent_width=8, but latent_generator\.width=16"):
        TalkingHead(
            module.codec, module.speech_features, dict(module.emotion_encoders),  # type: ignore[arg-type]
            EmotionToLatents(dict.fromkeys(module.emotion_encoders, 8), width=16), module.mixture,
            module.reference_net, module.denoiser,
        )  # fmt: skip


@pytest.mark.parametrize("samples", [1, 640, 641, 640 * 9 + 5])
def test_as_many_frames_as_the_sound_has(samples: int) -> None:
    module = model().eval()
    sound = torch.randn(samples) * 0.1
    portrait = torch.zeros(3, 32, 32, dtype=torch.uint8)
    chunks = list(module.animate(portrait, sound, EmotionCue(), steps=1))
    assert sum(map(len, chunks)) == -(-samples // 640)
    assert all(chunk.dtype == torch.uint8 for chunk in chunks)
    pieces = iter(sound.split(100))
    streamed = torch.cat(list(module.animate(portrait, pieces, EmotionCue(), steps=1)))
    assert torch.equal(streamed, torch.cat(chunks))


@pytest.mark.parametrize(("first", "future", "waited"), [(0, 16, 8), (1, 16, 5), (1, 2, 3)])
def test_the_first_picture_waits_for_no_more_sound_than_it_hears(
    first: int, future: int, waited: int
) -> None:
    heard: list[int] = []

    def sound() -> Iterator[torch.Tensor]:
        for frame in range(20):
            heard.append(frame)
            yield torch.randn(640)

    portrait = torch.zeros(3, 32, 32, dtype=torch.uint8)
    stream = (
        model(speech_future=future)
        .eval()
        .animate(portrait, sound(), EmotionCue(), steps=1, first_chunk=first)
    )
    assert len(next(stream)) == (first or 4)
    assert len(heard) == waited
    assert sum(map(len, stream)) == 20 - (first or 4)
    with pytest.raises(ValueError, match="first_chunk=5: 0 to 4 frames"):
        next(model().eval().animate(portrait, torch.zeros(640), EmotionCue(), first_chunk=5))


def test_emotion_by_region_needs_a_network_that_knows_regions() -> None:
    portrait, cue = torch.zeros(3, 32, 32, dtype=torch.uint8), EmotionCue(label=torch.eye(6)[None, :2])
    with pytest.raises(ValueError, match="this network knows emotions of whole faces only"):
        next(model().eval().animate(portrait, torch.zeros(640), cue))


@pytest.mark.slow
def test_a_long_stream_leaves_nothing_behind() -> None:
    """Past the 64 frames of speech it listens back to, what is held does not grow."""
    portrait, second = torch.zeros(3, 32, 32, dtype=torch.uint8), 0.1 * torch.randn(16_000)
    stream = model().eval().animate(portrait, (second.clone() for _ in range(8)), EmotionCue(), steps=1)
    # chunks of four frames and pieces of 25 lie alike every 25 chunks
    held = [bytes_of_tensors() for number, _ in enumerate(stream, 1) if number in (24, 49)]
    assert len(held) == 2
    assert held[0] == held[1]


def bytes_of_tensors() -> int:
    """What all tensors of this process hold, each storage once."""
    gc.collect()
    alive = [x.untyped_storage() for x in gc.get_objects() if issubclass(type(x), torch.Tensor)]
    return sum({storage.data_ptr(): storage.nbytes() for storage in alive}.values())


def test_animation_depends_on_the_seed_alone() -> None:
    module = model().eval()
    arguments = (torch.zeros(3, 32, 32, dtype=torch.uint8), torch.randn(640 * 6), EmotionCue())
    first, again, other = (torch.cat(list(module.animate(*arguments, steps=2, seed=s))) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bfloat16_makes_nearly_the_same_pictures() -> None:
    exact, half = model().eval(), model().eval()
    half.load_state_dict(exact.state_dict())
    half.use_bfloat16()
    assert half.denoiser.dtype == half.codec.dtype == torch.bfloat16
    portrait = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    arguments = (portrait, torch.randn(640 * 6) * 0.1, EmotionCue(label=torch.eye(6)[:1]))
    pictures = [torch.cat(list(m.animate(*arguments, steps=2))).float() for m in (exact, half)]
    assert (pictures[0] - pictures[1]).abs().mean() < 2
    assert not torch.equal(*pictures)


def test_guidance_of_one_is_off_and_more_moves_the_picture() -> None:
    module = model().eval()
    for place in module.mixture.places.values():
        torch.nn.init.normal_(place.to_out.weight)
    arguments = (
        torch.full((3, 32, 32), 99, dtype=torch.uint8),
        torch.randn(640 * 4),
        EmotionCue(label=torch.eye(6)[:1]),
    )
    plain = torch.cat(list(module.animate(*arguments, steps=2)))
    for scales in ({"emotion_guidance": 3.0}, {"audio_guidance": 3.0}, {"emotion_strength": 3.0}):
        assert not torch.equal(torch.cat(list(module.animate(*arguments, steps=2, **scales))), plain)


def test_a_network_has_a_strength_of_its_own_unless_told() -> None:
    module = model(emotion_strength=3.0).eval()
    for place in module.mixture.places.values():
        torch.nn.init.normal_(place.to_out.weight)
    cue, portrait = EmotionCue(label=torch.eye(6)[:1]), torch.full((3, 32, 32), 99, dtype=torch.uint8)
    own, told, plain = (
        torch.cat(list(module.animate(portrait, torch.zeros(640 * 4), cue, steps=2, **told)))
        for told in ({}, {"emotion_strength": 3.0}, {"emotion_strength": 1.0})
    )
    assert torch.equal(own, told)
    assert not torch.equal(own, plain)


def test_bad_cues_are_one_line() -> None:
    module, portrait = model().eval(), torch.zeros(3, 32, 32, dtype=torch.uint8)
    for cue, words in (
        (EmotionCue(label=torch.full((1, 6), 0.5)), "sum to 3"),
        (EmotionCue(action_units=torch.full((1, 15), 2.0)), r"outside 0\.\.1"),
    ):
        with pytest.raises(ValueError, match=words):
            next(module.animate(portrait, torch.zeros(640), cue))
    with pytest.raises(ValueError, match=r"expected \(3, 32, 32\)"):
        next(module.animate(torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(640), EmotionCue()))


def test_modalities_are_chosen_among_those_there() -> None:
    available = torch.tensor([[True, False, True, False]]).expand(500, -1)
    chosen = choose_modalities(available, Dropout(emotion=0.2, second=0.0))
    assert not chosen[:, [1, 3]].any()
    assert (chosen.sum(1) <= 1).all()
    assert (chosen.sum(1) == 0).float().mean().item() == pytest.approx(0.2, abs=0.07)
    both = choose_modalities(available, Dropout(emotion=0.0, second=1.0))
    assert (both.sum(1) == 2).all()


def test_feature_cells_surround_brows_eyes_nose_and_mouth() -> None:
    landmarks = torch.zeros(1, 2, 68, 2)
    landmarks[0, 0, :17] = 4.0  # the jaw does not count
    landmarks[0, 0, 17:] = torch.tensor([60.0, 100.0])
    cells = latent_features(landmarks, factor=8, side=16)
    assert cells.shape == (1, 2, 1, 16, 16)
    assert cells[0, 0, 0].nonzero().tolist() == [[y, x] for y in (11, 12, 13) for x in (6, 7, 8)]
    assert not cells[0, 1].any()


def test_palette_and_noisy_labels() -> None:
    blend = torch.tensor([[0.4, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0.25, 0, 0, 0, 0, 0.25]])
    palette = expert_palette(blend)[:, 0]
    torch.testing.assert_close(palette.sum(-1), torch.ones(3))
    assert palette[0, 0] == 1
    assert palette[2].tolist() == [0.5, 0, 0, 0, 0, 0.5]
    known = torch.ones(3, dtype=torch.bool)
    mixed, chosen = noisy_clips(blend, known, NoisySampling(1.0))
    assert chosen.all()
    assert torch.equal(mixed, blend.roll(1, 0))


def test_checkpoint_is_plain_data(tmp_path: Path) -> None:
    module = model()
    torch.save(
        {"hyper_parameters": dict(module.hparams), "state_dict": module.state_dict()}, tmp_path / "x.ckpt"
    )
    assert torch.load(tmp_path / "x.ckpt", weights_only=True)["hyper_parameters"]["size"] == 32


def test_frozen_encoders_keep_their_statistics(
    batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = model(stage="joint").train()
    module.on_train_epoch_start()
    assert module.emotion_encoders["label"].training
    assert not module.emotion_encoders["speech"].training
    before = {name: buffer.clone() for name, buffer in module.emotion_encoders.named_buffers()}
    step(module, batch, monkeypatch)
    assert before
    assert all(torch.equal(b, before[n]) for n, b in module.emotion_encoders.named_buffers())
