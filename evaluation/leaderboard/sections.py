"""What stands around the main table: breakdowns, videos side by side, published numbers."""

from collections.abc import Sequence

from markupsafe import Markup

from evaluation.comparison.tables import Table, arrow, text_of
from evaluation.leaderboard.breakdown import FEWEST, Breakdown, By, breakdown
from evaluation.leaderboard.published_numbers import PublishedTable
from evaluation.metrics import METRICS
from evaluation.pages.page import render
from evaluation.pages.videos import Links

SIDE_BY_SIDE = "The same clip by each system; Play starts a row together, with the sound of its first video."
PUBLISHED = (
    "As papers printed them. Each table is a protocol of its own: other clips, other networks, other "
    "cropping, no intervals. None of it can be ranked with the tables above, nor one of these tables with "
    "another: the same method differs by more than half between papers."
)
SIGNS = {"higher": "↑", "lower": "↓"}
GROUPS: tuple[tuple[By, str, str], ...] = (
    ("label", "By emotion", "Emotion"),
    ("identity", "By person", "Person"),
)


def breakdowns(table: Table) -> Markup:
    """A block for emotions and one for people, each with a table for every metric, shown one at a time."""
    blocks = []
    for by, title, head in GROUPS:
        known = [item for name in table.metrics if (item := breakdown(table.results, name, by))]
        if known:
            tables = [_breakdown_table(table, item, title) for item in known]
            blocks.append({"title": title, "head": head, "tables": tables})
    return render("breakdowns.html.j2", {"blocks": blocks, "fewest": FEWEST})


def _breakdown_table(table: Table, item: Breakdown, title: str) -> dict[str, object]:
    names = [result.system["name"] for result in table.results]
    kind = METRICS[item.metric]
    rows = [
        (group.replace("_", " "), [str(count), *(text_of(item.values[name].get(group)) for name in names)])
        for group, count in item.clips.items()
    ]
    return {
        "metric": item.metric,
        "title": kind.title,
        "caption": f"{kind.title} {arrow(item.metric)} {kind.unit}, {title.lower()}",
        "names": names,
        "rows": rows,
    }


def clips(table: Table, links: Links) -> Markup:
    """Videos side by side: a row for each clip, a column for each system that has any."""
    names = [result.system["name"] for result in table.results if links.get(result.system["name"])]
    captions = {clip for name in names for clip in links[name]}
    own = {row.key for result in table.results for row in result.rows}
    labels = {row.key: row.label.replace("_", " ") for result in table.results for row in result.rows}
    rows = [
        {
            "caption": clip,
            "title": clip.replace("_", " "),
            "emotion": labels.get(clip, ""),
            "videos": [(name, links[name].get(clip)) for name in names],
        }
        for clip in sorted(captions & own or captions)  # a caption may also be a text that is no clip's key
    ]
    return render("clips.html.j2", {"caption": SIDE_BY_SIDE, "names": names, "rows": rows})


def published(tables: Sequence[PublishedTable]) -> Markup:
    """What papers printed, each table under its own heading and none of it ranked."""
    return render("published.html.j2", {"lead": PUBLISHED, "tables": [_published(each) for each in tables]})


def _published(table: PublishedTable) -> dict[str, object]:
    columns = [(name, SIGNS[way], table.units.get(name, "")) for name, way in table.metrics.items()]
    rows = [(method, [number or "–" for number in numbers]) for method, numbers in table.rows.items()]
    note = f"{table.note} " if table.note else ""
    return {
        "caption": f"{table.paper} paper, {table.dataset}",
        "protocol": table.protocol,
        "columns": columns,
        "rows": rows,
        "source": f"{note}{table.citation}. Read from {table.read_from}.",
    }
