import numpy as np
import pytest
import torch

from datamodules.batch import EMOTIONS, parse_blend
from datamodules.synthetic.clip import synthetic_voice
from datamodules.synthetic.phones import NUCLEI, ONSETS, PHONES
from datamodules.synthetic.script import articulate, per_frame, random_script
from datamodules.synthetic.voice import augment_sound, prosody, sample_speaker, speak


def frame_energy(waveform_S: np.ndarray) -> np.ndarray:
    """Root mean square per video frame (F,)."""
    return np.sqrt((waveform_S.reshape(-1, 640) ** 2).mean(1)).astype(np.float32)


@pytest.fixture(scope="module")
def voices():
    """Five speakers saying something in each of the seven classes."""
    return {
        name: [synthetic_voice(seed, 50, parse_blend(name)) for seed in range(5)]
        for name in (*EMOTIONS, "neutral")
    }


def test_a_script_fills_its_time_without_gaps():
    for seed in range(20):
        script = random_script(np.random.default_rng(seed), 2.0)
        edges = [phone.start for phone in script.phones] + [script.phones[-1].end]
        assert edges[0] == 0
        assert edges[-1] == pytest.approx(2.0)
        for phone, after in zip(script.phones, script.phones[1:], strict=False):
            assert phone.end == pytest.approx(after.start)
    assert {symbol for group in (*NUCLEI, *ONSETS) for symbol in group} <= PHONES.keys()
    with pytest.raises(ValueError, match=r"seconds >= 0\.2"):
        random_script(np.random.default_rng(0), 0.1)


def test_articulation_is_in_range_and_closes_for_bilabials():
    script = random_script(np.random.default_rng(3), 20.0)
    speech = articulate(script)
    assert speech.lips.shape == (4000, 5)
    assert speech.lips.min() >= 0
    assert speech.lips.max() <= 1
    middles = [(p.start + p.end) / 2 for p in script.phones if p.symbol in "mpb" and p.end - p.start > 0.05]
    pressed = [speech.lips[int(200 * middle), 4] for middle in middles]
    assert len(pressed) > 3
    assert np.mean(pressed) > 0.85


def test_voice_is_exact_in_length_and_repeatable():
    for frames in (5, 37, 50):
        voice = synthetic_voice(1, frames)
        assert voice.waveform.shape == (frames * 640,)
        assert voice.waveform.dtype == torch.float32
        assert voice.opening.shape == (frames,)
        assert voice.lips.shape == (frames, 3)
        assert voice.waveform.abs().max() <= 1
    torch.testing.assert_close(synthetic_voice(7).waveform, synthetic_voice(7).waveform, rtol=0, atol=0)
    assert not torch.equal(synthetic_voice(7).waveform, synthetic_voice(8).waveform)
    assert synthetic_voice(7).speaker != synthetic_voice(7, split="test").speaker


def test_the_mouth_opens_with_the_sound():
    lags, correlations = [], []
    for seed in range(8):
        voice = synthetic_voice(seed, 100)
        loudness = np.log(frame_energy(voice.waveform.numpy()) + 0.01)
        opening = voice.opening.numpy()
        shifted = [np.corrcoef(opening[8:-8], np.roll(loudness, lag)[8:-8])[0, 1] for lag in range(-6, 7)]
        lags.append(int(np.argmax(shifted)) - 6)
        correlations.append(shifted[6])
    assert max(map(abs, lags)) <= 1
    assert np.mean(correlations) > 0.5


def test_emotions_move_pitch_and_loudness_as_in_people(voices):
    def averages(measure):
        return {name: float(np.mean([measure(voice) for voice in group])) for name, group in voices.items()}

    pitch = averages(lambda voice: voice.pitch.log2().mean())
    assert min(pitch["fear"], pitch["happy"], pitch["surprise"]) > pitch["neutral"] + 0.1
    assert max(pitch["sad"], pitch["disgust"]) < pitch["neutral"] - 0.05
    span = averages(lambda voice: voice.pitch.log2().std())
    assert min(span["happy"], span["surprise"]) > 1.5 * span["sad"]
    level = averages(lambda voice: voice.waveform.std().log())
    assert level["angry"] > level["neutral"] + 0.3 > level["sad"] + 0.6


def test_the_pitch_that_is_reported_is_heard():
    script = random_script(np.random.default_rng(0), 2.0)
    rng = np.random.default_rng(1)
    sound, pitch_T = speak(articulate(script), sample_speaker(5), prosody(np.zeros(6), rng), rng)
    vowels = [p for p in script.phones if PHONES[p.symbol].kind == "vowel" and p.end - p.start > 0.09]
    for phone in vowels:
        middle = int((phone.start + phone.end) / 2 * 16_000)
        piece = sound[middle - 400 : middle + 400] * np.hanning(800)
        spectrum = np.abs(np.fft.rfft(piece, 1 << 14)) ** 2
        periodicity = np.fft.irfft(spectrum)
        period = 16_000 / pitch_T[middle // 80]
        near = periodicity[int(period * 0.85) : int(period * 1.15) + 1].max() / periodicity[0]
        assert near > 0.35


def test_speakers_differ_and_stay_themselves():
    speakers = [sample_speaker(seed) for seed in range(200)]
    assert sample_speaker(3) == speakers[3]
    pitches = np.array([speaker.pitch for speaker in speakers])
    assert pitches.min() >= 80
    assert pitches.max() <= 280
    assert np.percentile(pitches, 90) / np.percentile(pitches, 10) > 1.6
    assert np.corrcoef(pitches, [speaker.tract for speaker in speakers])[0, 1] < -0.5


@pytest.mark.parametrize("seed", range(6))
def test_augmentation_keeps_length_range_and_timing(seed):
    sound = synthetic_voice(seed, 50).waveform.numpy()
    changed = augment_sound(sound, np.random.default_rng(seed), 1.0)
    assert changed.shape == sound.shape
    assert changed.dtype == np.float32
    assert np.abs(changed).max() <= 1
    before, after = frame_energy(sound), frame_energy(changed)
    shifted = [np.corrcoef(before[8:-8], np.roll(after, -lag)[8:-8])[0, 1] for lag in range(-5, 6)]
    assert abs(int(np.argmax(shifted)) - 5) <= 1


def test_augmentation_of_strength_zero_changes_nothing():
    sound = synthetic_voice(0, 10).waveform.numpy()
    np.testing.assert_array_equal(augment_sound(sound, np.random.default_rng(0), 0.0), sound)
    assert np.isfinite(augment_sound(np.zeros(6400, np.float32), np.random.default_rng(0))).all()
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        augment_sound(sound, np.random.default_rng(0), 2.0)


def test_per_frame_averages_eight_steps():
    np.testing.assert_allclose(per_frame(np.arange(16.0), 2), [3.5, 11.5])
