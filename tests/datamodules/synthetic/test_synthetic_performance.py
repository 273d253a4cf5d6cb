import numpy as np
import pytest
import torch

from datamodules.action_units import prototype_matrix
from datamodules.batch import ACTION_UNITS, EMOTIONS, parse_blend
from datamodules.synthetic.performance import (
    MAX_SHIFT,
    MAX_TURN,
    blinks,
    perform,
    portrait,
    random_action_units,
)
from datamodules.synthetic.phones import PHONES
from datamodules.synthetic.text import describe

AU25, AU26 = ACTION_UNITS.index(25), ACTION_UNITS.index(26)


def act(name: str, seed: int = 0, frames: int = 50, **options):
    return perform(parse_blend(name).numpy(), frames, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("name", [*EMOTIONS, "neutral", "happily_surprised"])
def test_all_tracks_stay_in_range(name):
    controls = act(name).controls
    for track, columns in (
        (controls.action_units, 15),
        (controls.lips, 3),
        (controls.eye_closure[:, None], 1),
    ):
        assert track.shape == (50, columns)
        assert track.dtype == np.float32
        assert track.min() >= 0
        assert track.max() <= 1
    assert np.abs(controls.gaze).max() <= 1
    assert np.abs(controls.pose[:, :3]).max() <= MAX_TURN
    assert np.abs(controls.pose[:, 3:5]).max() <= MAX_SHIFT


def test_the_shown_emotion_is_the_nearest_prototype():
    directions = prototype_matrix().numpy()
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    hits = []
    for index, name in enumerate(EMOTIONS):
        for seed in range(3):
            shown = act(name, seed, 10).expression.mean(0)
            hits.append(int(np.argmax(directions @ shown)) == index)
    assert np.mean(hits) > 0.95


def test_the_same_seed_gives_the_same_performance():
    one, two = act("fear", 4), act("fear", 4)
    np.testing.assert_array_equal(one.utterance.waveform, two.utterance.waveform)
    np.testing.assert_array_equal(one.controls.action_units, two.controls.action_units)
    np.testing.assert_array_equal(one.controls.pose, two.controls.pose)


def test_lips_close_for_bilabials_even_when_the_face_gapes():
    closed, opened = [], []
    for seed in range(8):
        performance = act("surprise", seed, 75)
        part = performance.controls.action_units[:, AU25]
        for phone in performance.utterance.script.phones:
            frame = int((phone.start + phone.end) / 2 * 25)
            if phone.symbol in "mpb" and phone.end - phone.start > 0.05:
                closed.append(part[frame])
            elif PHONES[phone.symbol].kind == "vowel":
                opened.append(part[frame])
    assert np.mean(closed) < 0.25
    assert np.mean(opened) > 0.6


def test_lip_opening_follows_speech():
    for seed in range(5):
        performance = act("neutral", seed, 75)
        opening = performance.utterance.opening
        seen = performance.controls.action_units
        assert np.corrcoef(opening, seen[:, AU25])[0, 1] > 0.95
        assert np.corrcoef(opening, seen[:, AU26])[0, 1] > 0.8
        assert opening.std() > 0.12


def test_imposed_units_are_shown_exactly():
    units = np.zeros(len(ACTION_UNITS), np.float32)
    units[ACTION_UNITS.index(4)] = 0.8
    performance = act("neutral", action_units=units)
    np.testing.assert_array_equal(performance.expression, np.tile(units, (50, 1)))
    np.testing.assert_allclose(performance.controls.action_units[:, ACTION_UNITS.index(4)], 0.8)
    with pytest.raises(ValueError, match="expected \\(15,\\)"):
        act("neutral", action_units=np.zeros(3))
    with pytest.raises(ValueError, match=r"allowed are 0\.\.1"):
        act("neutral", action_units=units + 1)
    with pytest.raises(ValueError, match="at least 5"):
        act("neutral", frames=2)


def test_blinks_come_at_a_natural_rate_and_last_a_fifth_of_a_second():
    closure = blinks(np.random.default_rng(0), 25 * 600)
    shut = closure > 0.05
    starts = np.flatnonzero(shut[1:] & ~shut[:-1])
    assert 100 < len(starts) < 220  # ten minutes
    assert 4 < shut.sum() / len(starts) < 8


def test_sad_heads_sink_and_surprised_heads_rise():
    pitch = {
        name: np.mean([act(name, seed, 25).controls.pose[:, 1].mean() for seed in range(8)])
        for name in ("sad", "surprise", "neutral")
    }
    assert pitch["sad"] > pitch["neutral"] + 0.01 > pitch["surprise"] + 0.02


def test_a_portrait_is_one_frame():
    controls = portrait(parse_blend("happy").numpy(), np.random.default_rng(0), lips_apart=0.6)
    assert np.asarray(controls.action_units).shape == (1, 15)
    assert controls.action_units[0, AU25] >= 0.6


def test_random_units_are_few_and_visible():
    rng = np.random.default_rng(0)
    for _ in range(50):
        units = random_action_units(rng)
        assert 1 <= np.count_nonzero(units) <= 4
        assert units[units > 0].min() >= 0.3


def sentences(split: str, count: int = 900) -> set[str]:
    rng = np.random.default_rng(1)
    names = [*EMOTIONS, "neutral", "angrily_disgusted", "sadly_surprised", "happy:0.7,surprise:0.2"]
    scales = (0.45, 0.7, 1.0)
    blends = [parse_blend(name) * scale for name in names for scale in scales]
    return {describe(blends[index % len(blends)], rng, split) for index in range(count)}


def test_texts_are_many_and_held_out_wordings_are_disjoint():
    train, test, words = (sentences(split) for split in ("train", "test", "test_words"))
    assert len(train) > 600
    assert not train & test
    assert not train & words
    assert all(
        text == text.strip() and "  " not in text and "{" not in text and " ," not in text for text in train
    )


def test_texts_name_the_emotion_and_its_strength():
    rng = np.random.default_rng(0)
    strong = {describe(parse_blend("happy"), rng) for _ in range(200)}
    weak = {describe(parse_blend("happy:0.4"), rng) for _ in range(200)}
    assert not strong & weak
    assert any("joy" in text for text in strong)
    assert describe(torch.zeros(6), rng)
    with pytest.raises(ValueError, match="allowed are train"):
        describe(torch.zeros(6), rng, "dev")
