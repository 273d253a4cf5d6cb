from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from places import SHARED

from datamodules.action_units import prototype
from datamodules.batch import ACTION_UNITS, EMOTIONS, MODALITIES, SAMPLES_PER_FRAME
from datamodules.loading.voices import (
    PHONE_NAMES,
    TRACKS,
    SyntheticCues,
    SyntheticVoices,
    UtteranceFolder,
    cue_blend,
    pad_sounds,
    play_at,
    ravdess_fields,
    shown_action_units,
    without_silence,
)


def write_flac(path: Path, samples: np.ndarray) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (samples * 32767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.fixture
def ravdess(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for actor in range(1, 5):
        for emotion in (1, 2, 5):
            sound = 0.1 * rng.standard_normal(4000 + 100 * actor).clip(-3, 3)
            write_flac(tmp_path / f"03-01-{emotion:02d}-01-01-01-{actor:02d}.flac", sound)
    return tmp_path


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


def test_folds_part_the_actors(ravdess: Path) -> None:
    held_out = []
    for fold in range(4):
        data = UtteranceFolder(str(ravdess), fold=fold, global_batch=3)
        data.setup("fit")
        actors = {ravdess_fields(path)["actor"] for path in data.test_files}
        assert not actors & {ravdess_fields(path)["actor"] for path in data.train_files}
        assert len(data.train_files) + len(data.test_files) == 12
        held_out += actors
    assert sorted(held_out) == [1, 2, 3, 4]


def test_calm_counts_as_neutral_and_training_is_changed(ravdess: Path) -> None:
    data = UtteranceFolder(str(ravdess), fold=0, rounds=2, global_batch=3)
    data.setup("fit")
    batch = next(iter(data.test_dataloader()))
    assert batch["blend"].tolist() == [[0] * 6, [0] * 6, [0, 0, 1, 0, 0, 0]]
    assert batch["cue"].shape[1] % SAMPLES_PER_FRAME == 0
    assert len(list(data.train_dataloader())) == 6
    assert not torch.equal(data.draw_changed(0)["cue"], data.draw_changed(9)["cue"])
    assert torch.equal(data.draw_changed(1)["cue"], data.draw_changed(1)["cue"])


def test_a_faster_sound_is_shorter_and_higher() -> None:
    tone = np.sin(2 * np.pi * 400 * np.arange(16_000) / 16_000)
    fast = play_at(tone, 1.25)
    assert len(fast) == 12_800
    assert np.abs(np.fft.rfft(fast)).argmax() * 16_000 / len(fast) == pytest.approx(500, abs=2)


def test_silence_around_a_voice_is_cut_off() -> None:
    sound = torch.zeros(6400)
    sound[1500:3000] = 0.1
    assert torch.equal(without_silence(sound), sound[1280:3200])
    assert torch.equal(without_silence(torch.zeros(700)), torch.zeros(700))


def test_padding_is_silence_behind() -> None:
    sounds = [{"cue": torch.ones(length), "blend": torch.zeros(6)} for length in (700, 300)]
    assert pad_sounds(sounds)["cue"].sum(1).tolist() == [700, 300]
    assert pad_sounds(sounds)["cue"].shape == (2, 1280)


def test_bad_settings_and_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown modality 'smell'"):
        SyntheticCues("smell")
    with pytest.raises(ValueError, match=r"fold=4, but folds=4: expected 0 to 3"):
        UtteranceFolder(str(tmp_path), fold=4)
    with pytest.raises(ValueError, match=r"speed=0\.5"):
        UtteranceFolder(str(tmp_path), speed=0.5)
    with pytest.raises(FileNotFoundError, match="RAVDESS names"):
        UtteranceFolder(str(tmp_path)).setup("fit")
    with pytest.raises(ValueError, match="not a RAVDESS name"):
        ravdess_fields(Path("03-01-xx-01-01-01-01.flac"))
    with pytest.raises(ValueError, match="emotion 9"):
        ravdess_fields(Path("03-01-09-01-01-01-01.flac"))


@pytest.mark.weights
def test_the_data_packs_utterances() -> None:
    folder = SHARED / "data" / "utterances"
    if not folder.is_dir():
        pytest.skip(f"no utterances in {folder}")
    data = UtteranceFolder(str(folder), fold=1)
    data.setup("fit")
    assert (len(data.train_files), len(data.test_files)) == (180, 60)
