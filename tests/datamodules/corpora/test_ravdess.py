"""RAVDESS file names: seven numbers with a meaning."""

from pathlib import Path

import pytest

from datamodules.corpora.ravdess import EMOTION_NAMES, ravdess_fields


def test_a_name_says_who_and_what() -> None:
    fields = ravdess_fields(Path("03-01-05-02-01-02-24.flac"))
    assert (fields["actor"], fields["intensity"]) == (24, 2)
    assert EMOTION_NAMES[fields["emotion"]] == "angry"


def test_bad_names_are_refused() -> None:
    with pytest.raises(ValueError, match="not a RAVDESS name"):
        ravdess_fields(Path("03-01-xx-01-01-01-01.flac"))
    with pytest.raises(ValueError, match="emotion 9"):
        ravdess_fields(Path("03-01-09-01-01-01-01.flac"))
