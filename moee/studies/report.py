"""The outcome of a study: lines for the terminal, a record for JSON, a page with pictures."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from markupsafe import Markup

from evaluation.pages.page import page, render
from evaluation.protocol import digest_of
from evaluation.results.environment import environment, peak_memory_mb
from evaluation.runtime.devices import device_name
from evaluation.runtime.whole_files import write_whole
from moee.files import write_text
from moee.generation.generator import LoadedGenerator
from moee.studies.bench import FIRST_SEED, INTENSITY, Bench

SCHEMA_VERSION = 1
EMBEDDED = (
    "Measured by the embedded judges, small networks trained on renderings; not the published networks."
)
Interval = Sequence[float] | None


@dataclass
class Report:
    """The outcome of a study.

    Args:
        title: of the page.
        intro: what was done and how to read it, for the page.
        lines: the table, as printed.
        findings: for the record; plain data.
        figures: HTML of the page; empty where there is no picture.
        measured_by: for the page, which networks looked.
    """

    title: str
    intro: str
    lines: list[str]
    findings: dict[str, Any]
    figures: list[Markup] = field(default_factory=list)
    measured_by: str = EMBEDDED

    def page(self) -> str:
        """One HTML document without any network."""
        values = {"figures": self.figures, "lines": self.lines, "measured_by": self.measured_by}
        return page(self.title, self.intro, render("study.html.j2", values), style="lines.css")


def record(
    study: str, report: Report, about: Mapping[str, Any], device: torch.device, began: float
) -> dict[str, Any]:
    """What the JSON holds: the findings and all they rest on, with a sha256 that no clock changes.

    Args:
        study: its name.
        report: what it found.
        about: system, judges and data, each as plain data.
        device: where networks computed.
        began: `time.perf_counter()` at the start.
    """
    content: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "study": study, **about}
    content["findings"] = plain(report.findings)
    content["sha256"] = digest_of(content)
    return content | {
        "environment": environment() | {"device": device_name(device)},
        "cost": {"seconds": time.perf_counter() - began, "peak_memory_mb": peak_memory_mb()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def about_bench(bench: Bench, generator: LoadedGenerator) -> dict[str, Any]:
    """System, judges and data of a study of a network.

    Args:
        bench: what it works on.
        generator: the network and its file.
    """
    return {
        "system": {
            "checkpoint": generator.path.name,
            "checkpoint_sha256": generator.sha256,
            "steps": bench.steps,
            "emotion_strength": generator.network.emotion_strength,
            "seeds": list(range(bench.seeds)),
        },
        "judges": {
            judge.name: {"sha256": judge.fingerprint, "published": judge.published}
            for judge in (bench.judge, bench.identity)
        },
        "data": {
            "source": "synthetic people of the test split",
            "first_seed": FIRST_SEED,
            "clips": bench.clips,
            "frames": bench.frames,
            "intensity": INTENSITY,
        },
    }


def write_report(out: Path, content: dict, report: Report) -> list[Path]:
    """The JSON, and the page beside it where the study has a picture; their paths."""
    write_text(out, json.dumps(content, indent=1, allow_nan=False) + "\n")
    if not report.figures:
        return [out]
    beside = out.with_suffix(".html")
    write_whole(beside, report.page())
    return [out, beside]


def plain(value: Any) -> Any:
    """Dataclasses, tuples and mappings as JSON knows them."""
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def with_interval(value: float | None, interval: Interval, digits: int = 2) -> str:
    """A number and its interval, as tables print them."""
    if value is None:
        return "-"
    texts = [f"{round(x, digits) + 0.0:.{digits}f}" for x in (value, *(interval or ()))]  # no minus zero
    return texts[0] + (f" [{texts[1]}, {texts[2]}]" if interval else "")
