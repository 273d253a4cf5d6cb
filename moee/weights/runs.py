"""A run's directory as a place of weights: its configuration, its newest checkpoint, its whole model."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zipfile import is_zipfile

from moee.weights.registry import is_registered

if TYPE_CHECKING:
    from torch import nn

CHECKPOINTS = "checkpoints"


def newest_checkpoint(directory: Path) -> Path | None:
    """The checkpoint of a run with the most steps.

    Raises:
        ValueError: if it is damaged.
    """
    newest = max((directory / CHECKPOINTS).glob("step=*.ckpt"), default=None)
    if newest is not None:
        check_whole(newest)
    return newest


def check_whole(checkpoint: Path) -> None:
    """Nothing for a file that torch wrote to its end: a zip archive, whose directory comes last.

    Raises:
        ValueError: for any other.
    """
    if not is_zipfile(checkpoint):
        raise ValueError(f"{checkpoint} is damaged or cut off: delete it, then the one before it is used")


def step_of(checkpoint: Path) -> int:
    """Optimizer steps before a checkpoint, as its name `step=00000500.ckpt` tells."""
    return int(checkpoint.stem.partition("=")[2])


def is_run(directory: Path) -> bool:
    """Whether a folder is that of a run."""
    return (directory / "config.yaml").is_file()


def read_run(directory: Path) -> dict[str, Any]:
    """The resolved configuration of a run directory.

    Raises:
        FileNotFoundError: if it is no run directory.
        ValueError: if its configuration is not readable.
    """
    from omegaconf import OmegaConf

    from evaluation.reading import read_yaml

    if not is_run(directory):
        raise FileNotFoundError(f"{directory} is not a run directory: it has no config.yaml")
    return cast("dict[str, Any]", OmegaConf.to_container(read_yaml(directory / "config.yaml")))


def is_of_a_run(path: Path) -> bool:
    """Whether `load_run` is to read it: a checkpoint, or a folder that no network is called like."""
    folder = path.is_dir() and (is_run(path) or not is_registered(str(path)))
    return folder or path.suffix == ".ckpt"


def load_run(path: Path) -> "tuple[nn.Module, Path]":
    """The whole model of a run as its newest checkpoint has it, in evaluation mode, and that checkpoint.

    Args:
        path: a run directory, or one of the checkpoints in it.

    Raises:
        FileNotFoundError: if it is neither, or the run has no checkpoint yet.
        ValueError: in one line, if checkpoint and configuration do not fit each other.
    """
    import torch

    from moee.weights.modules import build_module, load_strictly, with_keys_of_its_age

    directory, checkpoint = _run_and_checkpoint(path)
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if not isinstance(content, dict) or "state_dict" not in content:
        raise ValueError(f"{checkpoint} is no checkpoint of Lightning: it has no `state_dict`")
    config = with_keys_of_its_age(without_optimizer(read_run(directory)["model"]), content["state_dict"])
    model = build_module(config, str(directory))
    load_strictly(model, content["state_dict"], str(checkpoint))
    return model.eval(), checkpoint


def _run_and_checkpoint(path: Path) -> tuple[Path, Path]:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such run directory or checkpoint")
    if path.is_dir():
        if not is_run(path):
            raise FileNotFoundError(
                f"{path} is not a run directory: it has no config.yaml; name a run in runs/, one of its "
                "checkpoints, or a file that `moee export RUN` writes"
            )
        checkpoint = newest_checkpoint(path)
        if checkpoint is None:
            raise FileNotFoundError(f"{path} has no checkpoint yet")
        return path, checkpoint
    directory = path.resolve().parent.parent
    if not is_run(directory):
        raise FileNotFoundError(
            f"{path} does not lie in the checkpoints/ of a run directory, whose config.yaml says how to "
            "build it: put it back there, or give a file that `moee export RUN` writes"
        )
    check_whole(path)
    return directory, path


def without_optimizer(config: dict[str, Any]) -> dict[str, Any]:
    """A copy that does not say how the part was trained: who runs it needs no optimizer, nor its package."""
    arguments = {name: value for name, value in config.get("init_args", {}).items() if name != "optimizer"}
    return config | {"init_args": arguments}
