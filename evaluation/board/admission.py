"""Which results may enter a leaderboard: whole, unchanged, of a known origin. The others, and why not."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from evaluation.metrics import METRICS
from evaluation.result import ROLES, Result

NUMBER, SOMETIMES = (int, float), (int, float, type(None))
MOST_RESAMPLES = 100_000
ORIGINS = ("sampled_by", "command", "revision")  # settings that tell what made the videos
LONGEST_NAME, LONGEST_KEY = 80, 300  # characters of a system's name; of a clip, a person, an emotion
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
        **{"sha256": str, "truth": str},
        **dict.fromkeys(("clips", "identities", "frames", "failed"), int),
    },
    "extractors": dict,
    "metrics": dict,
    "rows": list,
    "environment": dict,
    "created": str,
}
EXTRACTOR = {"name": str, "published": bool, "sha256": str, "provides": list}
ROW = {
    **dict.fromkeys(("key", "identity", "label", "problem"), str),
    **{"seed": int, "frames": int, "values": dict, "sums": dict},
}


@dataclass(frozen=True)
class Refusal:
    """A result that does not enter.

    Args:
        source: name of the file, or of the system where there is none.
        reason: one line.
    """

    source: str
    reason: str


def admit(results: Sequence[Result | Path]) -> tuple[list[Result], list[Refusal]]:
    """The results that may enter, read where they are paths, and the others with the reason."""
    admitted: list[Result] = []
    refused: list[Refusal] = []
    for item in results:
        try:
            result = item if isinstance(item, Result) else _read(Path(item))
            _check_origin(result)
        except (ValueError, OSError) as error:
            refused.append(_refusal(item, error))
        else:
            admitted.append(result)
    return admitted, refused


def _refusal(item: Result | Path, error: Exception) -> Refusal:
    """Without the folders of this machine, which are nobody's business on a page."""
    reason = " ".join(str(error).split())
    if isinstance(item, Result):
        return Refusal(str(item.system.get("name", "unnamed")), reason)
    path = Path(item)
    plain = reason.replace(str(path), path.name)
    if path.parent.name:  # neither the folder one stands in, a mere full stop, nor the root
        plain = plain.replace(str(path.parent), "")
    return Refusal(path.name, plain.removeprefix(f"{path.name}: "))


def _read(path: Path) -> Result:
    try:
        content = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError("it is not a result: expected one JSON object")
    if "schema_version" in content and "rows" in content:  # else `Result.read` says what is wrong
        check_shape(content)
        _check_sums_file(content.get("sums_file"), path)
    try:
        return Result.read(path)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"its parts do not fit together: {error}") from None


def check_shape(content: dict[str, Any]) -> None:
    """Refuse a result in which something is of another kind than it must be.

    Raises:
        ValueError: with the place and what is expected there.
    """
    _fits(content, SHAPE, "result")
    for name, extractor in content["extractors"].items():
        _fits(extractor, EXTRACTOR, f"extractor {name}")
    for row in content["rows"]:
        _fits(row, ROW, "a row")
        for name, sums in row["sums"].items():
            _check_sums(name, sums, row["key"])
    plan = content["protocol"]["statistics"]
    if not (0 < plan["level"] < 1 and 0 < plan["resamples"] <= MOST_RESAMPLES and plan["seed"] >= 0):
        raise ValueError(f"statistics {plan} are out of range (at most {MOST_RESAMPLES} resamples)")


def _fits(content: Any, shape: Any, where: str) -> None:
    if isinstance(shape, dict):
        if not isinstance(content, dict):
            raise ValueError(f"{where} must be a JSON object")
        for key, inner in shape.items():
            if key not in content:
                raise ValueError(f"{where} lacks {key}")
            _fits(content[key], inner, f"{where}: {key}")
    elif not isinstance(content, shape) or (isinstance(content, bool) and shape is not bool):
        names = " or ".join(kind.__name__ for kind in (shape if isinstance(shape, tuple) else (shape,)))
        raise ValueError(f"{where} must be {names}, got {type(content).__name__}")


def _check_sums(name: str, sums: Any, key: str) -> None:
    if name not in METRICS:
        raise ValueError(f"{key}: this version knows no metric {name!r}")
    width = METRICS[name]().sums.numel()
    known = isinstance(sums, list) and all(isinstance(x, NUMBER) and math.isfinite(x) for x in sums)
    if not known or len(sums) != width:
        raise ValueError(f"{key}: {name} needs {width} finite sums")


def _check_sums_file(about: Any, path: Path) -> None:
    if about is None:
        return
    _fits(about, {"name": str, "sha256": str}, "sums_file")
    if about["name"] != path.with_suffix(".sums.safetensors").name:
        raise ValueError(f"its sums must lie in {path.with_suffix('.sums.safetensors').name} beside it")


def _check_origin(result: Result) -> None:
    """What a row needs to stand in a table; see `missing_origin`."""
    system, data = result.system, result.data
    for row in result.rows:
        for text in (row.key, row.identity, row.label):
            _check_name(text, LONGEST_KEY)
    marks = [extractor["name"] for extractor in result.extractors.values()]
    for text in (system["name"], result.tag, *result.extractors, *marks):
        _check_name(text, LONGEST_NAME)
    if not system["name"].strip() or system["role"] not in ROLES:
        raise ValueError(f"a system needs a name and a role among {', '.join(ROLES)}")
    counted = {
        "clips": len({row.key for row in result.rows}),
        "identities": len({row.identity for row in result.rows}),
        "failed": sum(bool(row.problem) for row in result.rows),
    }
    for what, count in counted.items():
        if data[what] != count:
            raise ValueError(f"it claims {data[what]} {what}, its rows give {count}")
    _check_details(result)
    missing = missing_origin(result)
    if missing:
        raise ValueError(f"no provenance: it does not tell {', '.join(missing)}")


def _check_name(text: str, longest: int) -> None:
    if not text.isprintable() or len(text) > longest:
        raise ValueError(f"{text[:40]!a}: a name must be printable and at most {longest} characters long")


def _check_details(result: Result) -> None:
    """What stands beside a value must follow from the rows as the value does."""
    for name, record in result.metrics.items():
        sums_NK = result.sums_of(name)[0]
        known = record["value"] is not None
        found = METRICS[name]().details(sums_NK.sum(0)) if known else {}
        if not _alike(record.get("details"), found):
            raise ValueError(f"{name}: its details do not follow from its rows")


def _alike(claimed: Any, found: Any) -> bool:
    if isinstance(found, dict) and isinstance(claimed, dict):
        return claimed.keys() == found.keys() and all(_alike(claimed[key], found[key]) for key in found)
    if isinstance(found, list | tuple) and isinstance(claimed, list | tuple):
        return len(claimed) == len(found) and all(map(_alike, claimed, found))
    if isinstance(found, float) and isinstance(claimed, NUMBER):
        return bool(
            torch.isclose(torch.tensor(float(claimed)), torch.tensor(found), atol=1e-6, equal_nan=True)
        )
    return claimed == found


def missing_origin(result: Result) -> list[str]:
    """What a row does not tell of where it comes from; empty where all is told.

    A system needs what made its videos (a checkpoint's sha256, a run's signature, or in its settings who
    sampled them or the command or revision of another code base) and the seeds. Every row needs the time and
    the environment of its evaluation and the sha256 of protocol, data and networks.
    """
    system = result.system
    told_in_settings = any(system["settings"].get(key) for key in ORIGINS)
    made = system["checkpoint_sha256"] or system["run_signature"] or told_in_settings
    hashes = {"protocol": result.protocol["sha256"], "data": result.data["sha256"]}
    hashes |= {name: extractor["sha256"] for name, extractor in result.extractors.items()}
    told = {
        "what made the videos (checkpoint_sha256, run_signature or settings.sampled_by)": made
        or system["role"] != "system",
        "the seeds": system["seeds"],
        "when it was evaluated": result.created,
        "where it was evaluated": result.environment,
        **{f"the sha256 of {name}": re.fullmatch("[0-9a-f]{64}", mark) for name, mark in hashes.items()},
    }
    return [what for what, known in told.items() if not known]
