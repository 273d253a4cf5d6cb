"""Pictures of lines and texts as SVG, which follow the page's light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.pages.page import render

Point = tuple[float, float]  # across and down, in the units of the picture


@dataclass(frozen=True)
class Shape:
    """One element.

    Args:
        tag: of SVG.
        attributes: by name.
        text: that stands in it.
    """

    tag: str
    attributes: Mapping[str, str]
    text: str = ""


def label(x: float, y: float, text: str, anchor: str, kind: str = "label") -> Shape:
    """A text at a place; `anchor` is start, middle or end."""
    return Shape("text", {"class": kind, "x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}, text)


def upright_label(x: float, y: float, text: str) -> Shape:
    """A text that is read from below, centred on a place."""
    turned = f"translate({x:.0f} {y:.0f}) rotate(-90)"
    return Shape("text", {"transform": turned, "text-anchor": "middle"}, text)


def segment(kind: str, start: Point, end: Point) -> Shape:
    """A straight line from place to place."""
    (x1, y1), (x2, y2) = start, end
    ends = {"x1": f"{x1:.1f}", "x2": f"{x2:.1f}", "y1": f"{y1:.1f}", "y2": f"{y2:.1f}"}
    return Shape("line", {"class": kind, **ends})


def dot(kind: str, x: float, y: float, radius: float) -> Shape:
    """A full circle."""
    return Shape("circle", {"class": kind, "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:g}"})


def path(kind: str, places: Sequence[Point], closed: bool = False) -> Shape:
    """A line through many places, or the area they enclose."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Shape("polygon" if closed else "polyline", {"class": kind, "points": points})


def drawing(
    shapes: Sequence[Shape],
    size: tuple[int, int],
    title: str,
    description: str,
    kind: str = "",
    name: str = "",
) -> Markup:
    """An SVG with a title and a description for those who cannot see it.

    Args:
        shapes: what is drawn, the last on top.
        size: width and height.
        title: what is seen.
        description: the same in words.
        kind: class of the element.
        name: makes title and description findable on the page; empty for none.
    """
    attributes = {"class": kind or None, "viewBox": f"0 0 {size[0]} {size[1]}", "role": "img"}
    ids = (f"{name}-title", f"{name}-text") if name else ("", "")
    attributes["aria-labelledby"] = " ".join(ids) if name else None
    values = {"attributes": attributes, "shapes": shapes, "title": title, "description": description}
    return render("svg.html.j2", values | {"title_id": ids[0], "text_id": ids[1]})
