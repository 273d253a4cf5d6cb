"""A run's directory: written once, with all that is needed to tell what was run."""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.reading import read_json
from moee.experiments.signature import SIGNED_TRAINER_KEYS, without_places
from moee.files import write_text
from moee.installed import package_version
from moee.weights.runs import is_run, read_run

SHOWN_DIFFERENCES = 4

RECORDED_PACKAGES = (
    *(
        "moee-suite",
        "lightning",
        "torch",
        "torchvision",
        "torchmetrics",
        "diffusers",
        "transformers",
        "timm",
        "webdataset",
    ),
    *("safetensors", "omegaconf", "jsonargparse", "numpy", "av", "mediapipe", "lpips", "wandb"),
)


def write_record(directory: Path, settings: dict[str, Any], parsed: dict[str, Any], provenance: dict) -> None:
    """Write `config.yaml`, `sources.json` and `environment.json`.

    Args:
        directory: of the run; made if absent.
        settings: the resolved configuration as composed.
        parsed: the same as parsed, constructor defaults filled in, for `trainer`, `model` and `data`.
        provenance: what `sources.json` holds: signature, files, overrides, digests.
    """
    from omegaconf import OmegaConf

    directory.mkdir(parents=True, exist_ok=True)
    config = settings | {key: parsed[key] for key in ("seed_everything", "trainer", "model", "data")}
    write_text(directory / "sources.json", json.dumps(provenance, indent=2) + "\n")
    write_text(directory / "environment.json", json.dumps(environment(), indent=2) + "\n")
    write_text(directory / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))


def recorded_threads(directory: Path) -> int | None:
    """Threads that a run began with; None for a run that is new, or of another machine's number of cores."""
    path = directory / "environment.json"
    if not path.is_file():
        return None
    began = read_json(path).get("hardware") or {}
    return began.get("threads") if began.get("cores") == hardware()["cores"] else None


def environment() -> dict[str, Any]:
    """Versions, git state, hardware and command of this process."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: number for name in RECORDED_PACKAGES if (number := package_version(name))},
        "git": git_state(),
        "hardware": hardware(),
    }


def git_state() -> dict[str, Any] | None:
    """Commit of the checkout this package lies in, and whether it has changes; None outside a checkout."""
    folder = Path(__file__).resolve().parents[2]
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def hardware() -> dict[str, Any]:
    """Processor, cores, threads and CUDA devices that torch sees."""
    import torch

    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": cuda,
    }


def processor() -> str:
    """Model name of the processor where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def other_runs(root: Path, name: str) -> list[Path]:
    """Run directories of an experiment, the one begun last at the end."""
    runs = [
        path for path in root.glob(f"{name}-*") if re.fullmatch(r"[0-9a-f]{8}", path.name[len(name) + 1 :])
    ]
    return sorted(filter(is_run, runs), key=lambda path: (path / "config.yaml").stat().st_mtime)


def differences(directory: Path, config: Mapping[str, Any]) -> str:
    """What tells a run from another configuration of the same experiment, as words: keys, both values.

    Args:
        directory: of the run.
        config: resolved, constructor defaults filled in.
    """
    before, now = (dict(_dotted(_signed(settings))) for settings in (read_run(directory), config))
    keys = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
    shown = [f"{key} ({before.get(key)}, now {now.get(key)})" for key in keys[:SHOWN_DIFFERENCES]]
    more = [f"{len(keys) - len(shown)} more"] if len(keys) > len(shown) else []
    return ", ".join([*shown, *more]) or "the content of its data or initial weights"


def _signed(settings: Mapping[str, Any]) -> dict[str, Any]:
    trainer = {key: settings["trainer"].get(key) for key in SIGNED_TRAINER_KEYS}
    weights = {part: name for part, name in (settings.get("initial_weights") or {}).items() if name}
    signed = {key: settings.get(key) for key in ("seed_everything", "model")}
    signed["data"] = without_places(settings["data"])
    return signed | {"trainer": trainer, "initial_weights": weights}


def _dotted(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    if not isinstance(node, Mapping):
        yield path, node
        return
    for key, value in node.items():
        yield from _dotted(value, f"{path}.{key}" if path else str(key))
