"""Lines with intervals over a common axis, as SVG that follows the page's light and dark."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from markupsafe import Markup

from evaluation.pages.axes import ticks
from evaluation.pages.page import render
from evaluation.pages.svg import Shape, dot, drawing, label, path, segment, upright_label

LABEL_STEP, LETTER = 13.0, 6.4  # height of a label's line, width of a letter, in the units of the picture
TOP, RIGHT, BOTTOM, LEFT = 14, 12, 42, 74  # margins
COLOURS = 7  # those of `lines.css`, in turn
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Line:
    """One line.

    Args:
        name: written at its end.
        x: ascending.
        y: None where there is no number; the line has a gap there.
        spans: an interval at each x, drawn as a band; None where there is none. Empty for no band.
        colour: number in the palette.
        dashed: for what is no measurement of its own, such as a truth beside it.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    spans: Sequence[tuple[float, float] | None] = field(default=())
    colour: int = 0
    dashed: bool = False


def line_chart(
    lines: Sequence[Line],
    title: str,
    x_label: str,
    y_label: str,
    reach: tuple[float, float] | None = None,
    size: tuple[int, int] = (560, 300),
    named: bool = True,
) -> Markup:
    """An SVG with a title and a description for those who cannot see it.

    Args:
        lines: at least one number in all.
        title: what is seen.
        x_label: quantity and unit.
        y_label: likewise.
        reach: of the vertical axis; by default as far as lines and bands go.
        size: width and height.
        named: whether names stand at the ends of the lines; without them a legend must tell.

    Raises:
        ValueError: without a number.
    """
    known = [y for line in lines for y in line.y if y is not None]
    if not known:
        raise ValueError(f"{title}: no numbers to draw")
    ends = [end for line in lines for span in line.spans if span for end in span]
    low, high = reach or _padded(min([*known, *ends]), max([*known, *ends]))
    across = [x for line in lines for x in line.x]
    right = RIGHT + (LETTER * max(len(line.name) for line in lines) + 8 if named else 0)
    width, height = size

    def x(value: float) -> float:
        return LEFT + (value - min(across)) / ((max(across) - min(across)) or 1.0) * (width - LEFT - right)

    def y(value: float) -> float:
        return height - BOTTOM - (min(max(value, low), high) - low) / (high - low) * (height - TOP - BOTTOM)

    edges = (min(across), max(across)), (low, high)
    shapes = [*_axes(edges, (x_label, y_label), (width - right, height), x, y)]
    shapes += [band for line in lines for band in _band(line, x, y)]
    shapes += [stroke for line in lines for stroke in _strokes(line, x, y)]
    shapes += _names(lines, width - right + 6, y) if named else []
    return drawing(shapes, size, title, "; ".join(_in_words(line) for line in lines), "lines")


def legend(names: Sequence[str]) -> Markup:
    """Names in the colours of the palette, in order."""
    return render("legend.html.j2", {"names": [(i % COLOURS, name) for i, name in enumerate(names)]})


def panels(title: str, charts: Mapping[str, Markup]) -> Markup:
    """Small charts side by side under one heading, by their captions."""
    return render("panels.html.j2", {"title": title, "charts": charts})


def _padded(low: float, high: float) -> tuple[float, float]:
    air = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - air, high + air


def _axes(
    edges: tuple[tuple[float, float], tuple[float, float]],
    labels: tuple[str, str],
    corner: tuple[float, float],
    x: Scale,
    y: Scale,
) -> Iterator[Shape]:
    right, height = corner
    for tick in ticks(*edges[1]):
        yield segment("grid", (LEFT, y(tick)), (right, y(tick)))
        yield label(LEFT - 6, y(tick) + 4, f"{tick:.4g}", "end", "tick")
    for tick in ticks(*edges[0]) if edges[0][1] > edges[0][0] else [edges[0][0]]:
        yield label(x(tick), height - BOTTOM + 16, f"{tick:.4g}", "middle", "tick")
    yield label((LEFT + right) / 2, height - 8, labels[0], "middle")
    yield upright_label(13, (TOP + height - BOTTOM) / 2, labels[1])


def _runs(known: Sequence[bool]) -> Iterator[list[int]]:
    """Places of a line without gaps."""
    for whole, places in groupby(range(len(known)), key=lambda i: known[i]):
        if whole:
            yield list(places)


def _band(line: Line, x: Scale, y: Scale) -> Iterator[Shape]:
    for run in _runs([span is not None for span in line.spans]):
        spans = [(line.x[i], line.spans[i] or (0.0, 0.0)) for i in run]
        upper = [(x(at), y(high)) for at, (_, high) in spans]
        lower = [(x(at), y(low)) for at, (low, _) in reversed(spans)]
        yield path(f"band c{line.colour % COLOURS}", [*upper, *lower], closed=True)


def _strokes(line: Line, x: Scale, y: Scale) -> Iterator[Shape]:
    kind = f"c{line.colour % COLOURS}{' dashed' if line.dashed else ''}"
    for run in _runs([value is not None for value in line.y]):
        places = [(x(line.x[i]), y(line.y[i] or 0.0)) for i in run]
        yield dot(f"spot {kind}", *places[0], 2.5) if len(places) == 1 else path(f"stroke {kind}", places)


def _names(lines: Sequence[Line], left: float, y: Scale) -> list[Shape]:
    """At the last number of each line, pushed down where another name stands."""
    last = [(line, next((v for v in reversed(line.y) if v is not None), None)) for line in lines]
    heights = sorted(
        ((y(value), line) for line, value in last if value is not None), key=lambda pair: pair[0]
    )
    placed, labels = -LABEL_STEP, []
    for height, line in heights:
        placed = max(height + 4, placed + LABEL_STEP)
        labels.append(label(left, placed, line.name, "start", f"name c{line.colour % COLOURS}"))
    return labels


def _in_words(line: Line) -> str:
    pairs = [(x, y) for x, y in zip(line.x, line.y, strict=True) if y is not None]
    return f"{line.name}: " + ", ".join(f"{y:.3g} at {x:.3g}" for x, y in pairs[:: max(1, len(pairs) // 8)])
