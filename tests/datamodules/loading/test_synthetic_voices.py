"""Synthetic voices: truth about lips and phones, repeatable by number."""

import pytest
import torch

from datamodules.batch import SAMPLES_PER_FRAME
from datamodules.loading.synthetic_voices import PHONE_NAMES, TRACKS, SyntheticVoices


def test_voices_come_with_lips_and_phones() -> None:
    data = SyntheticVoices(clips=2, rounds=2, frames=15, held_out_clips=2, global_batch=2)
    batches = list(data.train_dataloader())
    assert len(batches) == 2
    assert batches[0]["waveform"].shape == (2, 15 * SAMPLES_PER_FRAME)
    assert batches[0]["lips"].shape == (2, 15, len(TRACKS))
    assert batches[0]["lips"].min() >= 0
    assert batches[0]["lips"].max() <= 1
    assert batches[0]["phone"].shape == (2, 15)
    assert batches[0]["phone"].max() < len(PHONE_NAMES)
    assert len(data.pool) == 2


def test_a_clip_depends_on_its_number_alone() -> None:
    first, again = (SyntheticVoices(clips=3, frames=15) for _ in range(2))
    first.draw("fit", 0)
    assert all(
        torch.equal(first.draw("fit", 4)[name], again.draw("fit", 4)[name]) for name in ("waveform", "lips")
    )
    assert not torch.equal(
        first.draw("fit", 4)["waveform"], SyntheticVoices(3, 1, 15, seed=1).draw("fit", 4)["waveform"]
    )


def test_a_round_hears_every_clip_of_the_pool_once() -> None:
    data = SyntheticVoices(clips=4, rounds=2, frames=10)
    for index in range(4):
        data.draw("fit", index)
    assert len(data.pool) == 4


def test_training_hears_anybody_and_validation_the_world() -> None:
    shares = {"world_share": 0.0, "read_share": 0.0}
    anybodys, worlds = (
        SyntheticVoices(clips=2, frames=10, **given) for given in (shares, {**shares, "world_share": 1.0})
    )
    assert not torch.equal(anybodys._spoken("fit", 0)["lips"], worlds._spoken("fit", 0)["lips"])
    assert torch.equal(anybodys.draw("validate", 0)["waveform"], worlds.draw("validate", 0)["waveform"])


def test_shares_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"world_share=0\.8 and read_share=0\.4"):
        SyntheticVoices(world_share=0.8, read_share=0.4)


def test_flite_is_asked_for_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="flite is not installed"):
        SyntheticVoices(read_share=0.5)
    SyntheticVoices(read_share=0.0)
