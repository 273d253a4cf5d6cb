"""The tables of a language, and which of their entries are held out for testing.

Of the forms of an emotion's families and of the phrases of a movement, counted through in the order of the
file, every fifth is for `test_words` alone, unless a training text spells it out elsewhere; verbs are all
learned. Every twelfth family is for `test_stems` alone, with all of its forms. Of the sentence patterns of a
kind every fourth is for `test` alone. Whole expressions (`doing`, `states`, `faces`) are learnt by heart, in
any language: none is held out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal, TypeVar

from datamodules.synthetic.wording.english_verbs import gerund, third_person

LANGUAGES = ("english", "german", "french", "spanish", "chinese")
FORMS = ("adjective", "noun", "adverb", "verb")
Texts = Literal["train", "test", "test_words", "test_stems"]
SPLITS: tuple[Texts, ...] = ("train", "test", "test_words", "test_stems")
EVERY_WORD, EVERY_TEMPLATE, EVERY_FAMILY = 5, 4, 12
ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Tables:
    """A language: emotion -> words, and how they are put together.

    Attributes:
        joint: what stands between two words.
        conjunction: between the last two of a list.
        forms: (split, emotion, form) -> words.
        movements: (split, unit) -> phrases.
        phrases: (table, emotion) -> entries of `doing`, `states`, `held_back`, `remains` and `faces`.
        lists: `who`, `contexts`, `unit_names`, and (table, level) of what tells the strength.
        templates: (split, kind) -> sentence patterns.
    """

    joint: str
    conjunction: str
    forms: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    movements: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    phrases: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    lists: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    templates: dict[tuple[str, str], list[str]] = field(default_factory=dict)


@cache
def read_tables(language: str) -> Tables:
    """The tables of one of `LANGUAGES`."""
    import yaml

    content = yaml.safe_load(
        files("datamodules.synthetic.wording").joinpath(f"{language}.yaml").read_text("utf-8")
    )
    tables = Tables(content["joint"], content["and"])
    for unit, phrases in content["movements"].items():
        learned, held_out = _parted(phrases, EVERY_WORD, EVERY_WORD // 2)
        tables.movements["train", unit], tables.movements["test_words", unit] = learned, held_out
    for name in ("doing", "states", "held_back", "remains", "faces"):
        tables.phrases.update(
            {(name, emotion): entries for emotion, entries in content.get(name, {}).items()}
        )
    for name in ("degrees", "amounts", "manners", "extents"):
        tables.lists.update({(name, level): entries for level, entries in content[name].items()})
    for name in ("who", "contexts", "unit_names"):
        tables.lists[name, ""] = content.get(name, [])
    for kind, templates in content["templates"].items():
        tables.templates["train", kind], tables.templates["test", kind] = _parted(templates, EVERY_TEMPLATE)
    for emotion, families in content["families"].items():
        _add_families(tables, emotion, families)
    _leave_out_known(tables)
    return tables


def _leave_out_known(tables: Tables) -> None:
    """Drop held-out forms that a training text spells out as a part of something else, a phrase or a verb."""
    learned = [entries for (_, emotion), entries in tables.phrases.items()]
    learned += [tables.templates[key] for key in tables.templates if key[0] == "train"]
    learned += [entries for key, entries in tables.forms.items() if key[0] == "train"]
    learned += [entries for key, entries in tables.movements.items() if key[0] == "train"]
    learned += list(tables.lists.values())
    text = " ".join(entry for entries in learned for entry in entries).lower()
    words = set(re.findall(r"\w+", text)) | {third_person(word) for word in _verbs(tables)}
    words |= {gerund(word) for word in _verbs(tables)}
    for key, entries in tables.forms.items():
        if key[0] != "train":
            entries[:] = [entry for entry in entries if not _is_known(entry, words, text, tables.joint)]
    for key in [key for key, entries in tables.forms.items() if not entries]:
        del tables.forms[key]


def _is_known(entry: str, words: set[str], text: str, joint: str) -> bool:
    if not joint:
        return entry in text
    return all(word in words for word in re.findall(r"\w+", entry.lower()))


def _verbs(tables: Tables) -> list[str]:
    return [
        entry.split()[0]
        for key, entries in tables.forms.items()
        if key[::2] == ("train", "verb")
        for entry in entries
    ]


def _add_families(tables: Tables, emotion: str, families: Sequence[str]) -> None:
    whole, held_out = _parted(families, EVERY_FAMILY)
    for family in held_out:
        for form, word in _forms(family):
            tables.forms.setdefault(("test_stems", emotion, form), []).append(word)
    known, unknown = _parted(
        [pair for family in whole for pair in _forms(family)], EVERY_WORD, EVERY_WORD // 2
    )
    for form, word in known:
        tables.forms.setdefault(("train", emotion, form), []).append(word)
    for form, word in unknown:
        split = (
            "train" if form == "verb" else "test_words"
        )  # a verb has forms of its own, all of them are learned
        tables.forms.setdefault((split, emotion, form), []).append(word)


def _forms(family: str) -> list[tuple[str, str]]:
    words = [word.strip() for word in family.split(",")]
    return [(form, word) for form, word in zip(FORMS, words, strict=False) if word != "-"]


def _parted(items: Sequence[ItemT], every: int, place: int | None = None) -> tuple[list[ItemT], list[ItemT]]:
    """What is learned, and every so many-th that is not: the last of each run, or that in another place."""
    place = every - 1 if place is None else place
    return (
        [item for number, item in enumerate(items) if number % every != place],
        [item for number, item in enumerate(items) if number % every == place],
    )
