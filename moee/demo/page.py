"""The demo's page: one HTML file beside its videos, opened from disk, without any network."""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.pages.page import badge, page
from moee.files import write_text

if TYPE_CHECKING:
    from moee.demo.steps import Step

SHOWN_METRICS = ("emotion_accuracy", "au_correlation", "lip_correlation", "psnr", "csim_reference", "flicker")
ORDER = ("ceiling", "system", "floor")
SPARK_WIDTH, SPARK_HEIGHT = 220, 48
INTRO = (
    "One portrait, one voice, and a request for an emotion: all that this page shows was made on this machine"
    " by moee demo, offline. How much of the request is to be seen is told by the table, not by the captions."
)
STYLE = """<style>
.hero { margin: 1.6rem 0; }
.hero video { width: 100%; max-width: 66rem; border-radius: 16px; display: block; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem;
  margin: 1.2rem 0; }
.pair { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: .7rem; }
.pair div { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; }
.pair video { width: 100%; max-width: none; }
.pair figcaption { text-align: center; } .pair strong { display: block; font-weight: 560; margin: 0 0 .5rem; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .88em; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem;
  overflow-x: auto; }
svg { display: block; margin-left: auto; } polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; }
li { max-width: 46rem; margin: .25rem 0; }
</style>"""
JUDGED = {
    "emotion_accuracy": "the emotion asked for",
    "au_correlation": "the action units",
    "lip_correlation": "the lips",
}
LIMITS = (
    "The shipped weights are small (128 pixels) and learnt from synthetic people only. What they can and "
    "cannot do yet, with scores, stands in their model card, `moee/weights/README.md`.",
    "The judges behind the numbers are small networks of ours, trained on the same synthetic world. The "
    "numbers compare methods; they are not those of a paper.",
    "The few training steps show that both stages run and learn; other weights speak in the videos.",
    "Few clips make wide intervals. `moee evaluate` on more clips narrows them.",
)
NEXT = """moee animate --portrait face.jpg --audio line.wav --emotion happy --out happy.mp4
moee animate --portrait face.jpg --audio line.wav --text "barely holding back tears" --out tears.mp4
moee train embedded-emotion --print-config
moee doctor"""


def write_page(out: Path, steps: "Mapping[str, Step]", seconds: float) -> Path:
    """Write `index.html` into the demo's folder from the records of its steps; its path."""
    body = "\n".join(
        (
            STYLE,
            _grids(steps["grids"].files),
            _numbers(steps["leaderboard"].facts["rows"]),
            _pairs(steps["clips"].files, steps["scores"].files),
            _work(steps, seconds),
            f"<h2>Limits</h2><ul>{''.join(f'<li>{_text(limit)}</li>' for limit in LIMITS)}</ul>",
            f"<h2>Next</h2><pre><code>{escape(NEXT)}</code></pre>",
            '<p class="soft">All videos here are AI-generated and say so in their metadata. Animate real '
            "people only with their consent.</p>",
        )
    )
    path = out / "index.html"
    write_text(path, page("MoEE Suite demo", INTRO, body))
    return path


def _text(text: str) -> str:
    """Escaped, with `code` between backticks."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _video(path: str, caption: str, options: str) -> str:
    return (
        f'<figure><video {options} playsinline preload="metadata" src="{escape(path, quote=True)}"></video>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _grids(files: Iterable[str]) -> str:
    figures = [_video(path, Path(path).stem.replace("-", " "), "controls loop") for path in files]
    return f'<h2>One line, asked for in eight feelings</h2><div class="hero">{"".join(figures)}</div>'


def _numbers(rows: Mapping[str, Any]) -> str:
    ordered = sorted(rows.items(), key=lambda item: ORDER.index(item[1]["role"]))
    known = [m for m in SHOWN_METRICS if any(m in row["metrics"] for row in rows.values())]
    titles = [next(row["metrics"][m] for row in rows.values() if m in row["metrics"]) for m in known]
    head = "".join(f'<th scope="col">{escape(t["title"])}{_hint(t)}</th>' for t in titles)
    lines = "".join(_number_row(name, row, known) for name, row in ordered)
    return (
        "<h2>What the judges say</h2><p>Real video is the ceiling; a picture that never moves and somebody "
        "else's clip are the floor. Below each number stands its 95 % interval. "
        f"<strong>{escape(' '.join(verdict(rows)))}</strong> "
        '<a href="leaderboard/index.html">The whole leaderboard</a></p><div class="scroll"><table><thead><tr>'
        f'<th class="name">System</th>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def verdict(rows: Mapping[str, Any]) -> list[str]:
    """In words: what the judges can tell from every floor, and what not, for the demo's one system."""
    floors = [row["metrics"] for row in rows.values() if row["role"] == "floor"]
    systems = [row["metrics"] for row in rows.values() if row["role"] == "system"]
    above: list[str] = []
    below: list[str] = []
    for metric, words in JUDGED.items():
        record = systems[0].get(metric) if systems else None
        floor = [f[metric]["value"] for f in floors if metric in f and f[metric]["value"] is not None]
        if record is not None and floor:
            clear = record["interval"] is not None and record["interval"][0] > max(floor)
            (above if clear else below).append(words)
    verdicts = [("Clearly above the floor", above), ("Not to be told from the floor on these clips", below)]
    return [f"{start}: {', '.join(names)}." for start, names in verdicts if names]


def _hint(record: Mapping[str, Any]) -> str:
    arrow = {"higher": "↑", "lower": "↓", "target": "→"}[record["direction"]]
    return f'<span class="unit">{arrow} {escape(record["unit"])}</span>'


def _number_row(name: str, row: Mapping[str, Any], known: Iterable[str]) -> str:
    label = "" if row["role"] == "system" else badge(row["role"], row["role"])
    cells = "".join(_number(row["metrics"].get(metric)) for metric in known)
    return f'<tr class="{row["role"]}"><th class="name" scope="row">{escape(name)}{label}</th>{cells}</tr>'


def _number(record: Mapping[str, Any] | None) -> str:
    if record is None or record["value"] is None:
        return "<td>–</td>"
    span = record["interval"]
    interval = f'<span class="range">{span[0]:.3g} to {span[1]:.3g}</span>' if span else ""
    return f"<td>{record['value']:.3g}{interval}</td>"


def _pairs(true: Iterable[str], scored: Iterable[str]) -> str:
    generated = {Path(path).stem: path for path in scored if path.endswith(".mp4")}
    cards = []
    for path in true:
        stem = Path(path).stem
        if stem in generated:
            title = stem.partition("-")[2].replace("_", " ")
            videos = _video(path, "truth", "controls loop") + _video(
                generated[stem], "generated", "controls loop"
            )
            cards.append(f'<div class="pair"><strong>{escape(title)}</strong><div>{videos}</div></div>')
    return (
        "<h2>Truth and generated</h2><p>People and voices that no network saw in training. The network gets "
        "one neutral picture, the voice, the label and the head's motion.</p>"
        f'<div class="pairs">{"".join(cards)}</div>'
    )


def _work(steps: "Mapping[str, Step]", seconds: float) -> str:
    lines = "".join(
        f'<tr><th class="name" scope="row">{escape(step.title)}</th><td>{_facts(step.facts)}</td>'
        f"<td>{step.seconds:.1f} s{' (reused)' if step.reused else ''}</td></tr>"
        for step in steps.values()
    )
    work = sum(step.seconds for step in steps.values())
    return (
        f"<h2>What was done</h2><p>{work:.0f} seconds of work in all, {seconds:.0f} in the last run.</p>"
        f'<div class="scroll"><table><tbody>{lines}</tbody></table></div>'
    )


def _facts(facts: Mapping[str, Any]) -> str:
    plain = ", ".join(f"{key} {value:,}" for key, value in facts.items() if isinstance(value, int | float))
    losses = facts.get("loss") or []
    if not losses:
        return escape(plain)
    return f"{escape(plain)}, loss {losses[0]:.3g} to {losses[-1]:.3g}{sparkline(losses)}"


def sparkline(values: list[float]) -> str:
    """A small curve of the values as SVG, the largest at the top; nothing for fewer than two."""
    if len(values) < 2:
        return ""
    low, span = min(values), (max(values) - min(values)) or 1.0
    across, down = (SPARK_WIDTH - 4) / (len(values) - 1), (SPARK_HEIGHT - 4) / span
    points = " ".join(f"{2 + across * i:.1f},{2 + down * (low + span - v):.1f}" for i, v in enumerate(values))
    return (
        f'<svg width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}" role="img" aria-label="loss over steps">'
        f'<polyline points="{points}"/></svg>'
    )
