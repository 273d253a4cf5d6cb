"""How the leaderboard looks: one page without any network, light and dark, readable on a phone."""

from collections.abc import Iterable
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1c1d21; --soft: #6b6f7a; --line: #e4e5ea; --paper: #fbfbfc;
  --card: #fff;
  --accent: #3b5bdb; --tint: #eef1fd; --ceiling: #2b8a3e; --floor: #b35c00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --soft: #9a9eaa; --line: #2c2f38; --paper:
  #121317;
  --card: #1a1c22; --accent: #91a7ff; --tint: #222842; --ceiling: #69db7c; --floor: #ffb366; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 84rem; margin: 0 auto; padding: clamp(1.2rem, 4vw, 4rem) clamp(1rem, 4vw, 3rem) 5rem; }
h1 { font-size: clamp(1.7rem, 4vw, 2.6rem); font-weight: 650; letter-spacing: -0.02em; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; font-weight: 620; margin: 3.2rem 0 .3rem; letter-spacing: -0.01em; }
p { max-width: 46rem; margin: .3rem 0; } .soft { color: var(--soft); font-size: .9rem; }
.scroll { overflow-x: auto; margin: 1.2rem 0; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .7rem .9rem; text-align: right; white-space: nowrap; border-bottom: 1px solid
  var(--line); }
tbody:last-child tr:last-child > * { border-bottom: 0; }
thead th { vertical-align: bottom; font-weight: 560; }
.name { text-align: left; position: sticky; left: 0; background: var(--card); z-index: 1; font-weight: 560;
  max-width: 15rem; white-space: normal; min-width: 9rem; }
button { all: unset; cursor: pointer; border-radius: 4px; } button:hover { color: var(--accent); }
button:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
.arrow { color: var(--soft); } th[aria-sort] .arrow { color: var(--accent); }
.unit, .range { display: block; font-size: .74rem; font-weight: 400; color: var(--soft); }
.badge { display: inline-block; font-size: .7rem; font-weight: 500; padding: 0 .5em; border: 1px solid
  currentColor;
  border-radius: 1em; margin-left: .4em; vertical-align: .08em; }
.ceiling { color: var(--ceiling); } .floor { color: var(--floor); } .embedded { color: var(--accent); }
tr.ceiling, tr.floor { color: inherit; } tr.ceiling td, tr.floor td { color: var(--soft); }
td.best { background: var(--tint); font-weight: 680; } td.best .range { font-weight: 400; }
details { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: .5rem 0; }
summary { cursor: pointer; padding: .6rem 1rem; font-weight: 520; }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .25rem 1.2rem; margin: .2rem
  1rem 1rem;
  font-size: .86rem; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.videos { display: flex; flex-wrap: wrap; gap: 1rem; margin: .4rem 1rem 1rem; } figure { margin: 0; }
figcaption { font-size: .78rem; color: var(--soft); } video { width: 11rem; max-width: 44vw;
  border-radius: 10px; }
@media (max-width: 36rem) { th, td { padding: .55rem .6rem; } .name { min-width: 7rem; } dl {
  grid-template-columns: 1fr; }
  dd { margin-bottom: .4rem; } }
"""

SCRIPT = """
for (const table of document.querySelectorAll("table")) {
  table.querySelectorAll("thead button").forEach((button) => button.addEventListener("click", () => {
    const head = button.closest("th"), column = head.cellIndex, body = table.querySelector("tbody.systems");
    const first = head.dataset.first, now = head.getAttribute("aria-sort");
    const next = now === "ascending" ? "descending" : now === "descending" ? "ascending" : first;
    table.querySelectorAll("thead th").forEach((th) => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", next);
    const sign = next === "ascending" ? 1 : -1;
    const value = (row) => row.cells[column].dataset.value;
    [...body.rows].sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * (column ? x - y : x.localeCompare(y));
    }).forEach((row) => body.append(row));
  }));
}
"""


def page(title: str, intro: str, body: str) -> str:
    """A whole HTML document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n<p>{escape(intro)}</p>\n{body}\n</main>\n<script>{SCRIPT}</script>\n"
        "</body>\n</html>\n"
    )


def badge(text: str, kind: str) -> str:
    """A small label."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def definitions(items: Iterable[tuple[str, str]]) -> str:
    """A list of terms; those without a text are left out."""
    inner = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in items if text)
    return f"<dl>{inner}</dl>"


def disclosure(summary: str, inner: str) -> str:
    """A block that opens on demand; `summary` is HTML."""
    return f"<details><summary>{summary}</summary>{inner}</details>"
