"""Recorded utterances by actor folds, changed in training only."""

from pathlib import Path

import numpy as np
import pytest
import torch
from places import SHARED

from datamodules.batch import SAMPLES_PER_FRAME
from datamodules.corpora.ravdess import ravdess_fields
from datamodules.loading.utterances import UtteranceFolder, pad_sounds, play_at, without_silence


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


def test_bad_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"fold=4, but folds=4: expected 0 to 3"):
        UtteranceFolder(str(tmp_path), fold=4)
    with pytest.raises(ValueError, match=r"speed=0\.5"):
        UtteranceFolder(str(tmp_path), speed=0.5)
    with pytest.raises(FileNotFoundError, match="RAVDESS names"):
        UtteranceFolder(str(tmp_path)).setup("fit")


@pytest.mark.weights
def test_the_data_packs_utterances() -> None:
    folder = SHARED / "data" / "utterances"
    if not folder.is_dir():
        pytest.skip(f"no utterances in {folder}")
    data = UtteranceFolder(str(folder), fold=1)
    data.setup("fit")
    assert (len(data.train_files), len(data.test_files)) == (180, 60)
