from pathlib import Path

import pytest
import torch

from datamodules.batch import ACTION_UNITS, EMOTIONS, MODALITIES
from lightning_modules import ActionUnitEncoder, LabelEncoder, TextEncoder
from lightning_modules.emotion.pooling import AttentivePooling
from lightning_modules.emotion.speech import TRACKS, SpeechEmotionEncoder, counting_frames, summarise
from lightning_modules.emotion.text import byte_ids
from lightning_modules.interfaces import EmotionEncoder


def speech(seconds: float = 1.0, clips: int = 2) -> torch.Tensor:
    time = torch.arange(int(seconds * 16_000)) / 16_000
    voice = torch.sin(2 * torch.pi * 150 * time) + 0.5 * torch.sin(2 * torch.pi * 1200 * time)
    noise = torch.randn(clips, len(time), generator=torch.Generator().manual_seed(0))
    return 0.1 * voice * (1.2 + torch.sin(20 * time)) + 0.01 * noise


CUES = {
    "label": torch.rand(2, 1, len(EMOTIONS)) / len(EMOTIONS),
    "text": ["she is very happy", "no emotion at all"],
    "speech": speech(),
    "action_units": torch.rand(2, 7, len(ACTION_UNITS)),
}


@pytest.fixture(params=MODALITIES)
def encoder(request: pytest.FixtureRequest) -> EmotionEncoder:
    torch.manual_seed(0)
    classes = (LabelEncoder, TextEncoder, SpeechEmotionEncoder, ActionUnitEncoder)
    return next(c for c in classes if c.modality == request.param)(width=16, tokens=3)


def test_tokens_have_the_stated_shape(encoder: EmotionEncoder) -> None:
    frames = 7 if encoder.modality == "action_units" else 1
    assert encoder(CUES[encoder.modality]).shape == (2, frames, 3, encoder.width)


def test_gradient_reaches_every_parameter(encoder: EmotionEncoder) -> None:
    encoder(CUES[encoder.modality]).square().sum().backward()
    silent = [name for name, p in encoder.named_parameters() if p.grad is None]
    assert not silent


def test_the_same_cue_gives_the_same_tokens_alone_and_in_a_batch(encoder: EmotionEncoder) -> None:
    cue = CUES[encoder.modality]
    with torch.no_grad():
        both = encoder.eval()(cue)
        torch.testing.assert_close(encoder(cue[1:]), both[1:], atol=1e-5, rtol=1e-4)


def test_state_dict_goes_round(encoder: EmotionEncoder) -> None:
    twin = type(encoder)(width=16, tokens=3)
    twin.load_state_dict(encoder.state_dict())
    cue = CUES[encoder.modality]
    torch.testing.assert_close(twin.eval()(cue), encoder.eval()(cue))


def test_a_held_expression_is_one_token_set_over_time() -> None:
    token_BFTD = ActionUnitEncoder(width=8)(torch.full((1, 9, len(ACTION_UNITS)), 0.4))
    torch.testing.assert_close(token_BFTD, token_BFTD[:, :1].expand_as(token_BFTD))


def test_one_frame_of_action_units_is_enough() -> None:
    assert ActionUnitEncoder(width=8)(torch.rand(3, 1, len(ACTION_UNITS))).shape == (3, 1, 2, 8)


def test_a_convolution_of_five_frames_sees_two_to_either_side() -> None:
    encoder, au = ActionUnitEncoder(width=8), torch.rand(1, 11, len(ACTION_UNITS))
    changed = au.clone()
    changed[:, 5] = 0
    differs = (encoder(au) - encoder(changed)).abs().amax(dim=(0, 2, 3)) > 1e-6
    assert differs.nonzero()[:, 0].tolist() == [3, 4, 5, 6, 7]


def test_bytes_as_byt5_counts_them() -> None:
    ids = byte_ids(["a", "é!"], 192)
    assert ids.tolist() == [[100, 1, 0, 0], [198, 172, 36, 1]]
    assert byte_ids(["x" * 500], 20).shape == (1, 20)
    assert byte_ids([""], 20).tolist() == [[1]]


def test_byte_ids_equal_the_published_tokeniser() -> None:
    from transformers import ByT5Tokenizer

    texts = ["She is überglücklich 😀", "calm"]
    assert byte_ids(texts, 99).tolist() == ByT5Tokenizer()(texts, padding=True)["input_ids"]


def test_a_t5_folder_loads_frozen(tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    config = T5Config(vocab_size=384, d_model=24, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(tmp_path)
    ByT5Tokenizer().save_pretrained(tmp_path)
    encoder = TextEncoder(width=96, tokens=3, folder=str(tmp_path)).train()
    assert encoder.width == 24
    token_BFTD = encoder(["happy", "rather sad"])
    assert token_BFTD.shape == (2, 1, 3, 24)
    torch.testing.assert_close(encoder(["happy"]), token_BFTD[:1], atol=1e-5, rtol=1e-4)
    token_BFTD.sum().backward()
    assert [name for name, p in encoder.named_parameters() if p.grad is not None] == [
        "pool.score.weight",
        "pool.score.bias",
    ]


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Data2VecAudio"])
def test_a_speech_folder_loads_frozen(kind: str, tmp_path: Path) -> None:
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=2,
        num_conv_pos_embedding_groups=2,
    )
    torch.manual_seed(0)
    peer = getattr(transformers, f"{kind}Model")(config).eval()
    peer.save_pretrained(tmp_path)
    encoder = SpeechEmotionEncoder(tokens=2, folder=str(tmp_path)).train()
    assert encoder.width == 16
    token_BFTD = encoder(speech())
    assert token_BFTD.shape == (2, 1, 2, 16)
    token_BFTD.sum().backward()
    assert all(p.grad is None for p in encoder.model.parameters())
    heard = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)(
        list(speech().numpy()), sampling_rate=16_000, return_tensors="pt"
    )
    state_BND = peer(heard["input_values"]).last_hidden_state  # as the published processor feeds the model
    torch.testing.assert_close(encoder._published(speech()), state_BND, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("build", [TextEncoder, SpeechEmotionEncoder])
def test_a_folder_without_a_model_is_refused(build: type, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        build(folder=str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="'gpt2', expected one of"):
        build(folder=str(tmp_path))


def test_silence_around_a_voice_changes_nothing() -> None:
    torch.manual_seed(0)
    encoder, sound = SpeechEmotionEncoder(width=16).eval(), speech(1.2)
    padded = torch.nn.functional.pad(sound, (3 * 640, 7 * 640))
    # the first and last analysis windows reach into the silence, hence not bit by bit
    torch.testing.assert_close(encoder(padded), encoder(sound), atol=5e-2, rtol=5e-2)
    assert counting_frames(torch.zeros(1, 5)).all()
    assert torch.isfinite(encoder(torch.zeros(1, 6400))).all()


def test_long_speech_is_listened_to_in_the_middle() -> None:
    encoder = SpeechEmotionEncoder(width=16, longest_seconds=1.0).eval()
    sound = speech(3.0)
    torch.testing.assert_close(encoder(sound), encoder(sound[:, 16_000:32_000]))


def test_a_lag_hears_the_change_over_that_many_frames() -> None:
    beat = torch.arange(80) // 4 % 2  # up for four frames, down for four
    track = beat[None, :, None].float().expand(1, 80, TRACKS)
    keep = torch.ones(1, 80, 1)
    four, lags = 4 * TRACKS, (1, 4, 8, 99)
    assert torch.equal(summarise(track, keep, lags)[:, :four], summarise(track, keep)[:, :four])
    change = summarise(track, keep, lags)[0, four:].unflatten(0, (len(lags), TRACKS))
    assert (change == change[:, :1]).all()
    assert change[:, 0].tolist() == pytest.approx([19 / 79, 1, 0, 0])
    keep[:, 40:] = 0
    loud = torch.where(keep > 0, track, 99.0)
    torch.testing.assert_close(summarise(loud, keep, lags), summarise(track[:, :40], keep[:, :40], lags))


def test_the_summary_alone_is_an_encoder() -> None:
    torch.manual_seed(0)
    encoder, cue = SpeechEmotionEncoder(width=16, tokens=3, hidden=0, lags=(1, 4, 32)), speech()
    encoder(cue).square().sum().backward()
    assert not [name for name, p in encoder.named_parameters() if p.grad is None]
    assert not any("conv" in name for name in encoder.state_dict())
    assert encoder.model.whole[1].in_features == 7 * TRACKS
    token_BFTD = encoder.eval()(cue)
    assert token_BFTD.shape == (2, 1, 3, 16)
    torch.testing.assert_close(encoder(cue[1:]), token_BFTD[1:], atol=1e-5, rtol=1e-4)


def test_lags_and_no_convolutions_are_off_unless_asked_for() -> None:
    names = set(SpeechEmotionEncoder(width=16).state_dict())
    assert {"model.enter.weight", "model.convs.2.bias", "model.leave.weight", "model.whole.1.weight"} <= names
    assert SpeechEmotionEncoder(width=16).model.whole[1].in_features == 5 * TRACKS
    with pytest.raises(ValueError, match=r"lags=\[1, 0\], expected analysis frames"):
        SpeechEmotionEncoder(lags=(1, 0))


@pytest.mark.parametrize(
    ("encoder", "cue", "words"),
    [
        (LabelEncoder(), torch.rand(2, 6), "label: expected a tensor"),
        (ActionUnitEncoder(), ["AU12"], "got list"),
        (TextEncoder(width=8, heads=2, layers=1), torch.zeros(2, 3), "text: expected a list of strings"),
        (SpeechEmotionEncoder(width=8), ["hello"], "speech: expected a waveform"),
        (SpeechEmotionEncoder(width=8), torch.zeros(1, 100), "multiple of 640"),
    ],
)
def test_a_cue_of_another_kind_is_refused(encoder: EmotionEncoder, cue: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        encoder(cue)  # type: ignore[arg-type]


def test_pooling_ignores_what_is_masked() -> None:
    pool, x = AttentivePooling(8, 2, spread=True), torch.randn(1, 6, 8)
    mask = torch.tensor([[True] * 4 + [False] * 2])
    changed = x.clone()
    changed[:, 4:] = 99
    torch.testing.assert_close(pool(x, mask), pool(changed, mask))


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="width=10 does not divide into heads=4"):
        TextEncoder(width=10)
