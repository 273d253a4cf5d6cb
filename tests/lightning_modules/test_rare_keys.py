"""Keys that no shipped experiment sets: each of them does what its docstring says."""

import pytest
import torch

from datamodules.batch import collate
from lightning_modules import (
    CodecTraining,
    EmotionExperts,
    EmotionRecognition,
    LabelEncoder,
    MelSpeechFeatures,
    PatchCodec,
    SpeechFeatureTraining,
    TextEncoder,
    VideoUNet,
    WordingEncoder,
)
from lightning_modules.conditioning import Dropout
from lightning_modules.diffusion.objective import Losses, Noise
from lightning_modules.diffusion.process import alphas_cumprod, min_snr_weight
from lightning_modules.interfaces import Conditions, Hints
from lightning_modules.optim.rates import warm_cosine
from tests.lightning_modules.test_talking_head import UNET, clip, model


def test_a_first_beta_decides_how_clean_the_first_step_is() -> None:
    noisier = alphas_cumprod(beta_start=0.005, zero_terminal_snr=False)
    assert noisier[0] < alphas_cumprod(beta_start=0.00085, zero_terminal_snr=False)[0]


def test_rates_rise_over_the_warm_up_and_end_at_the_least() -> None:
    module = model(warmup_steps=4, least_rate=0.25)
    assert (module.warmup_steps, module.least_rate) == (4, 0.25)
    rates = [warm_cosine(step, module.warmup_steps, 20, least=module.least_rate) for step in range(21)]
    assert rates[0] < 0.3 < 0.9 < rates[3]
    assert rates[20] == pytest.approx(0.25)


@pytest.mark.parametrize("sees", [True, False])
def test_a_global_gate_may_be_blind_to_the_latent(sees: bool) -> None:
    torch.manual_seed(0)
    mixture = EmotionExperts({"a": 8}, 6, inner=4, gate_sees_latent=sees, gate_hidden=5)
    x, first, second = torch.randn(1, 2, 3, 8), torch.randn(1, 1, 2, 6), torch.randn(1, 1, 2, 6)
    gates = [mixture("a", x, latent, Hints()).weight for latent in (first, second)]
    assert torch.equal(*gates) == (not sees)
    assert mixture.places["a"].global_gate[0].out_features == 5


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_palette_share_goes_from_the_learnt_gate_to_the_palette(share: float) -> None:
    torch.manual_seed(0)
    mixture = EmotionExperts({"a": 8}, 6, inner=4, global_gate="blended", palette_share=share)
    palette = torch.tensor([[[0.3, 0.1, 0.1, 0.1, 0.2, 0.2]]])
    answer = mixture("a", torch.randn(1, 2, 3, 8), torch.randn(1, 1, 2, 6), Hints(palette))
    torch.testing.assert_close(answer.weight, palette if share else answer.learned)


def test_speech_modules_have_as_many_heads_as_asked() -> None:
    net = VideoUNet(
        UNET | {"in_channels": 8, "out_channels": 4}, [], speech_modules=True, speech_heads=4,
        speech_width=6, speech_tokens=3,
    )  # fmt: skip
    blocks = [module.transformer_blocks[0].attn2 for module in net.speech_modules.values()]
    assert {block.heads for block in blocks} == {4}


def test_a_text_is_read_up_to_its_longest_length() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(8, 1, layers=1, heads=2, max_length=10).eval()
    short, longer = encoder(["very angry now"]), encoder(["very angry tomorrow"])
    assert torch.equal(short, longer)
    assert not torch.allclose(short, encoder(["very happy now"]))


def test_a_codec_hears_of_edges_and_noise() -> None:
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (2, 1, 3, 32, 32), dtype=torch.uint8)
    losses = []
    for options in ({}, {"edge_weight": 0.0}, {"latent_noise": 1.0}):
        torch.manual_seed(1)
        training = CodecTraining(PatchCodec(channels=4, width=8), **options)
        training.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
        losses.append(float(training.training_step({"frames": pictures, "reference": pictures[:, 0]}, 0)))  # type: ignore[typeddict-item]
    assert losses[1] < losses[0] < losses[2]


def test_recognition_weighs_its_terms() -> None:
    torch.manual_seed(0)
    batch = {"cue": torch.eye(6)[:2][:, None], "blend": torch.eye(6)[:2]}
    losses = []
    for weights in ((1.0, 0.0), (3.0, 0.0)):
        torch.manual_seed(1)
        training = EmotionRecognition(
            LabelEncoder(8, 1, 8),
            classes_weight=weights[0],
            blend_weight=weights[1],
            warm_share=0.5,
            clear=0.4,
        ).eval()
        training.log_dict = training.log = lambda *_, **__: None  # type: ignore[method-assign,assignment]
        losses.append(float(training.training_step(batch, 0)))
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-4)


def test_speech_features_weigh_lips_and_phones() -> None:
    torch.manual_seed(0)
    features = MelSpeechFeatures(width=8, hidden=8, bands=16, phones=2, dilations=(1, 3)).eval()
    assert len(features.blocks) == 2
    lips = torch.rand(1, 4, features.read(features(torch.zeros(1, 2560)))[0].shape[-1])
    batch = {"waveform": torch.zeros(1, 2560), "lips": lips, "phone": torch.zeros(1, 4, dtype=torch.long)}
    losses = []
    for lips_weight, phone_weight, agreement in (
        (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0),
        (2, 3, 4),
    ):
        training = SpeechFeatureTraining(
            features,
            lips_weight=lips_weight,
            phone_weight=phone_weight,
            correlation_weight=agreement,
            warm_share=0.1,
        )
        training.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
        losses.append(float(training.training_step(batch, 0)))
    assert losses[3] == pytest.approx(2 * losses[0] + 3 * losses[1] + 4 * losses[2], rel=1e-4)
    assert 0 < losses[2] <= 2


def test_an_embedded_codec_upsamples_eight_times_only() -> None:
    with pytest.raises(ValueError, match="factor=4, but the embedded codec upsamples 8 times"):
        PatchCodec(factor=4)


def test_a_clip_may_be_as_long_as_max_frames() -> None:
    net = VideoUNet(
        UNET | {"in_channels": 8, "out_channels": 4}, [], max_frames=3, speech_width=6, speech_tokens=3
    )
    with pytest.raises(ValueError, match="4 frames in a clip, at most 3"):
        net(torch.zeros(1, 4, 4, 8, 8), torch.zeros(1, 4), Conditions(speech=torch.zeros(1, 4, 3, 6)))


def test_a_window_of_speech_is_tokens_a_frame_and_pieces_change_nothing() -> None:
    torch.manual_seed(0)
    whole = MelSpeechFeatures(width=8, hidden=8, bands=16, window=1)
    pieces = MelSpeechFeatures(width=8, hidden=8, bands=16, window=1, chunk_frames=10)
    pieces.load_state_dict(whole.state_dict())
    sound = torch.randn(1, 25 * 640)
    assert whole.tokens == 3
    with torch.no_grad():
        torch.testing.assert_close(pieces(sound), whole(sound), atol=1e-4, rtol=1e-3)


def test_a_reader_stops_after_so_many_words_and_forgets_a_share_of_them() -> None:
    torch.manual_seed(0)
    short = WordingEncoder(width=16, tokens=3, buckets=512, piece_width=8, words=2, forgotten=0.9)
    assert torch.equal(short.eval()(["very angry now"]), short(["very angry then"]))
    sure = WordingEncoder(width=16, tokens=3, buckets=512, piece_width=8, forgotten=0.0)
    sure.load_state_dict(short.state_dict())
    for reader in (short.train(), sure.train()):
        reader.word.eval()  # no dropout of its own
    words = ["angry"] * 20
    assert sure._words(words).unique(dim=0).shape[0] == 1
    assert short._words(words).unique(dim=0).shape[0] > 5


def test_sound_may_be_left_out_always() -> None:
    torch.manual_seed(0)
    heard: list[bool] = []
    module = model(dropout=Dropout(speech=1.0))
    module.log = module.log_dict = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    module.denoiser.register_forward_pre_hook(lambda _, given: heard.append(bool(given[2].speech.any())))
    module.training_step(collate([clip("a"), clip("bb")]), 0)
    assert heard == [False]


def test_noise_and_gamma_are_keys_of_the_training() -> None:
    linear = model(noise=Noise(schedule="linear", beta_start=0.0001, beta_end=0.02))
    assert not torch.equal(linear.alphas, model().alphas)
    strict, mild = Losses(gamma=1.0), Losses(gamma=5.0)
    clean = torch.tensor([0.8])
    weights = [min_snr_weight(clean, "v", losses.gamma, losses.floor) for losses in (strict, mild)]
    assert weights[0] < weights[1]
