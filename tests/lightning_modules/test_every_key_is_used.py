"""No key of the model that nobody ever sets: a shipped configuration or a test sets each."""

import ast
import dataclasses
import inspect
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import lightning_modules
from lightning_modules.conditioning import Dropout, NoisySampling
from lightning_modules.diffusion.objective import Losses, Noise

ROOT = Path(__file__).resolve().parents[2]
# `Muon` is timm's optimizer with its arguments
CLASSES = [getattr(lightning_modules, name) for name in lightning_modules.__all__ if name != "Muon"]
VALUES = [Dropout, Losses, NoisySampling, Noise]
PARTS = {  # key of a configuration -> the class that stands there, where an overlay does not say
    "model": "TalkingHead",
    "mixture": "EmotionExperts",
    "latent_generator": "EmotionToLatents",
    "denoiser": "VideoUNet",
    "reference_net": "ReferenceNet",
}
VALUE_KEYS = {"dropout": Dropout, "losses": Losses, "noisy_sampling": NoisySampling, "noise": Noise}
HELPERS = {  # functions of the tests that hand their keywords on to a class
    "model": "TalkingHead",
    "mixture": "EmotionExperts",
    "network": "VideoUNet",
    "told_of": "TalkingHead",
}


def keys(cls: type) -> list[str]:
    """Names of its arguments."""
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls)]
    return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]


def in_yaml(node: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of class and key that a configuration sets."""
    if isinstance(node, dict):
        if place in VALUE_KEYS:
            yield from ((VALUE_KEYS[place].__name__, key) for key in node)
        if isinstance(node.get("init_args"), dict):
            name = str(node.get("class_path", PARTS.get(place, ""))).rpartition(".")[2]
            yield from ((name, key) for key in node["init_args"])
        for key, value in node.items():
            yield from in_yaml(value, place if key == "init_args" else str(key))
    elif isinstance(node, list):
        for item in node:
            yield from in_yaml(item, place)


def in_code(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Pairs of class and key that calls set, by keyword, by position, or as a dictionary of keywords."""
    by_name = {cls.__name__: cls for cls in (*CLASSES, *VALUES)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = HELPERS.get(called, called)
            yield from ((name, keyword.arg) for keyword in node.keywords if keyword.arg)
            if name in by_name and called == name:
                yield from ((name, key) for key, _ in zip(keys(by_name[name]), node.args, strict=False))
        if isinstance(node, ast.Dict):  # options that a parametrised test hands on
            strings = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            yield from (("", str(key)) for key in strings)


@pytest.fixture(scope="module")
def set_keys() -> dict[str, set[str]]:
    """Class -> keys that something sets; those of dictionaries stand under no class."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in ROOT.glob("configs/**/*.yaml"):
        for name, key in in_yaml(yaml.safe_load(file.read_text())):
            found[name].add(key)
    for file in ROOT.glob("tests/**/*.py"):
        for name, key in in_code(ast.parse(file.read_text())):
            found[name].add(key)
    return found


@pytest.mark.parametrize("cls", [*CLASSES, *VALUES], ids=lambda cls: cls.__name__)
def test_every_key_is_set_somewhere(cls: type, set_keys: dict[str, set[str]]) -> None:
    loose = set_keys[""] if cls.__name__ in ("TalkingHead", "CodecTraining") else set()
    assert [key for key in keys(cls) if key not in set_keys[cls.__name__] | loose] == []
