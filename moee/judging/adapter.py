"""How another system is run: the adapter of `moee foreign`, one YAML file."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from evaluation.reading import read_pairs
from evaluation.validation import Written, checked


def _word(value: object) -> object:
    """A number as YAML reads it, such as a commit of digits alone, is the word that stood there."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Word = Annotated[str, BeforeValidator(_word)]


class Adapter(Written):
    """How another system is run.

    Args:
        name: as tables show it.
        command: program and arguments, no shell; `{manifest}` becomes the manifest's path, `{out}` the folder
            of the videos, `{python}` the interpreter that runs this.
        folder: where the command runs.
        environment: variables beside those of this process.
        minutes: after which it is stopped.
        revision: of its code, such as a commit.
        licence: of its code and weights.
        settings: what else a reader of the table should know.
    """

    name: Word
    command: list[str]
    folder: str = "."
    environment: dict[str, Word] = Field(default_factory=dict)
    minutes: float = 600.0
    revision: Word = ""
    licence: Word = ""
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("command", mode="before")
    @classmethod
    def _names_the_manifest(cls, words: object) -> object:
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            raise ValueError('expected a list of words, such as [python, run.py, "{manifest}"]')
        if not any("{manifest}" in word for word in words):
            raise ValueError("no word holds {manifest}, so the system cannot know what to make")
        return words

    @field_validator("minutes", mode="before")
    @classmethod
    def _positive(cls, minutes: object) -> object:
        if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not minutes > 0:
            raise ValueError(f"{minutes!r} is not a positive number")
        return minutes


def read_adapter(path: Path) -> Adapter:
    """An adapter file, its folder made absolute.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for broken YAML, an unknown key, or a value that does not fit; with the file's name.
    """
    adapter = checked(Adapter, read_pairs(path, "adapter"), path.name)
    folder = (path.resolve().parent / adapter.folder).resolve()
    return adapter.model_copy(update={"folder": str(folder)})
