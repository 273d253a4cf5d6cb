"""What stands around the main table: breakdowns, videos side by side, published numbers."""

from collections.abc import Sequence
from html import escape

from evaluation.comparison.tables import Table, arrow, text_of
from evaluation.leaderboard.breakdown import FEWEST, Breakdown, breakdown
from evaluation.leaderboard.published_numbers import PublishedTable
from evaluation.metrics import METRICS
from evaluation.pages.page import data_table, disclosure
from evaluation.pages.videos import Links

SIDE_BY_SIDE = "The same clip by each system; Play starts a row together, with the sound of its first video."
PUBLISHED = (
    "As papers printed them. Each table is a protocol of its own: other clips, other networks, other "
    "cropping, no intervals. None of it can be ranked with the tables above, nor one of these tables with "
    "another: the same method differs by more than half between papers."
)
SIGNS = {"higher": "↑", "lower": "↓"}
GROUPS = (("label", "By emotion", "Emotion"), ("identity", "By person", "Person"))


def breakdowns(table: Table) -> str:
    """A block for emotions and one for people, each with a table for every metric, shown one at a time."""
    blocks = []
    for by, title, head in GROUPS:
        found = [breakdown(table.results, name, by) for name in table.metrics]  # type: ignore[arg-type]
        known = [item for item in found if item]
        if known:
            options = "".join(
                f'<option value="{b.metric}">{escape(METRICS[b.metric].title)}</option>' for b in known
            )
            select = f'<select class="metric">{options}</select>'
            label = f'<label class="field needs-script" hidden>Metric {select}</label>'
            note = f'<p class="soft">Groups of fewer than {FEWEST} clips are left empty.</p>'
            tables = "".join(_breakdown_table(table, item, title, head) for item in known)
            blocks.append(disclosure(title, f"{label}{tables}{note}"))
    return "".join(blocks)


def _breakdown_table(table: Table, item: Breakdown, title: str, head: str) -> str:
    names = [result.system["name"] for result in table.results]
    caption = (
        f"{METRICS[item.metric].title} {arrow(item.metric)} {METRICS[item.metric].unit}, {title.lower()}"
    )
    heads = _head(head) + "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Clips", *names))
    lines = "".join(
        _line(group.replace("_", " "), [str(count), *(text_of(item.values[n].get(group)) for n in names)])
        for group, count in item.clips.items()
    )
    return f'<div data-metric="{item.metric}">{data_table(caption, heads, f"<tbody>{lines}</tbody>")}</div>'


def _head(text: str) -> str:
    return f'<th class="name" scope="col">{escape(text)}</th>'


def _line(name: str, cells: Sequence[str], attributes: str = "") -> str:
    inner = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr{attributes}><th class="name" scope="row">{escape(name)}</th>{inner}</tr>'


def clips(table: Table, links: Links) -> str:
    """Videos side by side: a row for each clip, a column for each system that has any."""
    names = [result.system["name"] for result in table.results if links.get(result.system["name"])]
    captions = {clip for name in names for clip in links[name]}
    if not captions:
        return ""
    own = {row.key for result in table.results for row in result.rows}
    shown = sorted(captions & own or captions)  # a caption may also be a text that is no clip's key
    labels = {row.key: row.label.replace("_", " ") for result in table.results for row in result.rows}
    heads = _head("Clip") + "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(_clip_row(clip, labels.get(clip, ""), names, links) for clip in shown)
    return f"<h3>Side by side</h3>{data_table(SIDE_BY_SIDE, heads, f'<tbody>{rows}</tbody>', 'clips')}"


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
    options = "controls loop playsinline preload=metadata"
    return f'<td><video {options} aria-label="{label}" src="{escape(link)}"></video></td>'


def published(tables: Sequence[PublishedTable]) -> str:
    """What papers printed, each table under its own heading and none of it ranked."""
    if not tables:
        return ""
    blocks = "".join(_published_table(table) for table in tables)
    return f'<section id="published"><h2>Published numbers</h2><p>{PUBLISHED}</p>{blocks}</section>'


def _published_table(table: PublishedTable) -> str:
    caption = f"{table.paper} paper, {table.dataset}"
    heads = _head("Method") + "".join(
        f'<th scope="col">{escape(name)} <span class="arrow">{SIGNS[way]}</span>'
        f'<span class="unit">{escape(table.units.get(name, ""))}</span></th>'
        for name, way in table.metrics.items()
    )
    lines = "".join(
        _line(method, [number or "–" for number in numbers], f' data-name="{escape(method)}"')
        for method, numbers in table.rows.items()
    )
    notes = f"{table.note} " if table.note else ""
    source = f'<p class="soft">{escape(f"{notes}{table.citation}. Read from {table.read_from}.")}</p>'
    summary = f'{escape(caption)} <span class="soft">protocol {escape(table.protocol)}</span>'
    return disclosure(summary, data_table(caption, heads, f"<tbody>{lines}</tbody>") + source)
