"""Quality against cost: which systems no other beats in both, and a plot of them as SVG."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.comparison.tables import Table, arrow, blind, cost, interval, shown, text_of
from evaluation.metrics import METRICS
from evaluation.pages.axes import log_ticks, ticks
from evaluation.pages.page import render
from evaluation.pages.svg import Shape, dot, drawing, label, path, segment, upright_label

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 18, 46  # margins
LABEL_STEP, LETTER = 13.0, 6.2  # height of a label's line, width of a letter, in the units of the picture
# What is plotted, of these the first that a table has and that can see: published distances of sets, which
# blur makes worse; sharpness itself; then what a face does. Distances to the true picture come last: of two
# guesses the blurred one is nearer to it. Eight synthetic people by the shipped network, one step against
# six: PSNR 31.6 and 30.3 dB, the embedded Fréchet distance 0.024 and 0.030, sharpness 0.58 and 0.59 of real
# video's.
PREFERRED = (
    *("fvd_", "fid_clean", "fid_torch", "fid_tf1", "sharpness"),
    *("sync_c", "lip_correlation", "emotion_accuracy", "au_correlation", "csim_"),
)
Scale = Callable[[float], float]


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
    plotted = []
    for result in table.systems:
        seconds, value = result.seconds_per_frame, shown(result, name)
        if seconds and seconds > 0 and value is not None:
            span = interval(result, name) or (value, value)
            plotted.append(
                Point(result.system["name"], 1000 * seconds, value, span, cost(result, name) or 0.0)
            )
    return sorted(plotted, key=lambda point: (point.milliseconds, point.cost, point.name))


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other equals or beats in both cost and quality while beating it in one."""
    unbeaten: list[Point] = []
    for point in sorted(points, key=_price):
        if not unbeaten or point.cost < unbeaten[-1].cost or _price(point) == _price(unbeaten[-1]):
            unbeaten.append(point)
    return unbeaten


def _price(point: Point) -> tuple[float, float]:
    return point.milliseconds, point.cost


def plotted_metric(table: Table, wanted: str = "") -> str:
    """The metric to plot: the wanted one, or the first of `PREFERRED`, then of all, that can see.

    Two systems at least must have a value and a cost; empty if there is no such metric.
    """
    preferred = [name for start in PREFERRED for name in table.metrics if name.startswith(start)]
    for name in (wanted,) if wanted else dict.fromkeys((*preferred, *table.metrics)):
        if name in table.metrics and len(points(table, name)) > 1 and (wanted or not blind(table, name)):
            return name
    return ""


def figure(table: Table, name: str, number: int) -> Markup:
    """The plot with its caption.

    Args:
        table: whose systems are plotted.
        name: of the metric.
        number: of the table on the page.
    """
    plotted = points(table, name)
    unbeaten = [point.name for point in front(plotted)]
    title = METRICS[name].title
    listed = "; ".join(
        f"{point.name}: {_plain(point.milliseconds)} ms, {text_of(point.value)}" for point in plotted
    )
    caption = (
        f"{title} over the time to make one frame, as each system tells it for its own machine. On the "
        f"dashed line nothing here is both faster and better: {'; '.join(unbeaten)}."
    )
    chart = drawing(
        _shapes(plotted, name),
        (WIDTH, HEIGHT),
        f"{title} against milliseconds a frame",
        listed,
        name=f"plot-{number}",
    )
    return render("plot.html.j2", {"chart": chart, "caption": caption, "listed": listed})


def _shapes(plotted: Sequence[Point], name: str) -> list[Shape]:
    low_x, high_x = _padded([math.log10(p.milliseconds) for p in plotted], 0.15)
    low_y, high_y = _padded([end for p in plotted for end in (*p.span, p.value)], 0.0)

    def x(milliseconds: float) -> float:
        return LEFT + (math.log10(milliseconds) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM)

    unbeaten = front(plotted)
    shapes = [*_axes(name, (low_x, high_x), (low_y, high_y), x, y), _front_line(unbeaten, x, y)]
    for point in plotted:
        across, (low, high) = x(point.milliseconds), point.span
        shapes.append(segment("span", (across, y(low)), (across, y(high))))
        shapes.append(dot("dot kept" if point in unbeaten else "dot", across, y(point.value), 4.5))
    return [*shapes, *_labels(plotted, x, y)]


def _padded(values: Sequence[float], least: float) -> tuple[float, float]:
    """Range of an axis: of the values, with air around, never empty."""
    low, high = min(values), max(values)
    air = max(0.08 * (high - low), least, 1e-9 + 0.02 * abs(high) if high == low else 0.0)
    return low - air, high + air


def _axes(
    name: str, reach_x: tuple[float, float], reach_y: tuple[float, float], x: Scale, y: Scale
) -> Iterator[Shape]:
    kind, floor = METRICS[name], HEIGHT - BOTTOM
    for tick in log_ticks(10 ** reach_x[0], 10 ** reach_x[1]):
        yield segment("grid", (x(tick), TOP), (x(tick), floor))
        yield label(x(tick), floor + 17, _plain(tick), "middle", "tick")
    for tick in ticks(*reach_y):
        yield segment("grid", (LEFT, y(tick)), (WIDTH - RIGHT, y(tick)))
        yield label(LEFT - 8, y(tick) + 4, _plain(tick), "end", "tick")
    unit = f" ({kind.unit})" if kind.unit else ""
    yield label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "milliseconds a frame, logarithmic  ↓", "middle")
    yield upright_label(14, (TOP + floor) / 2, f"{kind.title}{unit}  {arrow(name)}")


def _front_line(unbeaten: Sequence[Point], x: Scale, y: Scale) -> Shape:
    """Steps, since between two systems there is none."""
    places = [(x(unbeaten[0].milliseconds), y(unbeaten[0].value))]
    for point in unbeaten[1:]:
        places += [(x(point.milliseconds), places[-1][1]), (x(point.milliseconds), y(point.value))]
    return path("front", [*places, (WIDTH - RIGHT, places[-1][1])])


def _labels(plotted: Sequence[Point], x: Scale, y: Scale) -> list[Shape]:
    """Names beside their points: to the right, or the left near the edge, a line further where one is."""
    dots = [(x(point.milliseconds), y(point.value)) for point in plotted]
    taken = [(across - 5, down + 4, across + 5) for across, down in dots]
    labels = []
    for point in sorted(plotted, key=lambda p: y(p.value)):
        text = point.name if len(point.name) <= 28 else f"{point.name[:27]}…"
        wide, across, down = LETTER * len(text), x(point.milliseconds), y(point.value) - 6
        rightwards = across + 9 + wide < WIDTH - RIGHT
        left = across + 9 if rightwards else across - 9 - wide
        while any(abs(down - b) < LABEL_STEP and left < d and a < left + wide for a, b, d in taken):
            down += LABEL_STEP
        taken.append((left, down, left + wide))
        labels.append(label(across + (9 if rightwards else -9), down, text, "start" if rightwards else "end"))
    return labels


def _plain(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
