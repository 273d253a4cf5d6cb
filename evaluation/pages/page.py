"""How our pages look: one document without any network, light and dark, readable on a phone."""

import base64
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib.resources import files


def asset(name: str) -> str:
    """Text of a style or script that ships with the package."""
    return files("evaluation.pages").joinpath("assets", name).read_text(encoding="utf-8")


def page(title: str, intro: str, body: str, script: str = "board.js", style: str = "") -> str:
    """A whole HTML document.

    No other script than its own runs in it and nothing is loaded but pictures and videos beside it, even if
    a text were to slip through unescaped.

    Args:
        title: of the page.
        intro: a paragraph below it; empty for none.
        body: HTML.
        script: name of the script in `evaluation/site`.
        style: name of a style there that comes on top of the common one.
    """
    code = f"\n{asset(script)}"
    mark = base64.b64encode(sha256(code.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{mark}'; style-src 'unsafe-inline'; "
        "img-src 'self' file: data:; media-src 'self' file: data:; base-uri 'none'; form-action 'none'"
    )
    look = asset("page.css") + (asset(style) if style else "")
    lead = f'<p class="lead">{escape(intro)}</p>\n' if intro else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{look}</style>\n"
        f"</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n{lead}{body}\n</main>\n"
        f"<script>{code}</script>\n</body>\n</html>\n"
    )


def badge(text: str, kind: str) -> str:
    """A small label."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def aside(text: str) -> str:
    """Text for screen readers alone."""
    return f'<span class="aside">{escape(text)}</span>'


def definitions(items: Iterable[tuple[str, str]]) -> str:
    """A list of terms; those without a text are left out."""
    inner = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in items if text)
    return f"<dl>{inner}</dl>"


def disclosure(summary: str, inner: str, attributes: str = "") -> str:
    """A block that opens on demand; `summary` is HTML."""
    return f"<details{attributes}><summary>{summary}</summary>{inner}</details>"


def data_table(caption: str, head: str, bodies: str, kind: str = "") -> str:
    """A table with its caption, in a box that scrolls sideways, also by keyboard.

    Args:
        caption: stays in sight while the table scrolls.
        head: cells of the header row, HTML.
        bodies: one or more `tbody`, HTML.
        kind: class of the table.
    """
    classes = f' class="{kind}"' if kind else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table{classes}>'
        f"<caption><span>{escape(caption)}</span></caption><thead><tr>{head}</tr></thead>"
        f"{bodies}</table></div>"
    )
