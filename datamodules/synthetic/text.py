"""Emotion in words: descriptions of a blend or of facial movements, with wordings held out for testing.

E expert, A action unit. The words and patterns are tables, see `wording`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from string import Formatter

import numpy as np
from torch import Tensor

from datamodules.batch import EMOTIONS, UNKNOWN_WORD
from datamodules.synthetic.wording.english_verbs import gerund, third_person
from datamodules.synthetic.wording.movements import listed, shown_units, units_of
from datamodules.synthetic.wording.tables import LANGUAGES, SPLITS, Tables, Texts, read_tables

LANGUAGE_SHARES = (0.6, 0.1, 0.1, 0.1, 0.1)
# Kind of sentence -> share among the descriptions of one emotion.
KINDS = {
    **{"adjective": 0.32, "noun": 0.16, "adverb": 0.06, "verb": 0.06, "doing": 0.12, "state": 0.06},
    **{"face": 0.06, "movements": 0.08, "held_back": 0.08, "contrast": 0.08},
}
STRENGTH_FIELDS = ("{degree}", "{amount}", "{manner}", "{extent}")
TELLING = 0.85  # share of faint and of strong emotions whose strength is put into words
NEUTRAL, STRONG, MEDIUM = 0.1, 0.8, 0.55  # intensities from which words change
EQUAL, MINOR = 0.6, 0.2  # share of the first emotion's weight from which the second is named as such
NEGATED, STRANGE_TEXTS, STRANGE_WORDS, CONTEXTS = 0.3, 0.15, 0.15, 0.15  # shares of the sentences


def describe(
    blend: Tensor, rng: np.random.Generator, split: Texts = "train", language: str | None = None
) -> str:
    """A phrase or sentence that names the emotions of a blend (E,) and how strong they are.

    A second emotion is named as an equal above 0.6 of the first one's weight, as a minor one above 0.2. That
    some emotion is not there counts as neutral.

    Args:
        blend: what to describe; a sum below 0.1 is neutral.
        rng: where the wording is drawn from.
        split: `train`; `test`: sentence patterns that `train` never uses, with its vocabulary; `test_words`:
            forms of words that `train` never uses, of which it knows others of the same family, with its
            patterns and nothing else that tells the emotion; `test_stems`: words of whole families that it
            never uses, which only pretrained language knows.
        language: one of `LANGUAGES`; None draws one, most often English.

    Raises:
        ValueError: if `split` or `language` is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r} of the texts: allowed are {', '.join(SPLITS)}")
    if language is None:
        language = LANGUAGES[drawn(LANGUAGE_SHARES, rng)]
        if split == "test_stems":
            language = "english"  # the other tables are too short for it
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r} of the texts: allowed are {', '.join(LANGUAGES)}")
    sentence = _Sentence(read_tables(language), rng, split)
    weights: list[float] = blend.tolist()
    intensity = sum(weights)
    if intensity < NEUTRAL:
        return sentence.neutral()
    first, second = sorted(range(len(weights)), key=lambda place: -weights[place])[:2]
    ratio = weights[second] / weights[first]
    level = "low" if intensity < MEDIUM else "mid" if intensity < STRONG else "high"
    if ratio >= MINOR and split in ("train", "test"):
        kind = "pair" if ratio >= EQUAL else "minor"
        return sentence.fill(sentence.template(kind, level), level, EMOTIONS[first], EMOTIONS[second])
    return sentence.single(EMOTIONS[first], level)


def describe_units(
    unit_A: Tensor, rng: np.random.Generator, split: Texts = "train", language: str | None = None
) -> str:
    """Up to four facial movements in words, the strongest of the intensities (A,); neutral if there is none.

    Args as of `describe`; `test_stems` has no movements of its own.
    """
    if language is None:
        language = LANGUAGES[drawn(LANGUAGE_SHARES, rng)]
    sentence = _Sentence(read_tables(language), rng, split)
    units = shown_units(unit_A)[: int(rng.integers(2, 5))]
    if not units:
        return sentence.neutral()
    strongest = float(unit_A.max())
    level = "low" if strongest < MEDIUM else "mid" if strongest < STRONG else "high"
    movements = listed(sentence.tables, units, rng, split)
    return sentence.fill(sentence.template("movements", level), level, "neutral", movements=movements)


class _Sentence:
    """Draws the parts of one sentence; masculine or feminine is drawn once."""

    def __init__(self, tables: Tables, rng: np.random.Generator, split: Texts) -> None:
        self.tables, self.rng, self.split = tables, rng, split
        self.gender = int(rng.integers(2))

    def single(self, emotion: str, level: str) -> str:
        """Of one emotion."""
        kinds = [kind for kind in KINDS if self._usable(kind, emotion)]
        if not kinds:
            raise ValueError(f"{self.split} has no word of {emotion} in this language")
        kind = kinds[drawn([KINDS[kind] for kind in kinds], self.rng)]
        return self.fill(self.template(kind, level), level, emotion, kind=kind)

    def neutral(self) -> str:
        """Of none: said, denied of some emotion, or in words that say nothing."""
        if self.split == "train" and self.rng.random() < STRANGE_TEXTS:
            return self._strange()
        denied = self.split in ("train", "test") and self.rng.random() < NEGATED
        kind = "negated" if denied else "adjective" if self.split not in ("train", "test") else "neutral"
        return self.fill(self.template(kind, "mid"), "mid", "neutral", kind=kind)

    def _strange(self) -> str:
        """Words that nobody knows, alone or where a sentence would name the emotion."""
        if self.rng.random() < 0.5:
            return " ".join([UNKNOWN_WORD] * int(self.rng.integers(1, 6)))
        templates = self.tables.templates["train", "adjective"]
        plain = [
            text for text in templates if not set(_fields(text)) - {"who", "degree", "adjective", "context"}
        ]
        return self.fill(self._pick(plain), "mid", "neutral", kind="strange")

    def template(self, kind: str, level: str) -> str:
        """A pattern of the split; of a faint or strong emotion most often one that says so."""
        templates = self._templates(kind)
        if level != "mid" and self.rng.random() < TELLING:
            telling = [text for text in templates if any(name in text for name in STRENGTH_FIELDS)]
            templates = telling or templates
        return self._pick(templates)

    def _templates(self, kind: str) -> list[str]:
        held_out = self.tables.templates.get(("test", kind)) if self.split == "test" else None
        templates = held_out or self.tables.templates.get(("train", kind), [])
        if self.split in ("train", "test"):
            return templates
        known = ("{face}", "{another}", "{other}", "{nother}", "{state}")
        known += () if kind == "movements" else ("{movements}",)
        return [text for text in templates if not any(name in text for name in known)]

    def _usable(self, kind: str, emotion: str) -> bool:
        """Whether the split has a pattern and words of a kind."""
        if self.split == "test" and not self.tables.templates.get(("test", kind)):
            return False
        if not self._templates(kind):
            return False
        if self.split in ("test_words", "test_stems"):
            movements = kind == "movements" and self.split == "test_words"
            return movements or (self.split, emotion, kind) in self.tables.forms
        return kind not in ("adverb", "verb") or ("train", emotion, kind) in self.tables.forms

    def fill(
        self, template: str, level: str, first: str, second: str = "", kind: str = "", movements: str = ""
    ) -> str:
        """The pattern with words in its places, spaces tidy, `a` before a vowel `an`."""
        other = self._pick([name for name in EMOTIONS if name != first])
        words: dict[str, str] = {}
        for name in _fields(template):
            words[name] = self._word(name, level, first, second or other, kind) if name != "movements" else ""
        if "movements" in words:
            words["movements"] = movements or self._movements(first)
        return self._finished(template.format(**words))

    def _word(self, name: str, level: str, first: str, second: str, kind: str) -> str:
        lists = {"degree": "degrees", "amount": "amounts", "manner": "manners", "extent": "extents"}
        if name in lists:
            return self._pick(self.tables.lists[lists[name], level])
        if name in ("who", "context"):
            return self._pick(self.tables.lists["who" if name == "who" else "contexts", ""])
        if name in ("face", "state", "base", "basing", "remains"):
            table = {"face": "faces", "state": "states"}.get(name, "held_back" if name[0] == "b" else name)
            entry = self._pick(self.tables.phrases[table, first])
            return gerund(entry) if name == "basing" else entry
        if kind == "strange":
            return UNKNOWN_WORD
        if name in ("verb", "verbs", "verbing"):
            return self._verb(name, first, kind)
        forms = {"a": "adjective", "na": "noun", "another": "adjective", "adjective": "adjective"}
        forms |= {"b": "adjective", "nb": "noun", "other": "adjective", "nother": "noun"}
        of_second = name in ("b", "nb", "other", "nother") or (name == "another" and kind == "negated")
        return self._form(forms.get(name, name), second if of_second else first)

    def _form(self, form: str, emotion: str) -> str:
        forms = self.tables.forms
        return self._pick(forms.get((self.split, emotion, form)) or forms["train", emotion, form])

    def _verb(self, name: str, emotion: str, kind: str) -> str:
        entry = (
            self._form("verb", emotion)
            if kind == "verb"
            else self._pick(self.tables.phrases["doing", emotion])
        )
        if self.tables is not read_tables("english"):
            return entry  # stands there in the third person
        return {"verb": str, "verbs": third_person, "verbing": gerund}[name](entry)

    def _movements(self, emotion: str) -> str:
        units = units_of(emotion, self.rng) if emotion in EMOTIONS else [25]
        return listed(self.tables, units, self.rng, self.split)

    def _pick(self, entries: list[str]) -> str:
        choices = entries[int(self.rng.integers(len(entries)))].split("/")
        return choices[min(self.gender, len(choices) - 1)]

    def _finished(self, text: str) -> str:
        if self.split == "train" and self.rng.random() < STRANGE_WORDS:
            text = self._with_strange_words(text)
        if self.split in ("train", "test") and self.rng.random() < CONTEXTS:
            text = self.tables.joint.join([text, self._pick(self.tables.lists["contexts", ""])])
        if not self.tables.joint:
            return text
        parts = text.replace(" ,", ",").split()
        for index, (article, after) in enumerate(pairwise(parts)):
            if article in ("a", "an") and self.tables is read_tables("english"):
                parts[index] = "an" if after[0] in "aeiou" else "a"
        text = " ".join(parts)
        if self.rng.random() < 0.3:
            text = text[0].upper() + text[1:] + self._pick(["", ".", ".", "!"])
        return text

    def _with_strange_words(self, text: str) -> str:
        """Some words that nobody knows before, between or after the others."""
        parts = text.split(self.tables.joint) if self.tables.joint else [text]
        place = int(self.rng.integers(len(parts) + 1))
        parts[place:place] = [UNKNOWN_WORD] * int(self.rng.integers(1, 5))
        return (self.tables.joint or " ").join(parts)


def drawn(shares: Sequence[float], rng: np.random.Generator) -> int:
    """A place, drawn in proportion to its share."""
    bound = rng.random() * sum(shares)
    sums = list(accumulate(shares))
    return min(bisect_right(sums, bound), len(sums) - 1)


@cache
def _fields(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]
