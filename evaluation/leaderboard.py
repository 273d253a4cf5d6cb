"""Results to a leaderboard: one HTML page, CSV and Markdown. Rows share a table only where that is honest."""

import base64
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from evaluation.metrics import METRICS
from evaluation.page import badge, definitions, disclosure, page
from evaluation.result import Result
from evaluation.tables import (
    ORDER,
    Table,
    arrow,
    as_csv,
    as_markdown,
    best,
    blind,
    group,
    is_embedded,
    shown,
    text_of,
)

INTRO = (
    "Every number is computed from one row per clip, with a 95 % interval that draws whole people. "
    "Ceiling rows are real video, floor rows are what a system must beat; "
    "a metric can only rank systems between them."
)
EMBEDDED = "embedded, not the published network"
LARGEST_VIDEO = 8 * 2**20  # bytes; videos lie inside the page


def build_leaderboard(
    results: Sequence[Result | Path],
    out: Path,
    videos: Mapping[str, Mapping[str, Path]] | None = None,
    title: str = "Emotional talking heads",
) -> Path:
    """Write `index.html`, `leaderboard.csv` and `leaderboard.md` into a folder; the path of the page.

    Args:
        results: records or paths of result JSON files; each file is validated as it is read.
        out: folder, made where missing.
        videos: system name -> caption -> video file, put into the page itself.
        title: of the page.

    Raises:
        ValueError: without results, for two of one name in one table, a bad result file, or a video over 8
            MiB.
    """
    loaded = [item if isinstance(item, Result) else Result.read(Path(item)) for item in results]
    if not loaded:
        raise ValueError("a leaderboard needs at least one result")
    tables = group(loaded)
    clips = {name: _embedded_videos(files) for name, files in (videos or {}).items()}
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    body = "\n".join(_section(table, i, clips) for i, table in enumerate(tables, 1))
    _write(out / "leaderboard.csv", as_csv(tables))
    _write(out / "leaderboard.md", as_markdown(tables))
    _write(out / "index.html", page(title, INTRO, body))
    return out / "index.html"


def _section(table: Table, number: int, clips: Mapping[str, str]) -> str:
    data = table.results[0].data
    heading = (
        f"<h2>{escape(table.results[0].tag)}</h2>" if not table.reason else f"<h2>Table {number}, apart</h2>"
    )
    facts = f"{data['clips']} clips, {data['identities']} people. Data {table.shared['data']}."
    apart = f"<p><strong>Not comparable with the first table:</strong> {escape(table.reason)}.</p>"
    embedded = any(is_embedded(table, name) for name in table.metrics)
    mark = badge("embedded", "embedded")
    note = f'<p class="soft">{mark} marks columns measured by networks of ours: {EMBEDDED}.</p>'
    rows = {
        role: "".join(_row(table, r) for r in table.results if r.system["role"] == role) for role in ORDER
    }
    bodies = "".join(f'<tbody class="{role}s">{inner}</tbody>' for role, inner in rows.items())
    head = "".join(_header(table, name) for name in table.metrics)
    first = '<th class="name" scope="col" data-first="ascending"><button>System</button></th>'
    return (
        f'<section>{heading}{apart if table.reason else ""}<p class="soft">{escape(facts)}</p>'
        f'{note if embedded else ""}<div class="scroll" tabindex="0"><table>'
        f"<thead><tr>{first}{head}</tr></thead>{bodies}</table></div>"
        f"{''.join(_provenance(r, clips) for r in table.results)}</section>"
    )


def _header(table: Table, name: str) -> str:
    kind = METRICS[name]
    first = "descending" if kind.higher_is_better else "ascending"
    marks = badge("embedded", "embedded") if is_embedded(table, name) else ""
    marks += badge("cannot see", "floor") if blind(table, name) else ""
    hint = escape((kind.__doc__ or "").strip().splitlines()[0], quote=True)
    return (
        f'<th scope="col" data-first="{first}" title="{hint}"><button>{escape(kind.title)} '
        f'<span class="arrow">{arrow(name)}</span></button>'
        f'<span class="unit">{escape(kind.unit)}{marks}</span></th>'
    )


def _row(table: Table, result: Result) -> str:
    system = result.system
    label = "" if system["role"] == "system" else badge(system["role"], system["role"])
    failed = result.data["failed"]
    missing = f'<span class="range">{failed} of {len(result.rows)} clips failed</span>' if failed else ""
    name = escape(system["name"])
    cells = "".join(_cell(table, result, metric) for metric in table.metrics)
    return (
        f'<tr class="{system["role"]}"><th class="name" scope="row" data-value="{name}">'
        f"{name}{label}{missing}</th>"
        f"{cells}</tr>"
    )


def _cell(table: Table, result: Result, name: str) -> str:
    value = shown(result, name)
    if value is None:
        return '<td data-value="">–</td>'
    wins = result.system["role"] == "system" and value == best(table, name)
    span = result.metrics[name]["interval"]
    interval = f'<span class="range">{text_of(span[0])} to {text_of(span[1])}</span>' if span else ""
    return f'<td{" class=best" if wins else ""} data-value="{value!r}">{text_of(value)}{interval}</td>'


def _provenance(result: Result, clips: Mapping[str, str]) -> str:
    system, data, environment = result.system, result.data, result.environment
    seconds = system["seconds_per_frame"]
    items = [
        ("checkpoint", system["checkpoint_sha256"]),
        ("run", system["run_signature"]),
        ("seeds", ", ".join(map(str, system["seeds"]))),
        ("settings", ", ".join(f"{key} {value}" for key, value in system["settings"].items())),
        ("generation", f"{seconds * 1000:.1f} ms a frame" if seconds else ""),
        ("peak memory", f"{system['peak_memory_mb']:.0f} MB" if system["peak_memory_mb"] else ""),
        (
            "clips",
            f"{len(result.rows)}, {data['failed']} failed (left out and counted), {data['frames']} frames",
        ),
        ("truth", f"{data['truth']}, sha256 {data['sha256']}"),
        ("protocol", f"{result.tag}, sha256 {result.protocol['sha256']}"),
        *((f"measured by {e['name']}", _origin(e)) for e in result.extractors.values()),
        *_findings(result),
        ("evaluated", f"{result.created}, {', '.join(f'{k} {v}' for k, v in environment.items())}"),
        ("result", f"sha256 {result.digest}"),
    ]
    summary = f'{escape(system["name"])} <span class="soft">where the numbers come from</span>'
    return disclosure(summary, clips.get(system["name"], "") + definitions(items))


def _origin(extractor: Mapping[str, Any]) -> str:
    return f"{'published network' if extractor['published'] else EMBEDDED}, sha256 {extractor['sha256']}"


def _findings(result: Result) -> list[tuple[str, str]]:
    """What stands beside the numbers.

    Recall of each emotion, each action unit, what was left out, spread over seeds.
    """
    found = []
    for name, text in (("emotion_accuracy", "recall"), ("au_correlation", "per_unit")):
        values = result.metrics.get(name, {}).get("details", {}).get(text) or {}
        found.append(
            (METRICS[name].title, ", ".join(f"{key} {text_of(value)}" for key, value in values.items()))
        )
    left_out = result.metrics.get("au_correlation", {}).get("details", {}).get("excluded_constant") or []
    found.append(("left out as constant", ", ".join(left_out)))
    for name, record in result.metrics.items():
        if record["by_seed"]:
            values = ", ".join(f"{seed}: {text_of(value)}" for seed, value in record["by_seed"].items())
            found.append((f"{METRICS[name].title} by seed", values))
    return found


def _embedded_videos(files: Mapping[str, Path]) -> str:
    figures = []
    for caption, path in files.items():
        content = Path(path).read_bytes()
        if len(content) > LARGEST_VIDEO:
            raise ValueError(
                f"{path} has {len(content)} bytes, at most {LARGEST_VIDEO} fit into the page: shorten it"
            )
        source = f"data:video/mp4;base64,{base64.b64encode(content).decode()}"
        figures.append(
            f'<figure><video controls loop playsinline preload="metadata" src="{source}"></video>'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    return f'<div class="videos">{"".join(figures)}</div>' if figures else ""


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
