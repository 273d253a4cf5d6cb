"""Numbers that decide a result are keys of the configuration: each of them changes something."""

import pytest
import torch

from datamodules.batch import TalkingHeadBatch, collate
from lightning_modules.conditioning import Dropout
from lightning_modules.diffusion.objective import Losses, Noise
from lightning_modules.interfaces import EmotionCue
from tests.lightning_modules.test_talking_head import clip, model, step


@pytest.fixture(scope="module")
def batch() -> TalkingHeadBatch:
    return collate([clip("a"), clip("bb"), clip("ccc")])


@pytest.mark.parametrize(
    "options",
    [
        {"speech_past": 0},
        {"speech_future": 0},
        {"noise": Noise(shared_in_animation=0.0)},
        {"noise": Noise(beta_end=0.02)},
        {"noise": Noise(steps=500)},
    ],
)
def test_what_decides_a_video_is_a_key(options: dict[str, object]) -> None:
    portrait = torch.full((3, 32, 32), 99, dtype=torch.uint8)
    arguments = (portrait, torch.randn(640 * 10, generator=torch.Generator().manual_seed(0)), EmotionCue())
    plain, other = model().eval(), model(**options).eval()
    for module in (plain, other):
        with torch.no_grad():
            module.denoiser.frame_embedding[-1].weight.normal_(generator=torch.Generator().manual_seed(1))
    videos = [torch.cat(list(module.animate(*arguments, steps=2))) for module in (plain, other)]
    assert not torch.equal(*videos)


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": Dropout(motion_frames=1.0)},
        {"losses": Losses(gate=1.0, gate_least=0.9)},
        {"losses": Losses(features=1.0, features_reach=0)},
    ],
)
def test_what_decides_a_loss_is_a_key(
    options: dict[str, object], batch: TalkingHeadBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    landmarks = batch | {"landmarks": torch.full_like(batch["landmarks"], 15.0)}
    base = {"losses": Losses(gate=1.0, features=1.0), "stage": "joint"}
    plain, other = model(**base), model(**(base | options))
    losses = [step(module, landmarks, monkeypatch) for module in (plain, other)]  # type: ignore[arg-type]
    assert not torch.equal(*losses)


def test_a_negative_window_of_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="speech_past=-1, speech_future=16: expected 0 or more"):
        model(speech_past=-1)
