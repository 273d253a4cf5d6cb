from pathlib import Path

import pytest
import torch

from lightning_modules.speech.features import (
    LIPS,
    MelSpeechFeatures,
    Wav2Vec2SpeechFeatures,
    around_each_frame,
    relative_spectrum,
)


@pytest.fixture(scope="module")
def features() -> MelSpeechFeatures:
    torch.manual_seed(0)
    return MelSpeechFeatures(width=16, hidden=16, bands=24).eval()


@pytest.fixture(scope="module", params=["Wav2Vec2", "Data2VecAudio"])
def wave_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import transformers

    config = getattr(transformers, f"{request.param}Config")(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=2,
        num_conv_pos_embedding_groups=2,
    )
    folder = tmp_path_factory.mktemp("wave")
    torch.manual_seed(0)
    getattr(transformers, f"{request.param}Model")(config).save_pretrained(folder)
    return folder


def voice(frames: int, clips: int = 1, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.rand(clips, frames, generator=generator).repeat_interleave(640, dim=1)
    return 0.1 * loudness * torch.randn(clips, frames * 640, generator=generator)


@pytest.mark.parametrize("frames", [1, 2, 7, 50])
def test_exactly_one_row_of_tokens_per_video_frame(features: MelSpeechFeatures, frames: int) -> None:
    token_BFTD = features(voice(frames, clips=2))
    assert token_BFTD.shape == (2, frames, features.tokens, features.width)
    assert features.predict_lips(voice(frames)).shape == (1, frames, len(LIPS))


def test_a_window_of_frames_with_repeated_ends() -> None:
    x = torch.arange(4.0)[None, :, None]
    assert around_each_frame(x, 1)[0, ..., 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]


def test_a_piece_with_context_gives_what_the_whole_gives(features: MelSpeechFeatures) -> None:
    sound = voice(150)
    whole = features(sound)
    first, last = 70, 100
    start, stop = first - features.past_frames, last + features.future_frames
    piece = features(sound[:, start * 640 : stop * 640])[:, first - start : last - start]
    torch.testing.assert_close(piece, whole[:, first:last], atol=1e-5, rtol=1e-4)


def test_sound_beyond_the_stated_context_changes_nothing(features: MelSpeechFeatures) -> None:
    sound, frame = voice(150), 75
    changed = sound.clone()
    changed[:, : (frame - features.past_frames) * 640] = 0
    changed[:, (frame + features.future_frames + 1) * 640 :] = 0
    torch.testing.assert_close(features(changed)[:, frame], features(sound)[:, frame], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("future", [1, 2, 3, 5])
def test_live_features_look_no_further_ahead_than_asked(future: int) -> None:
    torch.manual_seed(0)
    live = MelSpeechFeatures(width=16, hidden=16, bands=24, future=future).eval()
    sound, frame = voice(150).requires_grad_(), 110
    live(sound)[:, frame].square().sum().backward()
    assert sound.grad is not None
    heard_F = sound.grad.view(150, -1).abs().sum(1) > 0
    first, last = frame - live.past_frames, frame + future
    assert live.future_frames == future
    assert heard_F[: max(first, 0)].sum() == 0
    assert heard_F[last + 1 :].sum() == 0
    assert heard_F[frame]
    assert live(voice(4)).shape == (1, 4, live.tokens, 16)


def test_features_that_would_look_back_only_are_refused() -> None:
    with pytest.raises(ValueError, match="future=0 of the speech features: expected at least 1"):
        MelSpeechFeatures(future=0)


def test_long_sound_in_chunks_equals_one_pass(features: MelSpeechFeatures) -> None:
    sound = voice(200)
    whole = features._tokens(sound)
    features.chunk_frames = 60
    with torch.no_grad():
        chunked = features(sound)
    features.chunk_frames = 1500
    torch.testing.assert_close(chunked, whole, atol=1e-5, rtol=1e-4)


def test_gain_drops_out_and_silence_stays_silent(features: MelSpeechFeatures) -> None:
    sound = voice(60)
    torch.testing.assert_close(features(0.3 * sound), features(sound), atol=1e-3, rtol=1e-3)
    assert relative_spectrum(torch.zeros(1, 6400), 24).max() < 0
    assert torch.isfinite(features(torch.zeros(1, 6400))).all()


def test_gradient_reaches_every_parameter(features: MelSpeechFeatures) -> None:
    lips, phones = features.read(features(voice(20)))
    (lips.sum() + phones.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in features.parameters())
    features.zero_grad()


def test_a_speech_model_from_a_folder(wave_folder: Path) -> None:
    features = Wav2Vec2SpeechFeatures(str(wave_folder), width=12, tokens=4, hidden=8).train()
    assert features(voice(5, clips=2)).shape == (2, 5, 4, 12)
    assert features(voice(1)).shape == (1, 1, 4, 12)
    assert features.hidden_states(voice(5)).shape == (1, 5, 2 * 16)
    assert not features.model.inner.training
    features(voice(5)).sum().backward()
    assert all(p.grad is None for p in features.model.parameters())
    assert all(p.grad is not None for p in features.projection.parameters())


def test_its_states_equal_the_models_own_when_rates_agree(wave_folder: Path) -> None:
    features = Wav2Vec2SpeechFeatures(str(wave_folder), width=12, tokens=4, hidden=8)
    sound = voice(4)
    heard = (sound - sound.mean()) / (sound.var(correction=0) + 1e-7).sqrt()
    model = features.model.inner
    convolved = model.feature_extractor(heard)
    at_25 = torch.nn.functional.interpolate(convolved, size=4, mode="linear", align_corners=True)
    projected, _ = model.feature_projection(at_25.transpose(1, 2))
    torch.testing.assert_close(features.hidden_states(sound)[..., 16:], model.encoder(projected)[0])


def test_it_bounds_its_memory_by_chunks(wave_folder: Path) -> None:
    features = Wav2Vec2SpeechFeatures(str(wave_folder), 12, 4, window=1, hidden=8, chunk_frames=10).eval()
    assert features(voice(23)).shape == (1, 23, 4, 12)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        Wav2Vec2SpeechFeatures(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="'bert', expected one of wav2vec2"):
        Wav2Vec2SpeechFeatures(str(tmp_path))
