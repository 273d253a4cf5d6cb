"""Weights of a run as safetensors files that `load_module` builds and loads."""

import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

DTYPES = ("float32", "float16", "bfloat16")


def export(
    directory: str | Path, out: str | Path = "weights", dtype: str = "float32", force: bool = False
) -> list[Path]:
    """Write each file of the run's `export:` section, build it again and load it back; returns the files.

    Args:
        directory: of the run.
        out: the folder to fill.
        dtype: of floating tensors, one of `DTYPES`.
        force: write over files that another run made; without it only over this run's own.

    Raises:
        FileNotFoundError: if this is no run directory, or it has no checkpoint.
        FileExistsError: if a file of that name is another run's; nothing is written then.
        ValueError: if the run exports nothing, or names a part that its model has not.
    """
    import torch

    from moee.weights.modules import load_module
    from moee.weights.runs import newest_checkpoint, read_run, without_optimizer

    directory, out = Path(directory), Path(out)
    settings, checkpoint = read_run(directory), newest_checkpoint(directory)
    if checkpoint is None:
        raise FileNotFoundError(f"{directory} has no checkpoint yet")
    if not settings.get("export"):
        raise ValueError(
            f"{directory}: its experiment has no `export:` section, so there is nothing to write"
        )
    check_exports(out, settings["export"])
    signature = json.loads((directory / "sources.json").read_text())["signature"]
    if not force:
        refuse_another_runs(out, settings["export"], settings["name"], signature)
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    origin = _origin(directory, settings["name"], content["global_step"])
    written = []
    for name, part in settings["export"].items():
        config = without_optimizer(part_config(settings["model"], part))
        if part:
            config = with_derived_arguments(config, settings["model"], part)
        state = part_state(content["state_dict"], part, getattr(torch, dtype))
        written.append(_write(out / name, state, {"config": config, "part": part, **origin}))
        load_module(written[-1])
    return written


def check_exports(out: Path, names: Iterable[str]) -> None:
    """Refuse, before the work whose weights they hold, files that could not be written.

    Raises:
        OSError: as `check_folder` and `check_writable`.
    """
    from moee.files import check_folder, check_writable

    check_folder(out)
    for name in names:
        check_writable(out / name)


def refuse_another_runs(out: Path, names: Iterable[str], experiment: str, signature: str) -> None:
    """Nothing, if no file of those names in a folder was made by another run.

    Raises:
        FileExistsError: otherwise; one line with both runs, and what to do.
    """
    for name in names:
        maker = maker_of(out / name)
        if maker is not None and maker != f"{experiment}-{signature}":
            raise FileExistsError(
                f"{out / name} was made by {maker}, this run is {experiment}-{signature}: move it away, "
                "or add --force to write over it"
            )


def maker_of(path: Path) -> str | None:
    """Who made a weights file, as the names of run directories go; None where there is no file."""
    from moee.weights.modules import read_metadata

    if not path.is_file():
        return None
    try:
        header = read_metadata(path)
    except ValueError:
        return "something else than `moee export`"
    if not {"experiment", "signature"} <= header.keys():
        return "something else than `moee export`"
    return f"{header['experiment']}-{header['signature']}"


def part_config(model: dict[str, Any], part: str) -> dict[str, Any]:
    """The `class_path`/`init_args` tree of a submodule.

    It stands in the model's own tree, where attributes are named like arguments. A part that its parent makes
    itself can be exported if its constructor needs no arguments.

    Raises:
        ValueError: if there is no such part, or nothing tells how to build it.
    """
    node: Any = model
    for name in part.split(".") if part else ():
        inside = node.get("init_args") if "class_path" in node else node
        node = (inside or {}).get(name)
        if not isinstance(node, dict):
            return _plain_config(model, part)
    return node if "class_path" in node else _plain_config(model, part)


def with_derived_arguments(config: dict[str, Any], model: dict[str, Any], part: str) -> dict[str, Any]:
    """A part's configuration with the sizes that it took from the other parts, so that it builds alone."""
    from lightning_modules.interfaces import ConnectedPart
    from moee.weights.modules import build_module

    module = build_module(model, "model").get_submodule(part)
    derived = module.derived_arguments() if isinstance(module, ConnectedPart) else {}
    return config | {"init_args": config.get("init_args", {}) | derived}


def _plain_config(model: dict[str, Any], part: str) -> dict[str, Any]:
    from moee.config_errors import unknown_name
    from moee.weights.modules import build_module

    parts = dict(build_module(model, "model").named_modules())
    if part not in parts:
        known = [name for name in parts if name and "." not in name]
        raise ValueError(unknown_name(f"export: no part {part!r} in the model", part, known))
    kind = type(parts[part])
    needed = [p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty]
    if needed:
        raise ValueError(
            f"export: {part!r} is a {kind.__name__} that the configuration does not name and that needs "
            f"{', '.join(needed)}; make it an argument of the model"
        )
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": {}}


def part_state(state: "dict[str, Tensor]", part: str, dtype: Any) -> "dict[str, Tensor]":
    """Tensors below a submodule, without its prefix, floating ones in `dtype`."""
    prefix = f"{part}." if part else ""
    chosen = {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}
    return {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).clone().contiguous()
        for name, tensor in chosen.items()
    }


def _origin(directory: Path, experiment: str, step: int) -> dict[str, Any]:
    sources = json.loads((directory / "sources.json").read_text())
    environment = json.loads((directory / "environment.json").read_text())
    return {
        "experiment": experiment,
        "signature": sources["signature"],
        "step": step,
        "data_digest": sources["data_digest"],
        "git": environment["git"],
    }


def _write(path: Path, state: "dict[str, Tensor]", header: dict[str, Any]) -> Path:
    from safetensors.torch import save_file

    from moee.files import replacing

    with replacing(path) as partial:
        save_file(state, partial, metadata={key: json.dumps(value) for key, value in header.items()})
    return path
