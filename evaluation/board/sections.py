"""What stands around the main table: breakdowns, videos, provenance, refused results, published numbers."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from evaluation.board.admission import Refusal
from evaluation.board.breakdown import FEWEST, Breakdown, breakdown, group_values
from evaluation.board.scores import EMBEDDED
from evaluation.board.videos import Links
from evaluation.metrics import METRICS
from evaluation.page import definitions, disclosure, scroller
from evaluation.published_numbers import PublishedTable
from evaluation.result import Result
from evaluation.tables import Table, arrow, text_of

GROUPS = (("label", "By emotion", "Emotion"), ("identity", "By person", "Person"))


def breakdowns(table: Table) -> str:
    """A block for emotions and one for people, each with a table for every metric, one of them shown at a time."""
    blocks = []
    for by, title, head in GROUPS:
        found = [breakdown(table.results, name, by) for name in table.metrics]  # type: ignore[arg-type]
        known = [item for item in found if item]
        if known:
            options = "".join(
                f'<option value="{b.metric}">{escape(METRICS[b.metric].title)}</option>' for b in known
            )
            select = f'<label class="field needs-script" hidden>Metric <select class="metric">{options}</select></label>'
            note = f'<p class="soft">Groups of fewer than {FEWEST} clips are left empty.</p>'
            tables = "".join(_breakdown_table(table, item, title, head) for item in known)
            blocks.append(disclosure(title, f"{select}{tables}{note}"))
    return "".join(blocks)


def _breakdown_table(table: Table, item: Breakdown, title: str, head: str) -> str:
    names = [result.system["name"] for result in table.results]
    caption = (
        f"{METRICS[item.metric].title} {arrow(item.metric)} {METRICS[item.metric].unit}, {title.lower()}"
    )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    lines = "".join(
        f'<tr><th class="name" scope="row">{escape(group.replace("_", " "))}</th><td>{count}</td>'
        + "".join(f"<td>{text_of(item.values[name].get(group))}</td>" for name in names)
        + "</tr>"
        for group, count in item.clips.items()
    )
    inner = (
        f'<table><caption>{escape(caption)}</caption><thead><tr><th class="name" scope="col">{head}</th>'
        f'<th scope="col">Clips</th>{heads}</tr></thead><tbody>{lines}</tbody></table>'
    )
    return f'<div data-metric="{item.metric}">{scroller(caption, inner)}</div>'


def clips(table: Table, links: Links) -> str:
    """Videos side by side: a row for each clip, a column for each system that has any."""
    names = [result.system["name"] for result in table.results if links.get(result.system["name"])]
    captions = sorted({caption for name in names for caption in links[name]})
    if not captions:
        return ""
    about = {row.key: row.label.replace("_", " ") for result in table.results for row in result.rows}
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(_clip_row(caption, about.get(caption, ""), names, links) for caption in captions)
    inner = (
        '<table class="clips"><caption>The same clip by each system; Play starts a row together, with the sound of its '
        f'first video.</caption><thead><tr><th class="name" scope="col">Clip</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    return f"<h3>Side by side</h3>{scroller('Videos side by side', inner)}"


def _clip_row(caption: str, label: str, names: Sequence[str], links: Links) -> str:
    title = escape(caption.replace("_", " "))
    emotion = f'<span class="range">{escape(label)}</span>' if label else ""
    button = '<button type="button" class="play needs-script" hidden>Play</button>'
    cells = "".join(_clip_cell(name, caption, links[name].get(caption)) for name in names)
    return f'<tr><th class="name" scope="row">{title}{emotion}{button}</th>{cells}</tr>'


def _clip_cell(name: str, caption: str, link: str | None) -> str:
    if link is None:
        return "<td>–</td>"
    label = escape(f"{caption} by {name}")
    return f'<td><video controls loop playsinline preload="metadata" aria-label="{label}" src="{escape(link)}"></video></td>'


def provenance(result: Result) -> str:
    """Where the numbers of a row come from: who sampled, who evaluated, with what."""
    summary = f'{escape(result.system["name"])} <span class="soft">where the numbers come from</span>'
    named = f' data-name="{escape(result.system["name"])}"' if result.system["role"] == "system" else ""
    items = [*_sampling(result), *_measuring(result), *_findings(result)]
    return disclosure(summary, definitions(items), named)


def _sampling(result: Result) -> list[tuple[str, str]]:
    system, settings = result.system, dict(result.system["settings"])
    sampled, evaluated = (str(settings.pop(key, "not told")) for key in ("sampled_by", "evaluated_by"))
    seconds, memory = system["seconds_per_frame"], system["peak_memory_mb"]
    mine = system["role"] == "system"
    return [
        ("sampled by", sampled if mine else ""),
        ("evaluated by", evaluated if mine else ""),
        ("checkpoint", system["checkpoint_sha256"]),
        ("run", system["run_signature"]),
        ("seeds", ", ".join(map(str, system["seeds"]))),
        ("settings", ", ".join(f"{key} {value}" for key, value in settings.items())),
        ("generation", f"{seconds * 1000:.1f} ms a frame" if seconds else ""),
        ("peak memory", f"{memory:.0f} MB" if memory else ""),
    ]


def _measuring(result: Result) -> list[tuple[str, str]]:
    data, environment = result.data, result.environment
    failed = f"{data['failed']} failed (left out and counted)"
    return [
        ("clips", f"{len(result.rows)}, {failed}, {data['frames']} frames"),
        ("truth", f"{data['truth']}, sha256 {data['sha256']}"),
        ("protocol", f"{result.tag}, sha256 {result.protocol['sha256']}"),
        *((f"measured by {e['name']}", _origin(e)) for e in result.extractors.values()),
        ("evaluated", f"{result.created}, {', '.join(f'{k} {v}' for k, v in environment.items())}"),
        ("result", f"sha256 {result.digest}"),
    ]


def _origin(extractor: Mapping[str, Any]) -> str:
    return f"{'published network' if extractor['published'] else EMBEDDED}, sha256 {extractor['sha256']}"


def _findings(result: Result) -> list[tuple[str, str]]:
    """What stands beside the numbers: recall of each emotion, each action unit, what was left out, each seed."""
    found = []
    for name, text in (("emotion_accuracy", "recall"), ("au_correlation", "per_unit")):
        values = result.metrics.get(name, {}).get("details", {}).get(text) or {}
        found.append((METRICS[name].title, ", ".join(f"{key} {text_of(v)}" for key, v in values.items())))
    left_out = result.metrics.get("au_correlation", {}).get("details", {}).get("excluded_constant") or []
    found.append(("left out as constant", ", ".join(left_out)))
    if len({row.seed for row in result.rows}) > 1:
        for name in result.metrics:
            values = group_values(result, name, "seed")
            texts = [f"{seed}: {text_of(value)}" for seed, value in values.items()]
            found.append((f"{METRICS[name].title} by seed", ", ".join(texts)))
    return found


def refusals(refused: Sequence[Refusal]) -> str:
    """Results that are in no table, and why."""
    if not refused:
        return ""
    lines = "".join(f"<li><strong>{escape(r.source)}</strong>: {escape(r.reason)}</li>" for r in refused)
    return f'<section id="refused"><h2>Refused</h2><p>These results are in no table.</p><ul>{lines}</ul></section>'


def published(tables: Sequence[PublishedTable]) -> str:
    """What papers printed, each table under its own heading and none of it ranked."""
    if not tables:
        return ""
    blocks = "".join(_published_table(table) for table in tables)
    return (
        '<section id="published"><h2>Published numbers</h2><p>As papers printed them. Each table is a protocol of its '
        "own: other clips, other networks, other cropping, no intervals. None of it can be ranked with the tables above, "
        f"nor one of these tables with another: the same method differs by more than half between papers.</p>{blocks}</section>"
    )


def _published_table(table: PublishedTable) -> str:
    signs = {"higher": "↑", "lower": "↓"}
    heads = "".join(
        f'<th scope="col">{escape(name)} <span class="arrow">{signs[way]}</span>'
        f'<span class="unit">{escape(table.units.get(name, ""))}</span></th>'
        for name, way in table.metrics.items()
    )
    lines = "".join(
        f'<tr data-name="{escape(method)}"><th class="name" scope="row">{escape(method)}</th>'
        + "".join(f"<td>{escape(number or '–')}</td>" for number in numbers)
        + "</tr>"
        for method, numbers in table.rows.items()
    )
    caption = f"{table.paper} paper, {table.dataset}"
    inner = (
        f'<table><caption>{escape(caption)}</caption><thead><tr><th class="name" scope="col">Method</th>{heads}</tr>'
        f"</thead><tbody>{lines}</tbody></table>"
    )
    notes = f"{table.note} " if table.note else ""
    source = f'<p class="soft">{escape(f"{notes}{table.citation}. Read from {table.read_from}.")}</p>'
    summary = f'{escape(caption)} <span class="soft">protocol {escape(table.protocol)}</span>'
    return disclosure(summary, scroller(caption, inner) + source)
