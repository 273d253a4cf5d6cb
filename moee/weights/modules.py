"""Weights as files: a state dict in safetensors whose header holds the configuration of its module."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from moee.config_errors import (
    first_dictionary_problem,
    first_module_problem,
    innermost_line,
    restrict_imports,
    unknown_name,
)
from moee.weights import registry
from moee.weights.moved_classes import with_present_names

SHOWN_KEYS = 3
EXPORTS = Path("weights")


def locate_weights(name: str | Path) -> Path:
    """A safetensors file by its path, or by its stem: own exports go before registered networks.

    Own exports are looked for in the folder `weights` of the working directory, then in `$MOEE_WEIGHTS`.

    Raises:
        FileNotFoundError: if nothing of that name is there.
    """
    path = Path(name)
    if is_file_name(name):
        if not path.is_file():
            raise FileNotFoundError(f"no weights file {path}")
        return path
    for folder in (EXPORTS, *registry.folders()):
        if (folder / f"{name}.safetensors").is_file():
            return folder / f"{name}.safetensors"
    if registry.is_registered(str(name)):
        return registry.find(str(name))
    known = [network.name for network in registry.networks()]
    what = f"no {name}.safetensors in ./{EXPORTS} or $MOEE_WEIGHTS (`moee export` writes it)"
    raise FileNotFoundError(unknown_name(what, str(name), known))


def is_file_name(name: str | Path) -> bool:
    """Whether `locate_weights` takes it for a path: by its ending, or because such a file is there."""
    return Path(name).suffix == ".safetensors" or Path(name).is_file()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or not a safetensors file: {error}") from None


def read_state(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file by name."""
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def read_metadata(path: Path) -> dict[str, Any]:
    """The JSON values of a safetensors header.

    Raises:
        ValueError: if the file was not written by `moee export`.
    """
    with _opened(path) as file:
        header = file.metadata() or {}
    try:
        return {key: json.loads(value) for key, value in header.items()}
    except json.JSONDecodeError:
        raise ValueError(
            f"{path}: its header is not ours; `moee export` writes files that can be loaded"
        ) from None


def load_strictly(module: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Copy every tensor into the module; all names and shapes must agree.

    Raises:
        ValueError: one line with counts and first names of what is missing, unexpected, misshapen or NaN.
    """
    own = module.state_dict()
    faults = {
        "missing": sorted(own.keys() - state.keys()),
        "unexpected": sorted(state.keys() - own.keys()),
        "of another shape": [
            f"{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}"
            for name in sorted(own.keys() & state.keys())
            if own[name].shape != state[name].shape
        ],
        "with values that are no numbers": sorted(name for name in state if state[name].isnan().any()),
    }
    parts = [_listed(what, names) for what, names in faults.items() if names]
    if parts:
        raise ValueError(f"{source} does not fit {type(module).__name__}: {'; '.join(parts)}")
    module.load_state_dict(state)


def _listed(what: str, names: list[str]) -> str:
    more = ", ..." if len(names) > SHOWN_KEYS else ""
    return f"{len(names)} {what} ({', '.join(names[:SHOWN_KEYS])}{more})"


def apply_weights(model: nn.Module, part: str, path: Path) -> None:
    """Start a named submodule (`""` is the whole model) from a file."""
    try:
        module = model.get_submodule(part)
    except AttributeError:
        known = [name for name, _ in model.named_children()]
        raise ValueError(unknown_name(f"initial_weights.{part}", part, known)) from None
    load_strictly(module, read_state(path), str(path))


def build_module(config: dict[str, Any], source: str = "config") -> nn.Module:
    """A module from its `class_path`/`init_args` tree, checked like an experiment's.

    Raises:
        ValueError: one line for a class outside the allowed packages, an unknown key, a wrong type.
    """
    restrict_imports()
    config = with_present_names(config)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(nn.Module, "module", required=True)
    try:
        parsed = parser.parse_object({"module": config})
    except ArgumentError as error:
        line = first_module_problem(config) or innermost_line(str(error))
        raise ValueError(f"{source}: {line}") from None
    if line := first_dictionary_problem({"config": config}):
        raise ValueError(f"{source}: {line}")
    return parser.instantiate_classes(parsed)["module"]


def load_module(path: str | Path) -> nn.Module:
    """The module that `moee export` wrote to a file (or a shipped one by its name), in evaluation mode.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: one line for a damaged file, a foreign one, or one of another architecture.
    """
    path = locate_weights(path)
    metadata = read_metadata(path)
    if not isinstance(metadata.get("config"), dict):
        raise ValueError(f"{path}: its header has no `config`; `moee export` writes files that can be loaded")
    state = read_state(path)
    module = build_module(with_keys_of_its_age(metadata["config"], state), str(path))
    load_strictly(module, state, str(path))
    return module.eval()


def with_keys_of_its_age(config: dict[str, Any], state: Iterable[str]) -> dict[str, Any]:
    """The configuration of a module with keys that did not exist when it was exported but its weights show.

    Today one: an older `EmotionToLatents` has `direct.weight`, which `bypass` stands for now.
    """
    prefix = "" if "direct.weight" in state else "latent_generator."
    if f"{prefix}direct.weight" not in state:
        return config
    if not prefix:
        return config | {"init_args": {"bypass": True} | config.get("init_args", {})}
    arguments = dict(config.get("init_args", {}))
    generator = arguments.get("latent_generator")
    if isinstance(generator, dict):
        arguments["latent_generator"] = with_keys_of_its_age(generator, ["direct.weight"])
    return config | {"init_args": arguments}
