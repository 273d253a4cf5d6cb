"""What kind of thing stands where in the JSON of a result, so that a strange file is one clear line."""

import math
from typing import Any

from evaluation.metrics import METRICS

NUMBER, SOMETIMES = (int, float), (int, float, type(None))
MOST_RESAMPLES = 100_000
SHAPE: dict[str, Any] = {
    "protocol": {"tag": str, "sha256": str, "statistics": {"level": NUMBER, "resamples": int, "seed": int}},
    "system": {
        "name": str,
        "role": str,
        "checkpoint_sha256": str,
        "run_signature": str,
        "seeds": list,
        "settings": dict,
        "seconds_per_frame": SOMETIMES,
        "peak_memory_mb": SOMETIMES,
    },
    "data": {
        **{"sha256": str, "truth": str, "keys": list},
        **dict.fromkeys(("clips", "identities", "frames", "failed"), int),
    },
    "extractors": dict,
    "metrics": dict,
    "rows": list,
    "environment": dict,
    "cost": dict,
    "created": str,
    "sha256": str,
}
EXTRACTOR = {"name": str, "published": bool, "sha256": str, "provides": list}
# told by newer results; a result without it is as good
LATER = {
    "system": ("tflop_per_frame",),
    "cost": ("generation_seconds_per_frame", "generation_peak_memory_mb"),
}
METRIC = {
    "value": SOMETIMES,
    "interval": (list, type(None)),
    "n": int,
    "n_failed": int,
    "details": dict,
    "between_seeds": SOMETIMES,
}
ROW = {
    **dict.fromkeys(("key", "identity", "label", "problem"), str),
    **{"seed": int, "frames": int, "values": dict, "sums": dict},
}


def check_shape(content: dict[str, Any]) -> None:
    """Refuse a result in which something is of another kind than it must be.

    Raises:
        ValueError: with the place and what is expected there.
    """
    fits(content, SHAPE, "result")
    for section, keys in LATER.items():
        for key in keys:
            fits(content[section].get(key), SOMETIMES, f"result: {section}: {key}")
    _check_told(content["data"])
    fits(content["data"].get("reference", ""), str, "result: data: reference")
    for name, extractor in content["extractors"].items():
        fits(extractor, EXTRACTOR, f"extractor {name}")
        fits(extractor.get("doubt", ""), str, f"extractor {name}: doubt")
    for name, metric in content["metrics"].items():
        _check_known(name, "metrics")
        fits(metric, METRIC, name)
        fits(metric.get("note", ""), str, f"{name}: note")
    for row in content["rows"]:
        fits(row, ROW, "a row")
        for name, sums in row["sums"].items():
            _check_sums(name, sums, row["key"])
    plan = content["protocol"]["statistics"]
    if not (0 < plan["level"] < 1 and 0 < plan["resamples"] <= MOST_RESAMPLES and plan["seed"] >= 0):
        raise ValueError(f"statistics {plan} are out of range (at most {MOST_RESAMPLES} resamples)")


def _check_told(data: dict[str, Any]) -> None:
    """What newer results say of metrics that could not be computed, and of frame rates."""
    for name, told in _dict(data, "unmeasured").items():
        _check_known(name, "data: unmeasured")
        fits(told, {"clips": int, "why": str}, f"data: unmeasured: {name}")
    for side in _dict(data, "source_rates"):
        for rate, count in _dict(data["source_rates"], side).items():
            fits(count, int, f"data: source_rates: {side}: {rate}")
            if not rate.replace(".", "", 1).isdecimal():
                raise ValueError(f"data: source_rates: {side}: {rate!r} is no rate")


def _dict(content: dict[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key, {})
    fits(found, dict, key)
    return found


def fits(content: Any, shape: Any, where: str) -> None:
    """Refuse content of another kind than `shape` says: a type, several of them, or a dictionary of shapes.

    Raises:
        ValueError: with the place and what is expected there.
    """
    if isinstance(shape, dict):
        if not isinstance(content, dict):
            raise ValueError(f"{where} must be a JSON object")
        for key, inner in shape.items():
            if key not in content:
                raise ValueError(f"{where} lacks {key}")
            fits(content[key], inner, f"{where}: {key}")
    elif not isinstance(content, shape) or (isinstance(content, bool) and shape is not bool):
        names = " or ".join(kind.__name__ for kind in (shape if isinstance(shape, tuple) else (shape,)))
        raise ValueError(f"{where} must be {names}, got {type(content).__name__}")


def _check_known(name: str, where: str) -> None:
    if name not in METRICS:
        raise ValueError(f"{where}: this version knows no metric {name!r}")


def _check_sums(name: str, sums: Any, key: str) -> None:
    _check_known(name, key)
    width = METRICS[name]().sums.numel()
    known = isinstance(sums, list) and all(isinstance(x, NUMBER) and math.isfinite(x) for x in sums)
    if not known or len(sums) != width:
        raise ValueError(
            f"{key}: {name} needs {width} finite sums; measure a result of an older version anew"
        )
