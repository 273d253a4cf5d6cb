"""Results to a leaderboard: a static page and its downloads. Rows share a table only where that is honest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.comparison.tables import Table, group
from evaluation.comparison.ties import rule
from evaluation.leaderboard.admission import Refusal, admit
from evaluation.leaderboard.downloads import as_csv, as_json, as_latex, as_markdown
from evaluation.leaderboard.origins import provenance
from evaluation.leaderboard.pareto import figure, plotted_metric
from evaluation.leaderboard.published_numbers import PublishedTable
from evaluation.leaderboard.scores import score_table
from evaluation.leaderboard.sections import TRUE, breakdowns, clips, published
from evaluation.metrics import METRICS
from evaluation.pages.page import page, render
from evaluation.pages.videos import Links, Videos, copy_videos
from evaluation.results.result import Result
from evaluation.runtime.whole_files import write_whole

INTRO = "Every number is computed from one row per clip, with an interval that draws whole people."
LIMITS = (
    "Ceiling rows are real video, floor rows are what a system must beat; a metric can only rank systems "
    "between them."
)
NO_LIMITS = (
    "There are no rows of real video and floors here, so nothing says what these metrics can see: "
    "moee evaluate --limits computes them."
)
DOWNLOADS = {"CSV": "csv", "Markdown": "md", "LaTeX": "tex", "JSON": "json"}


def build_leaderboard(
    results: Sequence[Result | Path],
    out: Path,
    videos: Videos | None = None,
    title: str = "Emotional talking heads",
    *,
    numbers: Sequence[PublishedTable] = (),
    plot: str = "",
    refused: Sequence[Refusal] = (),
    true: Mapping[str, Path] | None = None,
) -> Path:
    """Write `index.html` and `leaderboard.csv`, `.md`, `.tex`, `.json` into a folder; the path of the page.

    Args:
        results: records or paths of result files; each is validated, refused ones are named on the page.
        out: folder, made where missing.
        videos: system name -> caption -> video file, copied beside the page.
        title: of the page.
        numbers: what papers printed, in a section of its own.
        plot: name of the metric that is plotted against cost; by default see `plotted_metric`.
        refused: results that were refused already.
        true: caption -> video file of the true clip, which is shown beside those of the systems.

    Raises:
        ValueError: without any result that may enter, for two of one name in one table, an unknown metric, or
            a video that is none or over 8 MiB.
    """
    if plot and plot not in METRICS:
        raise ValueError(f"no metric {plot!r}, known are {', '.join(METRICS)}")
    loaded, more = admit(results)
    refused = (*refused, *more)
    if not loaded:
        reasons = "; ".join(f"{refusal.source}: {refusal.reason}" for refusal in more)
        raise ValueError(
            f"a leaderboard needs at least one result that may enter{': ' if reasons else ''}{reasons}"
        )
    tables = group(loaded)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    links = copy_videos({**(videos or {}), **({TRUE: true} if true else {})}, out)
    body = render(
        "board.html.j2",
        {
            "downloads": DOWNLOADS,
            "sections": [_section(table, number, links, plot) for number, table in enumerate(tables, 1)],
            "reading": _reading(loaded[0], _has_floors(loaded)),
            "refused": refused,
            "published": published(numbers),
        },
    )
    content = (as_csv(tables), as_markdown(tables), as_latex(tables), as_json(tables, refused))
    for ending, text in zip(DOWNLOADS.values(), content, strict=True):
        write_whole(out / f"leaderboard.{ending}", text)
    write_whole(
        out / "index.html", page(title, f"{INTRO} {LIMITS if _has_floors(loaded) else NO_LIMITS}", body)
    )
    return out / "index.html"


def _has_floors(results: Sequence[Result]) -> bool:
    return any(result.system["role"] == "floor" for result in results)


def _section(table: Table, number: int, links: Links, plot: str) -> dict[str, object]:
    """What stands of one table on the page."""
    data, tag = table.results[0].data, table.results[0].tag
    caption = (
        f"{data['clips']} clips of {data['identities']} people, data {table.shared['data']}. "
        "A column's name sorts by it."
    )
    metric = plotted_metric(table, plot)
    return {
        "number": number,
        "heading": f"Table {number}, apart: {tag}" if table.reason else tag,
        "reason": table.reason,
        "scores": score_table(table, caption),
        "plot": figure(table, metric, number) if metric else "",
        "breakdowns": breakdowns(table),
        "clips": clips(table, links),
        "origins": [provenance(result) for result in table.results],
    }


def _reading(result: Result, floors: bool) -> tuple[str, ...]:
    """How to read the tables: what decides ties, what is compared, what fails."""
    verdicts = (
        "“Cannot tell” marks a metric under which real video and what must be beaten overlap: it ranks "
        "nothing here. “Floor wins” marks one under which a floor scores better than real video.",
    )
    level = f"{100 * result.protocol['statistics']['level']:g}"
    return (
        f"Below each value stands its {level} % interval, from drawing whole people again, not clips.",
        rule(result),
        "Results share a table only if protocol, data and measuring networks are the same to the last bit.",
        "A clip that could not be evaluated is left out of the value and counted beside the system's name.",
        *(verdicts if floors else ()),
        "A result enters if its file is unchanged, its numbers follow from its rows and its origin is told.",
    )
