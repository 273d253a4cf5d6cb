"""Where each row comes from, as the page tells it."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from evaluation.comparison.tables import text_of
from evaluation.leaderboard.breakdown import group_values
from evaluation.leaderboard.scores import EMBEDDED
from evaluation.metrics import METRICS
from evaluation.pages.page import render
from evaluation.results.data import rate_lines, unmeasured_lines
from evaluation.results.failures import failures
from evaluation.results.notes import clips_without_value, reasons_without_value
from evaluation.results.result import Result


def provenance(result: Result) -> Markup:
    """Where the numbers of a row come from: who sampled, who evaluated, with what."""
    name, competes = result.system["name"], result.system["role"] == "system"
    items = [*_sampling(result), *_measuring(result), *_findings(result)]
    return render("provenance.html.j2", {"name": name, "searched": competes, "items": items})


def _sampling(result: Result) -> list[tuple[str, str]]:
    system, settings = result.system, dict(result.system["settings"])
    sampled, evaluated = (str(settings.pop(key, "not told")) for key in ("sampled_by", "evaluated_by"))
    seconds, memory = result.seconds_per_frame, result.peak_memory_mb
    operations = system.get("tflop_per_frame")
    mine = system["role"] == "system"
    return [
        ("sampled by", sampled if mine else ""),
        ("evaluated by", evaluated if mine else ""),
        ("checkpoint", system["checkpoint_sha256"]),
        ("run", system["run_signature"]),
        ("seeds", ", ".join(map(str, system["seeds"]))),
        ("settings", ", ".join(f"{key} {value}" for key, value in settings.items())),
        ("generation", f"{seconds * 1000:.1f} ms a frame" if seconds else ""),
        ("operations", f"{operations:.3g} TFLOP a frame" if operations else ""),
        ("peak memory", f"{memory:.0f} MB" if memory else ""),
    ]


def _measuring(result: Result) -> list[tuple[str, str]]:
    data, environment = result.data, result.environment
    failed = f"{data['failed']} failed (left out and counted)"
    return [
        ("clips", f"{len(result.rows)}, {failed}, {data['frames']} frames"),
        ("failed", " · ".join(failures(result.rows))),
        ("not measured", " · ".join(unmeasured_lines(result))),
        ("without a value", " · ".join(_valueless(result))),
        ("frame rates", " · ".join(rate_lines(result))),
        ("truth", f"{data['truth']}, sha256 {data['sha256']}"),
        ("compared with the reference", data.get("reference", "")),
        ("protocol", f"{result.tag}, sha256 {result.protocol['sha256']}"),
        *((f"measured by {e['name']}", _origin(e)) for e in result.extractors.values()),
        ("evaluated", f"{result.created}, {', '.join(f'{k} {v}' for k, v in environment.items())}"),
        ("result", f"sha256 {result.digest}"),
    ]


def _valueless(result: Result) -> list[str]:
    return [*clips_without_value(result.rows), *reasons_without_value(result.metrics)]


def _origin(extractor: Mapping[str, Any]) -> str:
    kind = f"published network, {extractor['doubt']}" if extractor.get("doubt") else "published network"
    return f"{kind if extractor['published'] else EMBEDDED}, sha256 {extractor['sha256']}"


def _findings(result: Result) -> list[tuple[str, str]]:
    """What stands beside the numbers: recalls, action units, what was left out, values of each seed."""
    items = []
    for name, text in (("emotion_accuracy", "recall"), ("au_correlation", "per_unit")):
        values = result.metrics.get(name, {}).get("details", {}).get(text) or {}
        items.append((METRICS[name].title, ", ".join(f"{key} {text_of(v)}" for key, v in values.items())))
    left_out = result.metrics.get("au_correlation", {}).get("details", {}).get("excluded_constant") or []
    items.append(("left out as constant", ", ".join(left_out)))
    if len({row.seed for row in result.rows}) > 1:
        for name in result.metrics:
            values = group_values(result, name, "seed")
            texts = [f"{seed}: {text_of(value)}" for seed, value in values.items()]
            items.append((f"{METRICS[name].title} by seed", ", ".join(texts)))
    return items
