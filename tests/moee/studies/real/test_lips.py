"""Lips heard against lips seen: signs of lags, strangers' sound, and one real clip."""

import pytest
import torch
from places import SHARED
from torch import Tensor

from evaluation.extractors.faces.mesh import FaceMesh
from moee.studies.real.lips import (
    RealClip,
    agreement,
    compare,
    hear_real_clips,
    heard_opening,
    read_real_clip,
)

MODEL = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"
CLIP = SHARED / "data" / "clips" / "cremad_1001_DFA_HAP_XX.mp4"


class Envelope:
    """Hears the lips in the loudness of each frame."""

    def predict_lips(self, waveform_BS: Tensor) -> Tensor:
        return waveform_BS.unflatten(1, (-1, 640)).abs().mean(2)[..., None]


def clip(name: str, seed: int) -> RealClip:
    """Lips whose sound is as loud as they are open."""
    seen = torch.rand(60, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return RealClip(name, seen, seen.float().repeat_interleave(640))


def test_own_sound_agrees_and_that_of_others_does_not() -> None:
    rows = hear_real_clips(Envelope(), [clip(f"c{i}", i) for i in range(5)])
    assert all(row.own == pytest.approx(1.0) for row in rows)
    assert all(abs(row.others) < 0.3 for row in rows)
    assert {row.best_lag for row in rows} == {0}


def test_a_lag_has_the_sign_of_lips_that_come_later() -> None:
    late = clip("late", 0)
    late = RealClip("late", late.seen.roll(2), late.waveform)
    (row,) = compare([late], {"late": heard_opening(Envelope(), late.waveform)})
    assert row.best_lag == 2
    assert row.by_lag[2] > 0.99
    assert row.own < 0.5
    assert row.others != row.others


def test_frames_without_a_face_are_left_out_and_still_lips_are_worth_nothing() -> None:
    known = clip("a", 1)
    seen = known.seen.clone()
    seen[10:20] = torch.nan
    heard = heard_opening(Envelope(), known.waveform)
    assert agreement(heard, seen) == pytest.approx(1.0)
    assert agreement(heard, torch.full_like(seen, torch.nan)) == 0
    assert agreement(heard, torch.ones_like(seen)) == 0
    assert agreement(heard[:50], seen) == pytest.approx(1.0)


@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.skipif(
    not (MODEL.is_file() and CLIP.is_file()), reason="no real clips beside the checkout to look at"
)
def test_the_lips_of_a_real_clip_open_with_its_sound() -> None:
    real = read_real_clip(CLIP, FaceMesh(MODEL))
    assert len(real.seen) == 47
    assert len(real.waveform) == 47 * 640
    assert torch.isfinite(real.seen).all()
    assert 0 < real.seen.min() < 0.02
    assert 0.1 < real.seen.max() < 0.3
    assert agreement(heard_opening(Envelope(), real.waveform), real.seen) > 0.4
