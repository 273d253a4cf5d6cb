"""Synthetic cues of every modality and the blends they show."""

from collections import Counter

import numpy as np
import pytest
import torch

from datamodules.action_units import prototype
from datamodules.batch import ACTION_UNITS, EMOTIONS, MODALITIES
from datamodules.loading.synthetic_cues import SyntheticCues, cue_blend, shown_action_units


@pytest.mark.parametrize("modality", MODALITIES)
def test_cues_of_every_modality(modality: str) -> None:
    data = SyntheticCues(modality, clips=4, held_out_clips=2, frames=15, global_batch=2)
    train, held_out = next(iter(data.train_dataloader())), next(iter(data.val_dataloader()))
    assert train["blend"].shape == (2, len(EMOTIONS))
    shapes = {"label": (2, 1, 6), "speech": (2, 15 * 640), "action_units": (2, 8, len(ACTION_UNITS))}
    if modality == "text":
        assert all(isinstance(text, str) for text in train["cue"])
    else:
        assert train["cue"].shape == shapes[modality]
    assert not torch.equal(train["blend"], held_out["blend"])


def test_blends_are_allowed_and_varied() -> None:
    rng = np.random.default_rng(0)
    blends = torch.stack([cue_blend(rng) for _ in range(400)])
    assert (blends >= 0).all()
    assert (blends.sum(1) <= 1 + 1e-6).all()
    kinds = Counter((blends > 0).sum(1).tolist())
    assert kinds[0] > 30
    assert kinds[1] > 180
    assert kinds[2] > 80


def test_a_shown_face_keeps_close_to_its_prototype() -> None:
    blend = torch.eye(6)[0]
    shown = shown_action_units(blend, np.random.default_rng(0), 8)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert torch.corrcoef(torch.stack([shown.mean(0), prototype(blend)]))[0, 1] > 0.9


def test_an_unknown_modality_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown modality 'smell'"):
        SyntheticCues("smell")
