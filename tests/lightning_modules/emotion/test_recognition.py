import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from datamodules.batch import CLASSES, EMOTIONS
from lightning_modules import LabelEncoder, TextEncoder
from lightning_modules.emotion.recognition import (
    EmotionRecognition,
    SpeechFeatureTraining,
    class_shares,
    correlation,
)
from lightning_modules.speech.features import TRACKS, MelSpeechFeatures


def fast(parameters) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=2e-2)


def trainer(steps: int) -> L.Trainer:
    return L.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def label_batches(count: int, size: int = 32) -> DataLoader:
    generator = torch.Generator().manual_seed(0)
    kinds = torch.randint(len(CLASSES), (count * size,), generator=generator)
    blends = torch.eye(len(CLASSES))[kinds, : len(EMOTIONS)]
    return DataLoader([{"cue": b[None], "blend": b} for b in blends], batch_size=size)  # type: ignore[arg-type]


def test_neutral_is_what_is_left_of_the_blend() -> None:
    blend = torch.tensor([[0.5, 0, 0, 0, 0, 0.25], [0] * 6, [0, 1, 0, 0, 0, 0]])
    share = class_shares(blend)
    torch.testing.assert_close(share.sum(-1), torch.ones(3))
    assert share[:, -1].tolist() == [0.25, 1, 0]


def test_correlation_per_clip() -> None:
    x = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    y = torch.stack([2 * x[0] + 1, -x[1], torch.zeros(40)])
    torch.testing.assert_close(correlation(x, y), torch.tensor([1.0, -1.0, 0.0]), atol=1e-5, rtol=0)
    noisy = x + torch.randn(3, 40, generator=torch.Generator().manual_seed(1))
    expected = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(x, noisy, strict=True)])
    torch.testing.assert_close(correlation(x, noisy), expected)


def test_recognition_learns_and_is_scored() -> None:
    torch.manual_seed(0)
    module = EmotionRecognition(LabelEncoder(width=16, tokens=2, hidden=64), optimizer=fast)
    runner = trainer(40)
    runner.fit(module, label_batches(40))
    scores = runner.test(module, label_batches(2), verbose=False)[0]
    assert scores["test/accuracy"] > 0.95
    assert scores["test/unweighted_accuracy"] > 0.95
    assert scores["test/blend_error"] < 0.1


def test_heads_see_every_token_and_mean_over_frames() -> None:
    module = EmotionRecognition(LabelEncoder(width=8, tokens=3))
    tokens = torch.randn(2, 5, 3, 8)
    classes, blend = module.read(tokens)
    assert classes.shape == (2, 7)
    assert blend.shape == (2, 6)
    torch.testing.assert_close(classes, module.class_head(tokens.flatten(2)).mean(1))


def test_mixup_needs_no_tensor_cue() -> None:
    torch.manual_seed(0)
    module = EmotionRecognition(TextEncoder(width=8, heads=2, layers=1), mixup=0.4, smoothing=0.1)
    module.log_dict = lambda *a, **k: None  # type: ignore[method-assign]
    loss = module.training_step({"cue": ["glad", "sad"], "blend": torch.eye(6)[:2]}, 0)
    loss.backward()
    assert torch.isfinite(loss)


def test_smoothing_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"smoothing=1\.0"):
        EmotionRecognition(LabelEncoder(), smoothing=1.0)


def test_speech_features_learn_a_loudness_that_opens_the_lips() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    level = torch.rand(24, 20, generator=generator)
    sound = 0.1 * level.repeat_interleave(640, 1) * torch.randn(24, 20 * 640, generator=generator)
    lips = level[..., None].expand(24, 20, len(TRACKS))
    clips = [
        {"waveform": s, "lips": lip, "phone": torch.zeros(20, dtype=torch.long)}
        for s, lip in zip(sound, lips, strict=True)
    ]
    module = SpeechFeatureTraining(MelSpeechFeatures(width=8, hidden=16, bands=16, phones=2), optimizer=fast)
    runner = trainer(16)
    runner.fit(module, DataLoader(clips * 4, batch_size=6))  # type: ignore[arg-type]
    scores = runner.validate(module, DataLoader(clips, batch_size=6), verbose=False)[0]  # type: ignore[arg-type]
    assert scores["val/opening"] > 0.7
    assert scores["val/phone_accuracy"] == 1
