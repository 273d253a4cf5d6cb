"""No key of the model that nobody ever sets: each is in a shipped configuration or in a test."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import lightning_modules
from lightning_modules.conditioning import Dropout, NoisySampling
from lightning_modules.diffusion.objective import Losses, Noise

ROOT = Path(__file__).resolve().parents[2]
# `Muon` is timm's optimizer with its arguments
CLASSES = [getattr(lightning_modules, name) for name in lightning_modules.__all__ if name != "Muon"]
VALUES = [Dropout, Losses, NoisySampling, Noise]


def keys(cls: type) -> list[str]:
    """Names of its arguments."""
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls)]
    return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """All that sets keys: shipped configurations and the tests, without this one."""
    files = [*ROOT.glob("configs/**/*.yaml"), *ROOT.glob("tests/**/*.py")]
    return {str(file): file.read_text() for file in files if file != Path(__file__)}


@pytest.mark.parametrize("cls", [*CLASSES, *VALUES], ids=lambda cls: cls.__name__)
def test_every_key_is_set_somewhere(cls: type, texts: dict[str, str]) -> None:
    """As `key:` in YAML, as `key=` or `"key":` in a test, or by position in a test of the class."""
    by_name = {
        key: any(re.search(rf"\b{key}\b[\"']?\s*[=:]", text) for text in texts.values()) for key in keys(cls)
    }
    assert [key for key, is_set in by_name.items() if not is_set] == []
