"""What made a folder of videos, as a file tells it that goes with them."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.result import System

KEYS = {
    "sampled_by": (str,),
    "evaluated_by": (str,),
    "checkpoint_sha256": (str,),
    "run_signature": (str,),
    "seeds": (list,),
    "settings": (dict,),
    "seconds_per_frame": (int, float),
    "peak_memory_mb": (int, float),
}


def read_system(path: Path | None, name: str) -> "System":
    """The system of that name with what the file tells of it; without a file the name is all.

    Who sampled and who evaluated stand among its settings, which a result's sha256 covers.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: for broken JSON, an unknown key, or a value of another kind.
    """
    from evaluation.result import System

    if path is None:
        return System(name)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        content = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    known = _checked(content, path)
    people = {key: known.pop(key) for key in ("sampled_by", "evaluated_by") if key in known}
    return System(name, **known | {"settings": known.get("settings", {}) | people})


def _checked(content: Any, path: Path) -> dict[str, Any]:
    from moee.explain import unknown_key

    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected one JSON object")
    for key, value in content.items():
        if key not in KEYS:
            raise ValueError(f"{path}: {unknown_key('system', key, KEYS)}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise ValueError(
                f"{path}: {key} must be {' or '.join(k.__name__ for k in KEYS[key])}, got {value!r}"
            )
        if key in ("seconds_per_frame", "peak_memory_mb") and not 0 < value < float("inf"):
            raise ValueError(f"{path}: {key} must be positive, got {value!r}")
    if not all(type(seed) is int for seed in content.get("seeds", [])):
        raise ValueError(f"{path}: seeds must be whole numbers, got {content['seeds']!r}")
    mark = content.get("checkpoint_sha256")
    if mark is not None and not re.fullmatch("[0-9a-f]{64}", mark):
        raise ValueError(f"{path}: checkpoint_sha256 must be 64 hexadecimal digits, got {mark!r}")
    return dict(content)
