"""Quality against cost: which systems no other beats in both, and a plot of them as SVG."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from evaluation.comparison.tables import Table, arrow, blind, cost, interval, shown, text_of
from evaluation.metrics import METRICS
from evaluation.pages.axes import log_ticks, ticks
from evaluation.pages.page import aside

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 18, 46  # margins
LABEL_STEP, LETTER = 13.0, 6.2  # height of a label's line, width of a letter, in the units of the picture


@dataclass(frozen=True)
class Point:
    """A system in the plot.

    Args:
        name: of the system.
        milliseconds: to generate a frame.
        value: of the metric.
        span: its interval, or the value twice.
        cost: the lower the better the value is.
    """

    name: str
    milliseconds: float
    value: float
    span: tuple[float, float]
    cost: float


def points(table: Table, name: str) -> list[Point]:
    """The systems of a table that have a value and tell what a frame costs, cheapest first."""
    found = []
    for result in table.systems:
        seconds, value = result.seconds_per_frame, shown(result, name)
        if seconds and seconds > 0 and value is not None:
            span = interval(result, name) or (value, value)
            found.append(Point(result.system["name"], 1000 * seconds, value, span, cost(result, name) or 0.0))
    return sorted(found, key=lambda point: (point.milliseconds, point.cost, point.name))


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other equals or beats in both cost and quality while beating it in one."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.milliseconds, p.cost)):
        if not kept or point.cost < kept[-1].cost or (point.milliseconds, point.cost) == _both(kept[-1]):
            kept.append(point)
    return kept


def _both(point: Point) -> tuple[float, float]:
    return point.milliseconds, point.cost


def plotted_metric(table: Table, wanted: str = "") -> str:
    """The metric to plot: the wanted one, or the first that can see and two systems have; empty for none."""
    for name in (wanted,) if wanted else table.metrics:
        if name in table.metrics and len(points(table, name)) > 1 and (wanted or not blind(table, name)):
            return name
    return ""


def figure(table: Table, name: str, number: int) -> str:
    """The plot with its caption."""
    found = points(table, name)
    kept = [point.name for point in front(found)]
    title = METRICS[name].title
    listed = "; ".join(
        f"{point.name}: {_plain(point.milliseconds)} ms, {text_of(point.value)}" for point in found
    )
    said = (
        f"{title} over the time to make one frame, as each system tells it for its own machine. On the "
        f"dashed line nothing here is both faster and better: {'; '.join(kept)}."
    )
    return (
        f'<figure class="plot"><div>{_svg(found, name, number, listed)}</div>'
        f"<figcaption>{escape(said)}{aside(f'All points: {listed}.')}</figcaption></figure>"
    )


def _svg(found: Sequence[Point], name: str, number: int, listed: str) -> str:
    low_x, high_x = _padded([math.log10(p.milliseconds) for p in found], 0.15)
    low_y, high_y = _padded([end for p in found for end in (*p.span, p.value)], 0.0)

    def x(milliseconds: float) -> float:
        return LEFT + (math.log10(milliseconds) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM)

    kept = front(found)
    parts = [_axes(name, (low_x, high_x), (low_y, high_y), x, y), _front_line(kept, x, y)]
    parts += [_dot(point, point in kept, x, y) for point in found]
    parts += _labels(found, x, y)
    kind = METRICS[name]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="plot-{number}-title plot-{number}-text">'
        f'<title id="plot-{number}-title">{escape(kind.title)} against milliseconds a frame</title>'
        f'<desc id="plot-{number}-text">{escape(listed)}</desc>{"".join(parts)}</svg>'
    )


def _padded(values: Sequence[float], least: float) -> tuple[float, float]:
    """Range of an axis: of the values, with air around, never empty."""
    low, high = min(values), max(values)
    air = max(0.08 * (high - low), least, 1e-9 + 0.02 * abs(high) if high == low else 0.0)
    return low - air, high + air


def _axes(
    name: str,
    reach_x: tuple[float, float],
    reach_y: tuple[float, float],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    kind, floor = METRICS[name], HEIGHT - BOTTOM
    parts = []
    for tick in log_ticks(10 ** reach_x[0], 10 ** reach_x[1]):
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{floor}"/>')
        parts.append(_text(x(tick), floor + 17, _plain(tick), "middle", "tick"))
    for tick in ticks(*reach_y):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        )
        parts.append(_text(LEFT - 8, y(tick) + 4, _plain(tick), "end", "tick"))
    unit = f" ({kind.unit})" if kind.unit else ""
    parts.append(
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "milliseconds a frame, logarithmic  ↓", "middle")
    )
    middle = (TOP + floor) / 2
    parts.append(
        f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escape(kind.title + unit)}  {arrow(name)}</text>"
    )
    return "".join(parts)


def _front_line(kept: Sequence[Point], x: Callable[[float], float], y: Callable[[float], float]) -> str:
    """Steps, since between two systems there is none."""
    places = [(x(kept[0].milliseconds), y(kept[0].value))]
    for point in kept[1:]:
        places += [(x(point.milliseconds), places[-1][1]), (x(point.milliseconds), y(point.value))]
    places.append((WIDTH - RIGHT, places[-1][1]))
    return f'<polyline class="front" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in places)}"/>'


def _dot(point: Point, kept: bool, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    across, (low, high) = x(point.milliseconds), point.span
    return (
        f'<line class="span" x1="{across:.1f}" x2="{across:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}"/>'
        f'<circle class="dot{" kept" if kept else ""}" cx="{across:.1f}" cy="{y(point.value):.1f}" r="4.5"/>'
    )


def _labels(found: Sequence[Point], x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
    """Names beside their points: to the right, or the left near the edge, one line further where taken."""
    taken: list[tuple[float, float, float]] = []
    labels = []
    for point in sorted(found, key=lambda p: y(p.value)):
        text = point.name if len(point.name) <= 28 else f"{point.name[:27]}…"
        wide, across, down = LETTER * len(text), x(point.milliseconds), y(point.value) - 6
        rightwards = across + 9 + wide < WIDTH - RIGHT
        left = across + 9 if rightwards else across - 9 - wide
        while any(abs(down - b) < LABEL_STEP and left < d and a < left + wide for a, b, d in taken):
            down += LABEL_STEP
        taken.append((left, down, left + wide))
        labels.append(_text(across + (9 if rightwards else -9), down, text, "start" if rightwards else "end"))
    return labels


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _plain(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
