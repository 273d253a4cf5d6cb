"""Anybody's speech, texts read aloud, recordings: exact lengths, lips that go with the sound, no delay."""

import shutil

import numpy as np
import pytest

from datamodules.synthetic.anybody import EFFORT_OPENING, Speech, anybody, read_by_anybody, spoken_by_anybody
from datamodules.synthetic.clip import synthetic_voice
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.readers import random_text, read_aloud, require_flite, resized, script_of
from datamodules.synthetic.recording import coded, coloured, compressed, in_room, record, with_noise
from datamodules.synthetic.script import CONTROL_RATE, Script, TimedPhone, articulate, waiting_lips

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def frame_energy(waveform_S: np.ndarray) -> np.ndarray:
    return np.sqrt((waveform_S.reshape(-1, 640).astype(np.float64) ** 2).mean(1))


def check(speech: Speech, frames: int) -> None:
    assert speech.waveform.shape == (frames * 640,)
    assert speech.waveform.dtype == np.float32
    assert np.abs(speech.waveform).max() <= 0.5 + 1e-6
    assert speech.lips.shape == (frames, 5)
    assert speech.lips.min() >= 0
    assert speech.lips.max() <= 1
    assert speech.script.phones[0].start == 0
    assert speech.script.phones[-1].end == pytest.approx(frames / 25)


def test_anybody_speaks_for_exactly_that_long_and_repeatably() -> None:
    for seed in range(3):
        check(spoken_by_anybody(rng(seed), 30), 30)
    np.testing.assert_array_equal(
        spoken_by_anybody(rng(1), 20).waveform, spoken_by_anybody(rng(1), 20).waveform
    )


def test_anybody_is_more_various_than_the_world() -> None:
    speakers = [anybody(rng(seed)) for seed in range(200)]
    pitches = np.array([speaker.pitch for speaker in speakers])
    assert pitches.min() < 80
    assert pitches.max() > 280
    assert np.corrcoef(np.log(pitches), [speaker.tract for speaker in speakers])[0, 1] < -0.3


@needs_flite
def test_a_text_is_read_aloud_with_lips_that_close_where_it_says_so() -> None:
    sound, script = read_aloud("Papa, baby, mama.", "slt")
    assert len(sound) / 16000 == pytest.approx(script.seconds, abs=0.05)
    closed = [p for p in script.phones if p.symbol in "pbm"]
    assert len(closed) == 6
    lips_T5 = articulate(script).lips
    middles = [int((p.start + p.end) / 2 * CONTROL_RATE) for p in closed]
    assert lips_T5[middles, 4].min() > 0.7
    for seed in range(3):
        check(read_by_anybody(rng(seed), 25), 25)


def test_without_flite_the_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match=r"flite is not installed.*read_share=0"):
        require_flite()


def test_a_diphthong_is_two_phones_and_a_reduced_vowel_a_weak_one() -> None:
    script = script_of([("pau", 0.2), ("hh", 0.25), ("ax", 0.3), ("l", 0.4), ("ow", 0.6), ("pau", 0.8)])
    assert [p.symbol for p in script.phones] == ["sil", "h", "ah", "l", "ao", "uw", "sil"]
    assert script.phones[2].stress < script.phones[4].stress
    assert script.phones[4].end == pytest.approx(0.5)
    assert {p.symbol for p in script.phones} <= PHONES.keys()


def test_a_larger_person_is_lower_and_slower() -> None:
    script = Script((TimedPhone("aa", 0.0, 0.5, 1.0, 0),), 0.5)
    tone = np.sin(2 * np.pi * 400 * np.arange(8000) / 16000)
    for factor in (0.8, 1.25):
        sound, longer = resized(tone, script, factor)
        assert len(sound) == round(8000 * factor)
        assert longer.seconds == pytest.approx(0.5 * factor)
        peak = np.abs(np.fft.rfft(sound)).argmax() * 16000 / len(sound)
        assert peak == pytest.approx(400 / factor, abs=3)


def test_texts_have_words_enough_and_differ() -> None:
    texts = {random_text(rng(seed), 12) for seed in range(20)}
    assert len(texts) == 20
    assert min(len(text.split()) for text in texts) >= 12


def test_lips_part_before_a_phrase_and_speech_is_left_alone() -> None:
    phones = (
        TimedPhone("sil", 0, 1, 0, 0),
        TimedPhone("aa", 1, 1.5, 1, 0),
        TimedPhone("sil", 1.5, 2.5, 0, 0),
    )
    script = Script(phones, 2.5)
    before, after = [], []
    for seed in range(60):
        waiting_T = waiting_lips(script, rng(seed))
        assert waiting_T.shape == (500,)
        assert waiting_T[240:260].max() < 0.05
        before.append(waiting_T[170])
        after.append(waiting_T[400])
    assert np.mean(before) > np.mean(after) + 0.1
    assert np.mean(np.array(after) == 0) > 0.4
    parted = articulate(script, 1.0, np.full(500, 0.4)).lips
    closed = articulate(script).lips
    assert parted[100, 0] == pytest.approx(0.4, abs=0.01)
    assert closed[100, 0] < 0.05
    np.testing.assert_allclose(parted[240:260], closed[240:260], atol=1e-6)


def test_louder_is_wider() -> None:
    assert EFFORT_OPENING > 0
    loud_wide = []
    for seed in range(8):
        speech = spoken_by_anybody(rng(seed), 50)
        energy = frame_energy(speech.waveform)
        loud_wide.append(np.corrcoef(energy, speech.lips[:, 0])[0, 1])
    assert np.mean(loud_wide) > 0.2


@pytest.mark.parametrize("seed", range(6))
def test_a_recording_keeps_length_range_and_timing(seed: int) -> None:
    sound = synthetic_voice(seed, 50).waveform.numpy()
    heard = record(sound, rng(seed), lambda r: 0.1 * r.normal(size=9000))
    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert np.abs(heard).max() <= 1
    assert np.isfinite(heard).all()


@pytest.mark.parametrize("step", [in_room, coloured, compressed, coded])
def test_nothing_that_a_recording_does_moves_the_sound(step) -> None:
    clicks = np.zeros(16000, np.float32)
    clicks[[3000, 7000, 12000]] = 0.5
    for seed in range(5):
        changed = step(clicks, rng(seed))
        assert changed.shape == clicks.shape
        for place in (3000, 7000, 12000):
            around = np.abs(changed[place - 1000 : place + 1000])
            assert abs(int(around.argmax()) - 1000) < 60


def test_noise_has_the_level_that_was_asked_for() -> None:
    sound = np.sin(np.arange(32000, dtype=np.float32))
    for seed in range(8):
        noise = with_noise(sound, rng(seed), lambda r: r.normal(size=8000), quietest=10, loudest=10) - sound
        assert 20 * np.log10(sound.std() / np.sqrt((noise**2).mean())) == pytest.approx(10, abs=0.3)


def test_silence_survives_a_recording_and_no_strength_changes_the_level_alone() -> None:
    assert np.isfinite(record(np.zeros(6400, np.float32), rng(), lambda r: np.zeros(100))).all()
    sound = synthetic_voice(0, 10).waveform.numpy()
    heard = record(sound, rng(), lambda r: r.normal(size=100), strength=0.0)
    assert np.corrcoef(sound, heard)[0, 1] == pytest.approx(1.0)
