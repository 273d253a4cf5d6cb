"""Descriptions of emotions and movements: what they say, and what is held out."""

import re

import numpy as np
import pytest
import torch

from datamodules.action_units import PROTOTYPES
from datamodules.batch import ACTION_UNITS, CLASSES, EMOTIONS, UNKNOWN_WORD, parse_blend
from datamodules.loading.synthetic_cues import SyntheticCues
from datamodules.synthetic.text import describe, describe_units
from datamodules.synthetic.wording.english_verbs import gerund, third_person
from datamodules.synthetic.wording.movements import suggested, units_of
from datamodules.synthetic.wording.tables import LANGUAGES, read_tables


def texts(split: str, count: int, language: str | None = None, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    blends = [parse_blend(name) * scale for name in CLASSES for scale in (0.45, 0.7, 1.0)]
    return [describe(blends[i % len(blends)], rng, split, language) for i in range(count)]


def test_english_has_thousands_of_wordings() -> None:
    assert len(set(texts("train", 6000, "english"))) > 4000


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("split", ["train", "test", "test_words"])
def test_every_sentence_is_whole(language: str, split: str) -> None:
    for text in texts(split, 400, language):
        assert text == text.strip()
        assert not re.search(r"[{}/]|  | ,|None", text), text
    assert len(set(texts(split, 400, language))) > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_word_is_in_a_training_sentence(language: str) -> None:
    tables = read_tables(language)
    held_out = {word for key, words in tables.forms.items() if key[0] != "train" for word in words}
    assert len(held_out) >= 10
    sentences = texts("train", 2500, language, seed=3)
    read = " ".join(sentences).lower()
    words = set(re.findall(r"\w+", read))
    for entry in held_out:
        if tables.joint:
            parts = [part for choice in entry.split("/") for part in re.findall(r"\w+", choice.lower())]
            assert not words.issuperset(parts), entry
        else:
            assert entry not in read, entry


def test_held_out_sentences_hold_a_held_out_word_and_no_other_sign() -> None:
    tables = read_tables("english")
    held_out = [w for key, words in tables.forms.items() if key[0] == "test_words" for w in words]
    held_out += [w for key, words in tables.movements.items() if key[0] == "test_words" for w in words]
    for text in texts("test_words", 500, "english"):
        assert any(word in text.lower() for word in held_out), text


def test_no_held_out_pattern_is_in_training() -> None:
    for language in LANGUAGES:
        tables = read_tables(language)
        for (split, kind), templates in tables.templates.items():
            if split == "test":
                assert not set(templates) & set(tables.templates["train", kind])
        assert sum(len(entries) for key, entries in tables.templates.items() if key[0] == "test") >= 6


def test_units_are_told_apart() -> None:
    assert [suggested([unit]) for unit in (12, 9, 15, 20, 26, 23)] == [
        *("happy", "disgust", "sad", "fear", "surprise", "angry")
    ]
    assert suggested([1]) is None  # sad, afraid and surprised faces have it alike
    rng = np.random.default_rng(0)
    for emotion in EMOTIONS:
        for _ in range(30):
            units = units_of(emotion, rng)
            assert set(units) <= set(PROTOTYPES[emotion])
            assert suggested(units) == emotion


def test_movements_are_named_the_strongest_first() -> None:
    unit_A = torch.zeros(len(ACTION_UNITS))
    unit_A[ACTION_UNITS.index(9)], unit_A[ACTION_UNITS.index(12)] = 0.9, 0.4
    rng = np.random.default_rng(0)
    for _ in range(50):
        text = describe_units(unit_A, rng, "train", "english").lower()
        nose, mouth = (re.search(p, text) for p in (r"nose|au ?9|unit 9", r"lip|mouth|au ?12|unit 12"))
        assert nose is not None
        assert mouth is not None
        assert nose.start() < mouth.start()
    assert describe_units(torch.zeros(len(ACTION_UNITS)), rng)


def test_verbs_are_bent() -> None:
    assert [third_person(verb) for verb in ("cry a river", "fuss", "have fun", "not believe it", "play")] == [
        *("cries a river", "fusses", "has fun", "does not believe it", "plays")
    ]
    assert [gerund(verb) for verb in ("sob", "flee", "lose heart", "not believe it", "cry")] == [
        *("sobbing", "fleeing", "losing heart", "not believing it", "crying")
    ]


def test_strange_words_are_neutral_or_pass_by() -> None:
    neutral = [describe(torch.zeros(6), np.random.default_rng(seed)) for seed in range(300)]
    assert any(set(text.split()) == {UNKNOWN_WORD} for text in neutral)
    assert any(UNKNOWN_WORD in text for text in texts("train", 300))
    assert not any(UNKNOWN_WORD in text for text in texts("test", 300))


def test_cues_have_units_and_know_when_they_know_no_emotion() -> None:
    data = SyntheticCues("text", clips=400)
    clips = [data.draw("fit", index) for index in range(400)]
    unknown = [clip for clip in clips if clip["blend"].isnan().any()]
    assert 10 < len(unknown) < 60
    for clip in clips:
        assert clip["action_units"].shape == (len(ACTION_UNITS),)
        assert clip["action_units"].isfinite().all()


def test_bad_requests_are_one_line() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="unknown language 'klingon'"):
        describe(torch.zeros(6), rng, "train", "klingon")
    with pytest.raises(ValueError, match="unknown split 'dev'"):
        describe(torch.zeros(6), rng, "dev")
