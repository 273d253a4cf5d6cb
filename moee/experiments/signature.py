"""What decides a run's result, in eight hexadecimal digits."""

import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from datamodules.digest import KnowsItsClips
from moee.weights.registry import sha256_of

WITHOUT_DATA, WITHOUT_WEIGHTS = "without-data", "without-weights"  # instead of a signature
SIGNED_TRAINER_KEYS = (
    *("max_steps", "max_epochs", "min_steps", "min_epochs", "max_time", "precision", "gradient_clip_val"),
    *("gradient_clip_algorithm", "accumulate_grad_batches", "limit_train_batches", "overfit_batches"),
    *("reload_dataloaders_every_n_epochs", "callbacks"),
)


def signature(parsed: Mapping[str, Any], weights: Mapping[str, Path], data_digest: str | None) -> str:
    """Of seed, model, data, the trainer's keys that change results, initial weights and the clips themselves.

    Args:
        parsed: `seed_everything`, `model`, `data` and `trainer`, constructor defaults filled in.
        weights: part of the model -> file that it starts from.
        data_digest: what the data module says of its clips; None if it says nothing. Where it says something,
            the clips may lie anywhere.
    """
    signed = {key: parsed[key] for key in ("seed_everything", "model", "data")}
    if data_digest is not None:
        signed["data"] = without_places(parsed["data"])
    signed["trainer"] = {key: parsed["trainer"][key] for key in SIGNED_TRAINER_KEYS}
    signed["initial_weights"] = {part: sha256_of(path) for part, path in weights.items()}
    text = json.dumps(signed | {"data_digest": data_digest}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def digest_of_data(data: Mapping[str, Any]) -> str | None:
    """What the data module of a checked `class_path` tree says its clips are; None if it says nothing.

    The module alone is built for it, and nothing of its data is made.

    Raises:
        FileNotFoundError: if the data are not there.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(_data_class(data), "data")
    parsed = parser.parse_object({"data": data.get("init_args") or {}})
    module = parser.instantiate_classes(parsed)["data"]
    return module.digest() if isinstance(module, KnowsItsClips) else None


def without_places(data: Mapping[str, Any]) -> dict[str, Any]:
    """A `class_path` tree of a data module without the arguments that only say where its clips lie."""
    places = getattr(_data_class(data), "places", ())
    arguments = {name: value for name, value in (data.get("init_args") or {}).items() if name not in places}
    return {**data, "init_args": arguments}


def _data_class(data: Mapping[str, Any]) -> type:
    module_name, _, name = data["class_path"].rpartition(".")
    return getattr(import_module(module_name), name)
